"""Slipway's optimizer beside its peers and beside an exhaustive sweep.

`python bench/optimizer/run.py --recipes FOLDER --out FILE [--models a,b] [--threads 1,2] [--quick] [--peers FOLDER]`
needs only Python with the optimizer's packages. Recipes come from `node bench/optimizer/recipes.mjs`. Writes JSON, the
hosts' results side by side, and Markdown beside it. `npm run bench:optimizer` does all of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "container"))

import numpy  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from contestants import PEERS, peer_jobs, run_peer  # noqa: E402
from models import MODELS, prepare  # noqa: E402
from one_model import Task, bench, for_other_machine, read_recipe, rows_of, shortened  # noqa: E402
from table import markdown  # noqa: E402

from optimizer.host import read_cpuinfo, this_host  # noqa: E402

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


def main() -> int:
    given = arguments()
    # Asked to end, it removes its files: some gigabytes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    chosen = [shortened(model, given.quick) for model in MODELS if model.name in given.models]
    recipes = {model.name: read_recipe(given.recipes, model) for model in chosen}
    host = this_host()
    unlike = [name for name, recipe in recipes.items() if for_other_machine(recipe, host.instruction_set)]
    if unlike:
        print(f"Recipes of {', '.join(unlike)} are not for {host.instruction_set}: speed will not be judged.",
              file=sys.stderr)  # fmt: skip
    load = os.getloadavg()[0]
    # ONNX Runtime's preprocessing drops files into the working directory.
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name, contextlib.chdir(name):
        tasks = []
        for model in chosen:
            folder = Path(name) / model.name
            folder.mkdir()
            print(f"{model.name}: preparing", file=sys.stderr, flush=True)
            prepared = prepare(model, folder)
            tasks.append(Task(model, prepared, recipes[model.name], given.threads, folder, given.quick, {}))
        absent = {peer: peer_ran(peer, given.peers, tasks, Path(name), given.quick) for peer in PEERS}
        failed = False
        for task in tasks:
            row = one(replace(task, absent=absent))
            failed |= "failed" in row
            # After each model, so that nothing is lost when a long run is cut off.
            text = write(given.out, host_facts(load, time.monotonic() - began), [row])
    print(text)
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    names = [model.name for model in MODELS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recipes", type=Path, required=True, help="folder of recipe files, one for each model")
    parser.add_argument("--out", type=Path, default=HERE.parent / "results" / "optimizer.json")
    parser.add_argument("--models", type=lambda text: text.split(","), default=names, help=", ".join(names))
    parser.add_argument(
        "--threads", type=lambda text: [int(part) for part in text.split(",")], default=None, help="default: 1 and all"
    )
    parser.add_argument("--quick", action="store_true", help="fewer samples and rounds, a smaller grid")
    parser.add_argument("--peers", type=Path, help="folder with the environments olive and optimum")
    given = parser.parse_args()
    unknown = [name for name in given.models if name not in names]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(names)}")
    given.recipes, given.out = given.recipes.resolve(), given.out.resolve()
    given.peers = given.peers and given.peers.resolve()
    given.threads = given.threads or sorted({1, this_host().processors})
    missing = [name for name in given.models if not (given.recipes / f"{name}.json").is_file()]
    if missing:
        parser.error(
            f"no recipe in {given.recipes} for {', '.join(missing)}; node bench/optimizer/recipes.mjs writes them"
        )
    return given


def peer_ran(peer: str, environments: Path | None, tasks: list[Task], folder: Path, quick: bool) -> str:
    """Let a peer make its files for all models. Gives the reason for files that are not there afterwards."""
    python = environments and environments / peer / "bin" / "python"
    if python is None or not python.exists():
        reason = environments and environments / f"{peer}.failed"
        return reason.read_text().strip() if reason and reason.exists() else "not installed on this machine"
    print(f"{PEERS[peer]}", file=sys.stderr, flush=True)
    jobs = []
    for task in tasks:
        calibration, _ = rows_of(task.model, task.prepared, task.recipe["seed"], quick)
        jobs += peer_jobs(task.prepared, calibration, task.folder, peer)
    needed = run_peer(peer, python, jobs, folder, 120 if quick else 600)
    last = needed.errors.splitlines()[-1] if needed.errors else ""
    return f"ended early: {last}"[:200] if needed.code else "made no file"


def one(task: Task) -> dict[str, Any]:
    """A model in a process of its own, so that a crash of ONNX Runtime costs one row and memory is given back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return {**pool.submit(bench, task).result(), "date": datetime.now(UTC).date().isoformat()}
        except BrokenProcessPool:
            return {"model": task.model.name, "title": task.model.title, "failed": "the process of this model crashed"}


def host_facts(load: float, seconds: float) -> dict[str, Any]:
    host = this_host()
    flags = read_cpuinfo().get("flags", read_cpuinfo().get("Features", "")).split()
    return {
        "instructionSet": host.instruction_set,
        "cpu": host.cpu,
        "processors": host.processors,
        "features": [flag for flag in FLAGS if flag in flags],
        "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "loadBefore": round(load, 2),
        "seconds": round(seconds),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "numpy": numpy.__version__,
    }


def write(out: Path, host: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Put this run's models beside those of other hosts, and of this one where it is the same processor."""
    known = json.loads(out.read_text()) if out.exists() else {}
    hosts = known.get("hosts", {})
    before = hosts.get(host["instructionSet"], {})
    kept = before.get("models", []) if before.get("host", {}).get("cpu") == host["cpu"] else []
    fresh = {row["model"]: row for row in rows}
    order = [model.name for model in MODELS]
    both = {**{row["model"]: row for row in kept}, **fresh}
    hosts[host["instructionSet"]] = {"host": host, "models": [both[name] for name in order if name in both]}
    result = {
        "title": "The optimizer beside its peers",
        "command": "npm run bench:optimizer",
        "hosts": dict(sorted(hosts.items())),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    text = markdown(result)
    out.with_suffix(".md").write_text(text)
    return text


if __name__ == "__main__":
    sys.exit(main())
