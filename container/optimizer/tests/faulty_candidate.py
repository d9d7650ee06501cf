"""Stands in for `optimizer.candidate` in tests: candidates named after a fault commit it."""

import json
import os
import sys
import time
from pathlib import Path

from optimizer import candidate, lifeline


def hang() -> None:
    lifeline.attach()
    time.sleep(600)


def eat_memory() -> None:
    folder = Path(json.loads(Path(sys.argv[1]).read_text())["folder"])
    time.sleep(0.3)
    try:
        held = [bytearray(100_000_000) for _ in range(1000)]
        raise SystemExit(len(held))
    except MemoryError:
        (folder / "result.json").write_text(json.dumps({"failure": "ran out of memory"}))
        raise SystemExit(1) from None


FAULTS = {"crashes": os.abort, "hangs": hang, "eats-memory": eat_memory, "says-nothing": lambda: sys.exit(0)}

if __name__ == "__main__":
    name = json.loads(Path(sys.argv[1]).read_text())["candidate"]["name"]
    FAULTS.get(name, lambda: None)()
    sys.exit(candidate.main())
