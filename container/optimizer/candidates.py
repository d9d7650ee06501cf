"""Stage 4, candidates: each one made and measured in its own process; one that fails does not stop the others."""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .answer_files import load_answers
from .candidate import Job, Result, read_outcome, write_job
from .child import Ended, run_limited
from .progress import STEPS_PER_CANDIDATE
from .recipe import Candidate, Limits, Recipe, entry_of
from .reference import TIMED_ROWS, Referenced
from .resume import keep, key_of, prune, restore
from .session import Answers
from .work import Work

SATURATING = frozenset({"x86-64", "unknown"})
"""Instruction sets of which a processor may add 8-bit products in 16 bits."""
FP32_TIMES = 3
"""A candidate may take as many times what fp32 took to answer all samples: it makes a model first, and times it."""
PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Trial:
    """What became of one candidate, before it is judged."""

    candidate: Candidate
    result: Result | None
    failure: str | None
    """Why there is no result; None when there is one."""
    answers: Answers | None
    """On the evaluation samples; None when it failed or had nothing to quantize."""
    path: Path
    """The file that was measured."""
    seconds: float
    peak_memory_bytes: int | None
    origin: str = "recipe"
    """`recipe`, or `repair` for one with nodes left out."""
    resumed: bool = False
    """Taken over from an earlier run."""


@dataclass(frozen=True)
class Tried:
    referenced: Referenced
    trials: tuple[Trial, ...]


def candidates(referenced: Referenced, work: Work) -> Tried:
    """Try every candidate in the recipe's order."""
    admitted = referenced.normalized.admitted
    if work.cache is not None:
        prune(work.cache)
    first = work.progress.done
    trials = []
    for index, candidate in enumerate(admitted.candidates):
        trials.append(try_candidate(candidate, referenced, work, step_by_step(candidate, work)))
        work.progress.reach(first + (index + 1) * STEPS_PER_CANDIDATE)
    work.progress.reach(first + len(admitted.recipe.candidates) * STEPS_PER_CANDIDATE)
    return Tried(referenced, tuple(trials))


def step_by_step(candidate: Candidate, work: Work) -> Callable[[str], None]:
    return lambda line: work.progress.step("candidates", f"{candidate.name}: {line}")


def ranges_file(candidate: Candidate, work: Work) -> Path:
    """Where the calibrated ranges of a candidate's method lie, one file for all of its candidates."""
    return work.scratch / f"ranges-{getattr(candidate, 'calibration', 'minmax')}.json"


def read_ranges(trial: Trial) -> Mapping[str, list[float]] | None:
    """The calibrated ranges a candidate was made with, by tensor of the normalized graph; None where it needs none."""
    try:
        return json.loads((trial.path.parent / "ranges.json").read_text())
    except FileNotFoundError:
        return None


def read_tensors(trial: Trial) -> Mapping[str, Any]:
    """`tensors` and `convergence` of report.json, as far as the candidate's process wrote them."""
    try:
        found = json.loads((trial.path.parent / "tensors.json").read_text())
    except FileNotFoundError:
        found = {}
    return {"tensors": found.get("tensors", []), "convergence": found.get("convergence", [])}


def try_candidate(
    candidate: Candidate,
    referenced: Referenced,
    work: Work,
    announce: Callable[[str], None],
    origin: str = "recipe",
) -> Trial:
    """Make and measure one candidate, or take it over from an earlier run; `announce` gets each step as it begins."""
    admitted = referenced.normalized.admitted
    limits, samples = admitted.recipe.limits, admitted.samples
    folder = work.scratch / f"candidate-{candidate.name}"
    folder.mkdir()
    evaluation = samples.evaluation.tolist()
    ranges = ranges_file(candidate, work)
    job = Job(
        candidate=entry_of(candidate),
        source=str(referenced.normalized.path),
        reference=str(referenced.baked),
        samples=str(referenced.samples_file),
        calibration=samples.calibration.tolist(),
        evaluation=evaluation,
        timed=evaluation[:TIMED_ROWS],
        level=admitted.recipe.graph_optimization,
        ir_version=admitted.model.ir_version,
        folder=str(folder),
        ranges=str(ranges),
        threads=admitted.recipe.intra_op_threads,
        provider=admitted.recipe.provider,
        histograms=True,
        exact=computes_exactly(admitted.recipe),
    )
    locked = admitted.recipe.replay is not None
    kept = work.cache and work.cache / key_of(job, samples.sha256 or "made up", locked=locked)
    known = restore(kept, folder, ranges) if kept else None
    if known:
        try:
            return finished(candidate, folder, known["seconds"], origin, resumed=True)
        except Exception:
            # A damaged entry is none.
            shutil.rmtree(folder)
            folder.mkdir()
    # What takes fp32 long to answer takes a candidate long, too.
    seconds = max(limits.candidate_seconds, math.ceil(FP32_TIMES * referenced.answer_seconds))
    write_job(job, folder / "job.json")
    ended = run_limited(
        [*work.candidate_command, str(folder / "job.json")],
        seconds=seconds,
        memory_bytes=limits.candidate_memory_bytes,
        environment=environment(folder),
        errors=folder / "errors.txt",
        on_line=announce,
    )
    outcome = read_outcome(folder)
    if ended.code == 0 and outcome.result is not None:
        if kept:
            keep(kept, folder, ranges, {"seconds": ended.seconds})
        return finished(candidate, folder, ended.seconds, origin)
    why = failure(ended, outcome.failure, replace(limits, candidate_seconds=seconds))
    path = folder / "model.onnx"
    return Trial(candidate, None, why, None, path, ended.seconds, outcome.peak_memory_bytes, origin)


def finished(candidate: Candidate, folder: Path, seconds: float, origin: str, *, resumed: bool = False) -> Trial:
    """A candidate whose folder has a result."""
    outcome = read_outcome(folder)
    result = outcome.result
    assert result is not None
    return Trial(
        candidate=candidate,
        result=result,
        failure=None,
        answers=load_answers(folder / "answers.npz") if result.comparison is not None else None,
        path=folder / "model.onnx",
        seconds=seconds,
        peak_memory_bytes=outcome.peak_memory_bytes,
        origin=origin,
        resumed=resumed,
    )


def computes_exactly(recipe: Recipe) -> bool:
    """Whether 8-bit products saturate on no processor of the target."""
    return not SATURATING & frozenset(recipe.instruction_sets)


def environment(folder: Path) -> dict[str, str]:
    """One thread everywhere, so that calibration gives the same ranges each time; temporary files in the scratch."""
    single = ("ORT_INTRA_OP_NUM_THREADS", "ORT_INTER_OP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    search = os.pathsep.join(filter(None, [str(PACKAGE_FOLDER), os.environ.get("PYTHONPATH")]))
    return {
        **os.environ,
        **dict.fromkeys(single, "1"),
        "ORT_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": search,
        "TMPDIR": str(folder),
    }


def failure(ended: Ended, said: str | None, limits: Limits) -> str:
    """Why a candidate has no result, in words."""
    if ended.timed_out:
        return f"took longer than the {limits.candidate_seconds} s it may take"
    if said == "ran out of memory":
        return f"needed more than the {limits.candidate_memory_bytes // 1_000_000} MB of memory it may use"
    if said:
        return said
    if ended.crashed:
        return f"crashed ({ended.crashed})" + (f": {ended.complaint}" if ended.complaint else "")
    return f"ended with status {ended.code} without a result" + (f": {ended.complaint}" if ended.complaint else "")
