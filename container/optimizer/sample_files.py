"""Stage 1, admit: reads the user's .npz and .npy without pickle, and says in a sentence why one cannot be read."""

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from .errors import UserError

OBJECTS = "Python objects"


def open_npz(content: bytes, path: Path) -> dict[str, np.ndarray]:
    """Arrays of an .npz by name. Raises UserError when it is none, damaged, or holds Python objects."""
    problems: list[str] = []
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if not entry.filename.endswith(".npy"):
                    continue
                name = entry.filename.removesuffix(".npy")
                try:
                    with archive.open(entry) as member:
                        arrays[name] = read_array(member, entry.file_size)
                except ValueError as error:
                    problems.append(array_problem(name, path, error))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise UserError(
            f"The samples {path} are not an .npz file, or a damaged one. Write them with numpy.savez, "
            "one array for each input."
        ) from None
    if problems:
        raise UserError(problems)
    return arrays


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """The array in an .npy of `size` bytes. Raises ValueError when it is damaged or holds Python objects.

    A header may claim any shape; it is held against the size before memory is set aside.
    """
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise ValueError(OBJECTS)
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError("the header does not fit the size")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def array_problem(name: str, path: Path, error: ValueError) -> str:
    if str(error) == OBJECTS:
        return (
            f"Array '{name}' in {path} holds Python objects. Save it as numbers, for example with .astype('float32')."
        )
    return f"Array '{name}' in {path} is damaged. Write the file again with numpy.savez."


def open_labels(content: bytes, path: Path) -> np.ndarray:
    """The array of an .npy. Raises UserError when it is none."""
    try:
        return read_array(io.BytesIO(content), len(content))
    except (ValueError, EOFError) as error:
        if str(error) == OBJECTS:
            raise UserError(f"The labels {path} hold Python objects. Save them as int64 with numpy.save.") from None
        raise UserError(
            f"The labels {path} are not an .npy file, or a damaged one. Write them with numpy.save."
        ) from None


def native(values: np.ndarray) -> np.ndarray:
    """In this machine's byte order, text as Python strings' array."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    return values.astype(values.dtype.newbyteorder("="), copy=False)
