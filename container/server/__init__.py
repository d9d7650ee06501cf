"""The last step of the road: one process that serves one ONNX model over HTTP, in every platform's contract at once."""

import os

# Before the first import of onnxruntime or numpy, in this process and in the decoders it starts: no telemetry, and no
# thread pool of numpy's own beside the workers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

VERSION = "0.1.0"
