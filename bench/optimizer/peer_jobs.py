"""Optimizer bench, inside a peer's environment: works off a list of files to quantize.

The list is JSON: [{"mode": "static" | "dynamic", "model", "calibration", "out", "again"}]. Each job leaves `out`, or
`out` + ".failed" with the reason. `again` is the model after ONNX Runtime's own preprocessing, tried where the peer
cannot take the model as it is; `out` + ".note" then says so.
"""

import json
import traceback
from collections.abc import Callable
from pathlib import Path


def work_off(jobs: str, quantize: Callable[[str, str, str, str], None]) -> None:
    for job in json.loads(Path(jobs).read_text()):
        out = Path(job["out"])
        try:
            quantize(job["mode"], job["model"], job["calibration"], job["out"])
        except Exception as error:
            reason = said(error)
            try:
                quantize(job["mode"], job["again"], job["calibration"], job["out"])
            except Exception:
                traceback.print_exc()
                out.unlink(missing_ok=True)
                Path(f"{out}.failed").write_text(reason)
            else:
                Path(f"{out}.note").write_text(f"only after preprocessing; as given: {reason}")


def said(error: BaseException) -> str:
    """The innermost reason, one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{type(error).__name__}: {lines[0]}"[:200]
