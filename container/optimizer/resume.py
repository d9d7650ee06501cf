"""Keeps finished candidates by content, for stage 4 and repair, so that a run that was killed goes on where it was."""

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from .candidate import Job
from .forms.ranges import convergence_file
from .host import this_host
from .tools import tool_versions

MOST_BYTES = 2_000_000_000
MOST_SECONDS = 7 * 24 * 3600.0
"""Entries that are older, and the oldest beyond MOST_BYTES, are removed when a run begins."""
FILES = ("model.onnx", "answers.npz", "ranges.json", "tensors.json", "result.json")
"""Of a candidate's folder, those that are kept."""
SHARED = "shared-"
"""Begins the names of files that all candidates of a calibration method share."""


def key_of(job: Job, samples_sha256: str, *, locked: bool = False) -> str:
    """The same key means the same result: what the job reads, by content, the tools, this code and this machine.

    `locked`: the ranges are read too, since a lock gave them; else the job finds them out.
    """
    ranges = Path(job.ranges)
    said = asdict(job)
    for path in ("folder", "samples", "ranges"):
        said.pop(path)
    content = {
        **said,
        "source": sha256_of(Path(job.source)),
        "reference": sha256_of(Path(job.reference)),
        "samples": samples_sha256,
        "ranges": sha256_of(ranges) if locked and ranges.exists() else None,
        "tools": tool_versions(),
        "code": code_sha256(),
        "host": asdict(this_host()),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


@cache
def sha256_of(path: Path) -> str:
    """Of a file in the scratch folder, which nothing changes once it is written."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_sha256() -> str:
    """Of the optimizer's own sources, tests left out."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if "tests" not in path.relative_to(package).parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def restore(kept: Path, folder: Path, ranges: Path) -> Mapping[str, Any] | None:
    """Copy a finished candidate to its folder, its method's ranges too unless they are there; what else was kept.

    None where there is no such entry, or it cannot be read.
    """
    try:
        about = json.loads((kept / "kept.json").read_text())
        for path in kept.iterdir():
            if path.name in FILES:
                shutil.copyfile(path, folder / path.name)
        if not ranges.exists():
            for path in reversed(shared(ranges)):
                if (kept / f"{SHARED}{path.name}").exists():
                    shutil.copyfile(kept / f"{SHARED}{path.name}", path)
        kept.touch()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        shutil.rmtree(kept, ignore_errors=True)
        return None
    return about


def shared(ranges: Path) -> tuple[Path, Path]:
    """The ranges of a method, and how they settled."""
    return ranges, convergence_file(ranges)


def keep(kept: Path, folder: Path, ranges: Path, about: Mapping[str, Any]) -> None:
    """Keep a finished candidate, whole or not at all. A cache that cannot be written is no error: it saves time."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".", dir=kept.parent))
    except OSError:
        return
    try:
        for path in (folder / name for name in FILES):
            if path.exists():
                shutil.copyfile(path, made / path.name)
        for path in shared(ranges):
            if path.exists():
                shutil.copyfile(path, made / f"{SHARED}{path.name}")
        (made / "kept.json").write_text(json.dumps(about))
        made.rename(kept)
    except OSError:
        pass
    finally:
        shutil.rmtree(made, ignore_errors=True)


def prune(folder: Path, now: float | None = None) -> None:
    """Bound the cache by age and bytes; the oldest go first."""
    if not folder.is_dir():
        return
    moment = time.time() if now is None else now
    entries = sorted((found for path in folder.iterdir() if (found := used_and_bytes(path))), reverse=True)
    total = 0
    for used, size, path in entries:
        total += size
        if moment - used > MOST_SECONDS or total > MOST_BYTES:
            shutil.rmtree(path, ignore_errors=True)


def used_and_bytes(path: Path) -> tuple[float, int, Path] | None:
    """When an entry was last used, and its size; None when another run takes it away meanwhile."""
    try:
        return path.stat().st_mtime, sum(file.stat().st_size for file in path.iterdir() if file.is_file()), path
    except OSError:
        return None
