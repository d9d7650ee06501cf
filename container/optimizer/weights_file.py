"""Stages 1 and 7: models too large for one file. They are served as they are, all weights in one file beside."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import onnx
from onnx.external_data_helper import ExternalDataInfo

PAGE = 4096
"""Where the data of each file of the user's begins: ONNX Runtime maps them into memory."""
COPIED_AT_ONCE = 2**24


def weights_beside(model: Path) -> Path:
    """Where the weights of `model` lie when they are not inside it."""
    return model.with_name(f"{model.name}.data")


def size_of(model: Path) -> int:
    """Bytes of a model and of the weights beside it."""
    beside = weights_beside(model)
    return model.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)


def sha256_of(model: Path) -> str:
    """Of a model and of the weights beside it, one after the other, as the server takes it."""
    digest = hashlib.sha256()
    for path in (model, weights_beside(model)):
        if path.is_file():
            with path.open("rb") as file:
                while part := file.read(COPIED_AT_ONCE):
                    digest.update(part)
    return digest.hexdigest()


def save_with_weights_beside(
    model: onnx.ModelProto, external: Iterable[onnx.TensorProto], folder: Path, target: Path
) -> None:
    """Write `model` to `target` and the data of its `external` tensors, which lie in `folder`, beside it.

    Nothing is read into memory. Tensors inside the file stay there.
    """
    tensors = [(tensor, ExternalDataInfo(tensor)) for tensor in external]
    beside = weights_beside(target)
    starts: dict[str, int] = {}
    if tensors:
        with beside.open("wb") as joined:
            for location in sorted({info.location for _, info in tensors}):
                joined.seek(-(-joined.tell() // PAGE) * PAGE)
                starts[location] = joined.tell()
                with (folder / location).open("rb") as part:
                    shutil.copyfileobj(part, joined, COPIED_AT_ONCE)
    for tensor, info in tensors:
        offset = info.offset or 0
        length = info.length or (folder / info.location).stat().st_size - offset
        del tensor.external_data[:]
        for key, value in (("location", beside.name), ("offset", starts[info.location] + offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
    target.write_bytes(model.SerializeToString())
