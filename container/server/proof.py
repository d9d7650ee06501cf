"""What a model must show before it answers, fp32's answers on the canaries, and what this CPU makes of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace

import numpy as np

from server import canaries, machine, session
from server.canaries import MOST_DB, Canaries, Replay
from server.config import Serving
from server.errors import StartError
from server.log import log
from server.session import Arrays, Model

PRECISE = {"session.x64quantprecision": "1"}
# Kernels that do not saturate differ from the precise ones by rounding alone, at about 70 dB.
LOW_SATURATION_DB = 40.0
TIMING_SECONDS = 2.0
PAIRS = (5, 200)


@dataclass(frozen=True, slots=True)
class Proof:
    """`replay`: of the canaries, None without any. `precise`: served in ONNX Runtime's precise 8-bit mode.

    `saturation_db`: signal to noise of the 8-bit kernels against the precise ones. `speedup`: fp32's time over the
    served model's, here. Both None where not measured.
    """

    replay: Replay | None = None
    precise: bool = False
    saturation_db: float | None = None
    speedup: float | None = None


def prove(serving: Serving, model: Model, samples: Canaries | None, intra_op: int) -> tuple[Model, Proof]:
    """The model as it is to be served, and its proof. Raises StartError with code 3 where canaries fail."""
    if samples is None or serving.report is None:
        return model, Proof()
    model, replay, precise = _replayed(serving, model, samples, intra_op)
    return model, Proof(replay, precise, _saturation_db(serving, model, samples, intra_op, precise))


def _replayed(serving: Serving, model: Model, samples: Canaries, intra_op: int) -> tuple[Model, Replay, bool]:
    """The model once its canaries pass; on a CPU without VNNI perhaps only in ONNX Runtime's precise mode."""
    least = serving.report.min_sqnr_db  # type: ignore[union-attr]
    replay, precise = canaries.replay(model, samples, least), False
    if replay.problems and not machine.has_vnni():
        log("warning", "canaries failed, trying session.x64quantprecision", problems=replay.problems)
        model = open_served(serving, intra_op, PRECISE)
        replay, precise = canaries.replay(model, samples, least), True
    if replay.problems:
        problems = "; ".join(replay.problems)
        raise StartError(
            f"The canaries of {serving.name} fail, so it is not served: {problems}. "
            "Optimize the model again on this machine, or serve it as fp32.",
            code=3,
        )
    return model, replay, precise


def _saturation_db(serving: Serving, model: Model, samples: Canaries, intra_op: int, precise: bool) -> float | None:
    """The same file with the kernels that it is served with, and with those that cannot saturate; worst output."""
    if precise or serving.provider.name != "cpu" or serving.report is None or serving.report.precision != "int8":
        return None
    if os.uname().machine not in ("x86_64", "AMD64"):
        return None
    try:
        other = open_served(serving, intra_op, PRECISE)
        answers = [(model.run(row), other.run(row)) for row in samples.rows]
    except Exception as error:
        log("warning", "the saturation self-test did not run", error=type(error).__name__)
        return None
    worst = MOST_DB
    for place, spec in enumerate(model.signature.outputs):
        if spec.datatype.dtype.kind == "f":
            served, exact = (np.concatenate([pair[side][place].reshape(-1) for pair in answers]) for side in (0, 1))
            worst = min(worst, canaries.sqnr_db(exact, served))
    if worst < LOW_SATURATION_DB:
        log(
            "warning",
            "8-bit sums saturate on this CPU: optimize with a target without VNNI (reduced range)",
            saturation_sqnr_db=round(worst, 1),
        )
    return worst


def with_speedup(proof: Proof, serving: Serving, model: Model, row: Arrays, intra_op: int) -> Proof:
    """The proof, with the speed over fp32 where the build could not judge it and left fp32's file."""
    reference = serving.reference
    if reference is None or not reference.is_file() or (serving.report and serving.report.speed_judged):
        return proof
    try:
        fp32 = session.load(reference, serving.name, serving.version, intra_op, where=serving.provider)
        ratio = _ratio(fp32, model, row)
    except Exception as error:
        log("warning", "speed over fp32 was not measured", error=str(error).splitlines()[0][:300])
        return proof
    level = "warning" if ratio < 1 else "info"
    log(
        level, "speed over fp32, measured on this machine", speedup=round(ratio, 2), rows=row[0].shape[:1] if row else 1
    )
    return replace(proof, speedup=ratio)


def _ratio(reference: Model, model: Model, row: Arrays) -> float:
    """Median of fp32's time over the served model's, in pairs: what slows the machine down slows down both."""
    for _ in range(3):
        reference.run(row)
        model.run(row)
    ratios: list[float] = []
    end = time.perf_counter() + TIMING_SECONDS
    least, most = PAIRS
    while len(ratios) < least or (len(ratios) < most and time.perf_counter() < end):
        times = []
        for one in (reference, model):
            start = time.perf_counter()
            one.run(row)
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return float(np.median(ratios))


def open_served(serving: Serving, intra_op: int, settings: dict[str, str] | None = None) -> Model:
    """Opens the served model with what its report says of sessions, and `settings`. Raises StartError."""
    settings = {**(serving.report.settings if serving.report else {}), **(settings or {})}
    return session.load(serving.model, serving.name, serving.version, intra_op, settings, serving.provider)
