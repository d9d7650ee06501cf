"""Last step: puts the finished files in place, the weights before the model that needs them."""

import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import onnx

from .to_onnx import Exported


def publish(exported: Exported, out: Path, token: str) -> list[Path]:
    """Write the model, and its weights where they are apart, to `out`; the files written.

    Both are written in full beside their place first; weights of an earlier model that this one does not have go.
    Raises OSError; `out` is then as before.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    data = out.with_name(f"{out.name}.data")
    staged: list[tuple[Path, Path]] = []
    try:
        if exported.weights is not None:
            staged.append((stage(data, token), data))
            shutil.copyfile(exported.weights, staged[-1][0])
        staged.append((stage(out, token), out))
        if exported.weights is None:
            shutil.copyfile(exported.file, staged[-1][0])
        else:
            staged[-1][0].write_bytes(located(exported.file, data.name))
        with signals_waiting():
            for written, place in staged:
                written.replace(place)
            if exported.weights is None:
                data.unlink(missing_ok=True)
    finally:
        remove_staged(out, token)
    return [place for _, place in staged]


@contextlib.contextmanager
def signals_waiting() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: between two moves the new weights would lie beside the old model."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def located(file: Path, name: str) -> bytes:
    """The model with its weights looked for in `name`, beside it."""
    model = onnx.load(file, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    return model.SerializeToString()


def stage(place: Path, token: str) -> Path:
    return place.with_name(f".{place.name}.{token}")


def remove_staged(out: Path, token: str) -> None:
    """Take away what an interrupted `publish` left."""
    for place in (out, out.with_name(f"{out.name}.data")):
        stage(place, token).unlink(missing_ok=True)
