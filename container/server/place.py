"""The first step of a start: where the model lies, by the rules of every platform that may run this image."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError, quote

IMAGE_FOLDER = "opt/slipway/model"
# Folders that a platform fills: SageMaker, KServe.
MOUNTED = ("opt/ml/model", "mnt/models")

Fetch = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Path of serving.json, and how to get what belongs to it and is not there yet (None: everything is)."""

    serving: Path
    fetch: Fetch | None = None


def find(
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
    bucket: Callable[[str, Mapping[str, str]], Place] | None = None,
) -> Place:
    """The folder of the model: the first of SLIPWAY_MODEL_DIR, AZUREML_MODEL_DIR, /opt/ml/model, /mnt/models,
    AIP_STORAGE_URI and the image's own that has a serving.json.

    `bucket` gives the place of an AIP_STORAGE_URI. What the user names (SLIPWAY_MODEL_DIR, AIP_STORAGE_URI) must have
    one; what a platform may set or mount without a model in it need not. Raises StartError with all that was looked at.
    """
    named = environment.get("SLIPWAY_MODEL_DIR", "")
    if named:
        if (Path(named) / "serving.json").is_file():
            return Place(Path(named) / "serving.json")
        raise StartError(
            f"SLIPWAY_MODEL_DIR is {quote(named, 200)}, and there is no serving.json in it. "
            "Name the folder that slipway optimize wrote, or unset it."
        )
    looked = []
    azure = environment.get("AZUREML_MODEL_DIR", "")
    if azure:
        found = _here_or_below(Path(azure))
        if len(found) == 1:
            return Place(found[0])
        if found:
            names = ", ".join(str(path.parent) for path in found)
            raise StartError(
                f"AZUREML_MODEL_DIR is {quote(azure, 200)}, and it holds several models: {names}. Register one of them."
            )
        looked.append(f"AZUREML_MODEL_DIR ({azure}) and the folders in it")
    for name in MOUNTED:
        serving = root / name / "serving.json"
        if serving.is_file():
            return Place(serving)
        looked.append(str(serving.parent))
    uri = environment.get("AIP_STORAGE_URI", "")
    if uri:
        return (bucket or _bucket)(uri, environment)
    serving = root / IMAGE_FOLDER / "serving.json"
    if serving.is_file():
        return Place(serving)
    raise StartError(
        f"There is no model: no serving.json in {', '.join([*looked, str(serving.parent)])}. "
        "Give --serving PATH, set SLIPWAY_MODEL_DIR to the folder that slipway optimize wrote, or mount it there."
    )


def _here_or_below(folder: Path) -> list[Path]:
    """serving.json in `folder`, else in the folders in it: Azure puts a registered folder under its own name."""
    here = folder / "serving.json"
    if here.is_file():
        return [here]
    try:
        return sorted(path for path in folder.glob("*/serving.json") if path.is_file())
    except OSError:
        return []


def _bucket(uri: str, environment: Mapping[str, str]) -> Place:
    from server import gcs

    model = gcs.begin(uri, environment)
    return Place(model.folder / "serving.json", model.finish)
