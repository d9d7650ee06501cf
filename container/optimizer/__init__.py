"""The optimizer: makes smaller forms of a model, measures each against fp32 and ships the best that passes the gate."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
