"""Makes the graphs that real exporters write, without their weights, and expected.json: what is known of their values.

Run it in an environment of requirements.txt: `python make.py`, or with names to make only some again. See README.md.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from classic import CLASSIC
from detectors import DETECTORS
from expected import disagreements, every_size, inferred, run, unknown
from export import Maker, stripped
from images import IMAGES
from language import LANGUAGE
from onnx import ModelProto
from operators import OPERATORS
from recurrent import RECURRENT
from reduced import REDUCED
from sound import SOUND

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
MAKERS: dict[str, Maker] = {
    **IMAGES, **LANGUAGE, **RECURRENT, **DETECTORS, **SOUND, **REDUCED, **CLASSIC, **OPERATORS,
}  # fmt: skip


def facts(name: str, make: Maker) -> dict:
    """Writes one graph; what was inferred of its values, checked against a run of the graph with its weights."""
    torch.manual_seed(0)
    np.random.seed(0)
    export = make()
    data = stripped(name, export.model)
    (HERE / f"{name}.onnx").write_bytes(data)
    tool, values = inferred(ModelProto.FromString(data), export.model, export.sizes)
    actual = run(export.model, export.sizes)
    wrong = disagreements(values, actual)
    ran = {n: held for n, held in actual.items() if n not in values or unknown(values[n][1])}
    return {
        "exporter": export.exporter,
        "sizes": every_size(export.model, export.sizes),
        "tool": tool,
        "values": values,
        "ran": ran,
        "wrong": wrong,
    }


def main(names: list[str]) -> int:
    found = json.loads(EXPECTED.read_text()) if names and EXPECTED.exists() else {}
    problems = []
    for name in names or MAKERS:
        start = time.perf_counter()
        try:
            # Some of the tools leave files where they run.
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                found[name] = facts(name, MAKERS[name])
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {str(error)[:2000]}")
            continue
        problems += [f"{name}: {wrong}" for wrong in found[name].pop("wrong")]
        size = (HERE / f"{name}.onnx").stat().st_size // 1024
        print(f"{name}: {size} KiB, {time.perf_counter() - start:.0f} s", flush=True)
    lines = [
        f"{json.dumps(name)}: {json.dumps(found[name], separators=(',', ':'))}" for name in MAKERS if name in found
    ]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(*problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    # Two of the exporters go through sets of names, whose order hangs on the seed of hashes.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(sys.argv[1:]))
