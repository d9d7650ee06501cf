"""Puts the finished files in place: all or nothing as far as a file system can, the report last."""

import json
import shutil
from pathlib import Path
from typing import Any

import fastjsonschema

from .bake import Baked
from .recipe import validator

STAGING_PREFIX = ".slipway-"


class ReportInvalidError(Exception):
    """The report does not follow its schema: a fault of this program."""


def publish(baked: Baked, document: dict[str, Any], out: Path, token: str) -> None:
    """Write model.onnx, canaries.npz and report.json to `out`.

    Files are written in full to a hidden folder inside `out` first, named by `token`, then renamed. A report from an
    earlier run is removed before its model is replaced: a folder with a report is always a whole one.
    Raises OSError when the disk is full or `out` cannot be written; `out` is then as before, or without a report.
    """
    try:
        validator("report")(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise ReportInvalidError(error.message) from None
    existed = out.exists()
    staging = out / f"{STAGING_PREFIX}{token}"
    try:
        staging.mkdir(parents=True)
        shutil.copyfile(baked.model, staging / "model.onnx")
        shutil.copyfile(baked.canaries, staging / "canaries.npz")
        (staging / "report.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        (out / "report.json").unlink(missing_ok=True)
        for name in ("model.onnx", "canaries.npz", "report.json"):
            (staging / name).replace(out / name)
        staging.rmdir()
    except BaseException:
        remove_staging(out, token, existed)
        raise


def remove_staging(out: Path, token: str, existed: bool) -> None:
    """Remove what `publish` left behind when it was interrupted; `out` too when it was made for nothing."""
    shutil.rmtree(out / f"{STAGING_PREFIX}{token}", ignore_errors=True)
    if not existed and out.is_dir() and not any(out.iterdir()):
        out.rmdir()
