"""Lines for people and log collectors, on standard error: one JSON object each, never a request's contents."""

from __future__ import annotations

import sys
import time

import orjson


def log(level: str, message: str, **fields: object) -> None:
    """Writes one line. orjson escapes control characters, so no value can forge a second line."""
    record = {"time": round(time.time(), 3), "level": level, "message": message, **fields}
    try:
        sys.stderr.buffer.write(orjson.dumps(record, default=str) + b"\n")
        sys.stderr.buffer.flush()
    except (OSError, ValueError):
        pass
