"""How close answers are to fp32's, in numbers. Pure functions over answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .session import Answers

CEILING_DB = 200.0
"""Written for identical answers, whose ratio would be infinite."""
LEAST_VARIED = 10
"""Samples below which the mean answer says little."""
HARDLY = 1e-3
"""Answers that vary by less, relative to their size, are constant in fp32 itself."""


@dataclass(frozen=True)
class Fidelity:
    """Against fp32; each figure is the worst over the float outputs."""

    agreement: float | None
    """Share that keeps fp32's answer, by the task: see `tasks`. None where there is nothing to count."""
    sqnr_db: float
    cosine_min: float
    cosine_mean: float
    max_abs_error: float
    non_finite: int
    """Elements that are NaN or infinite where fp32's are not."""
    variation_db: float = CEILING_DB
    """As sqnr_db, with what differs from sample to sample as the signal: an offset that all answers share is none."""


class ShapesDifferError(Exception):
    """Answers cannot be compared element by element."""


def compare(reference: Answers, got: Answers) -> Fidelity:
    """Measure the numbers of `got` against those of `reference`, sample by sample; the agreement is left to `tasks`.

    Raises ShapesDifferError when an output has another shape for some sample.
    """
    for name, expected in reference.items():
        differing = sum(a.shape != b.shape for a, b in zip(expected, got[name], strict=True))
        if differing:
            raise ShapesDifferError(
                f"output '{name}' has another shape than fp32's for {differing} of {len(expected)} samples"
            )
    floats = [(values, got[name]) for name, values in reference.items() if is_float(values)]
    cosines = [cosine(expected, values) for expected, values in floats]
    return Fidelity(
        agreement=None,
        sqnr_db=min((sqnr_db(expected, values) for expected, values in floats), default=CEILING_DB),
        cosine_min=min((float(entry.min()) for entry in cosines), default=1.0),
        cosine_mean=min((float(entry.mean()) for entry in cosines), default=1.0),
        max_abs_error=max((max_abs_error(expected, values) for expected, values in floats), default=0.0),
        non_finite=sum(non_finite(expected, values) for expected, values in floats),
        variation_db=min((variation_db(expected, values) for expected, values in floats), default=CEILING_DB),
    )


def is_float(values: Sequence[np.ndarray]) -> bool:
    return values[0].dtype.kind == "f"


def pairs(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All elements that are finite in fp32, as float64."""
    expected = np.concatenate([entry.ravel() for entry in reference]).astype(np.float64)
    values = np.concatenate([entry.ravel() for entry in got]).astype(np.float64)
    finite = np.isfinite(expected)
    return expected[finite], values[finite]


def sqnr_db(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> float:
    """10 log10(sum of reference squared / sum of error squared), decibels, within -CEILING_DB and CEILING_DB.

    CEILING_DB where nothing differs; the least where the answers hold NaN or infinity that fp32's do not.
    """
    expected, values = pairs(reference, got)
    if not np.isfinite(values).all():
        return -CEILING_DB
    noise, signal = float(np.sum((expected - values) ** 2)), float(np.sum(expected**2))
    if noise == 0:
        return CEILING_DB
    if signal == 0:
        return -CEILING_DB
    return float(np.clip(10 * (np.log10(signal) - np.log10(noise)), -CEILING_DB, CEILING_DB))


def variation_db(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> float:
    """Signal to noise around the mean answer, decibels; of a constant 0 or less.

    CEILING_DB where fp32 hardly varies, or samples differ in shape: then there is no such figure.
    """
    if len(reference) < LEAST_VARIED or len({entry.shape for entry in reference}) != 1:
        return CEILING_DB
    expected = np.stack(reference).astype(np.float64)
    if not np.isfinite(expected).all():
        return CEILING_DB
    varied = expected - expected.mean(axis=0)
    if float(np.sum(varied**2)) <= HARDLY**2 * float(np.sum(expected**2)):
        return CEILING_DB
    error = np.stack(got).astype(np.float64) - expected
    return sqnr_db([varied], [varied + error])


def cosine(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> np.ndarray:
    """Cosine of the angle between the two answers, one for each sample; 1 where both are zero, 0 where one is."""
    return np.array([one_cosine(*pairs([a], [b])) for a, b in zip(reference, got, strict=True)])


def one_cosine(expected: np.ndarray, values: np.ndarray) -> float:
    if not np.isfinite(values).all():
        return -1.0
    # Scaled first, so that tiny answers do not vanish when squared.
    scales = [float(np.abs(entry).max(initial=0)) for entry in (expected, values)]
    if min(scales) == 0:
        return 1.0 if max(scales) == 0 else 0.0
    a, b = expected / scales[0], values / scales[1]
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def max_abs_error(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> float:
    """The largest difference among elements that are finite in both."""
    expected, values = pairs(reference, got)
    finite = np.isfinite(values)
    return float(np.abs(expected[finite] - values[finite]).max(initial=0))


def non_finite(reference: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> int:
    _, values = pairs(reference, got)
    return int(np.count_nonzero(~np.isfinite(values)))


def class_scores(answers: Answers) -> np.ndarray | None:
    """Scores [samples, classes] of the first float output, where it has at least two classes; None otherwise."""
    first = next((values for values in answers.values() if is_float(values)), None)
    if first is None or any(entry.ndim != 2 or entry.shape[1] < 2 for entry in first):
        return None
    return np.concatenate(first) if len({entry.shape for entry in first}) == 1 else None
