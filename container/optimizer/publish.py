"""Puts the finished files in place: all or nothing as far as a file system can, the report last."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema

from .bake import Baked
from .recipe import validator
from .views import write_views
from .weights_file import weights_beside

STAGING_PREFIX = ".slipway-"
FILES = (
    "model.onnx.data",
    "model.onnx",
    "reference.onnx",
    "canaries.npz",
    "build.json",
    "report.md",
    "report.html",
    "report.ipynb",
    "tensorboard",
    "report.json",
)
"""All that a run may leave, in the order of their coming; what this one does not make goes with the earlier result."""


class ReportInvalidError(Exception):
    """A document does not follow its schema: a fault of this program."""


def publish(baked: Baked, document: dict[str, Any], build: dict[str, Any], out: Path, token: str) -> None:
    """Write the model, its canaries, the report and its views to `out`.

    Everything is written in full to a hidden folder inside `out` first, named by `token`. Then the earlier result is
    moved there and the new one into place, the report last: a folder with a report is always a whole one.
    Raises OSError when the disk is full or `out` cannot be written; `out` is then as before.
    """
    check("report", document)
    check("build", build)
    existed = out.exists()
    recover(out)
    staging = out / f"{STAGING_PREFIX}{token}"
    ready = staging / "ready"
    try:
        ready.mkdir(parents=True)
        with owned(staging):
            shutil.copyfile(baked.model, ready / "model.onnx")
            if weights_beside(baked.model).is_file():
                shutil.copyfile(weights_beside(baked.model), ready / "model.onnx.data")
            if baked.reference is not None:
                shutil.copyfile(baked.reference, ready / "reference.onnx")
            shutil.copyfile(baked.canaries, ready / "canaries.npz")
            fp32 = baked.repaired.decided.tried.referenced.baked
            write_views(document, build, ready, {"fp32": fp32, "served": baked.model})
            for name, content in (("build.json", build), ("report.json", document)):
                (ready / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            put_in_place(out, staging)
    except BaseException:
        remove_staging(out, token, existed)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def check(kind: str, document: dict[str, Any]) -> None:
    try:
        validator(kind)(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise ReportInvalidError(f"{kind}.json: {error.message}") from None


def put_in_place(out: Path, staging: Path) -> None:
    """Exchange the result in `out` for the one in `staging/ready`; `earlier` and `placing` tell how far it came."""
    earlier, placing = staging / "earlier", staging / "placing"
    earlier.mkdir()
    for name in reversed(FILES):
        if (out / name).exists():
            (out / name).rename(earlier / name)
    (staging / "ready").rename(placing)
    for name in FILES:
        if (placing / name).exists():
            (placing / name).rename(out / name)


def take_back(out: Path, staging: Path) -> None:
    """Undo an exchange that was broken off; nothing where it had not begun, or the report is in its place."""
    ready, earlier, placing = (staging / name for name in ("ready", "earlier", "placing"))
    if not earlier.is_dir() or not (ready.is_dir() or (placing / "report.json").exists()):
        return
    for name in FILES:
        if placing.is_dir() and not (placing / name).exists():
            remove(out / name)
        if (earlier / name).exists():
            (earlier / name).rename(out / name)


@contextlib.contextmanager
def owned(staging: Path) -> Iterator[None]:
    """Hold a staging folder, for as long as this process lives at most. Raises BlockingIOError when another does."""
    handle = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def recover(out: Path) -> None:
    """Undo the exchange of a run that was killed, and remove what it left."""
    for staging in out.glob(f"{STAGING_PREFIX}*"):
        with contextlib.suppress(OSError), owned(staging):
            take_back(out, staging)
            shutil.rmtree(staging, ignore_errors=True)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_staging(out: Path, token: str, existed: bool) -> None:
    """Undo what `publish` left when it was interrupted; remove `out` too when it was made for nothing."""
    staging = out / f"{STAGING_PREFIX}{token}"
    take_back(out, staging)
    shutil.rmtree(staging, ignore_errors=True)
    if not existed and out.is_dir() and not any(out.iterdir()):
        out.rmdir()
