"""Arrays between processes: plain .npz files, never pickle."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .session import Answers


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz. Raises ValueError for arrays of Python objects."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))  # type: ignore[arg-type]


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def save_answers(path: Path, answers: Answers) -> None:
    """Write answers, which may differ in shape from sample to sample."""
    save_arrays(
        path, {f"{index}:{name}": value for name, values in answers.items() for index, value in enumerate(values)}
    )


def load_answers(path: Path) -> dict[str, list[np.ndarray]]:
    """What `save_answers` wrote, in the same order."""
    answers: dict[str, list[np.ndarray]] = {}
    for key, value in load_arrays(path).items():
        answers.setdefault(key.split(":", 1)[1], []).append(value)
    return answers
