"""Stage 4, candidates: each one made and measured in its own process; one that fails does not stop the others."""

import os
from dataclasses import dataclass
from pathlib import Path

from .answer_files import load_answers
from .candidate import Job, Result, read_outcome, write_job
from .child import Ended, run_limited
from .progress import STEPS_PER_CANDIDATE
from .recipe import Candidate, Limits
from .reference import TIMED_ROWS, Referenced
from .session import Answers
from .work import Work

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


@dataclass(frozen=True)
class Tried:
    referenced: Referenced
    trials: tuple[Trial, ...]


def candidates(referenced: Referenced, work: Work) -> Tried:
    """Try every candidate in the recipe's order."""
    admitted = referenced.normalized.admitted
    entries = admitted.recipe.document["candidates"]
    first = work.progress.done
    trials = []
    for index, candidate in enumerate(admitted.candidates):
        trials.append(try_candidate(candidate, entries[index], referenced, work))
        work.progress.reach(first + (index + 1) * STEPS_PER_CANDIDATE)
    work.progress.reach(first + len(entries) * STEPS_PER_CANDIDATE)
    return Tried(referenced, tuple(trials))


def try_candidate(candidate: Candidate, entry: dict, referenced: Referenced, work: Work) -> Trial:
    admitted = referenced.normalized.admitted
    limits, samples = admitted.recipe.limits, admitted.samples
    folder = work.scratch / f"candidate-{candidate.name}"
    folder.mkdir()
    evaluation = samples.evaluation.tolist()
    job = Job(
        candidate=entry,
        source=str(referenced.normalized.path),
        reference=str(referenced.baked),
        samples=str(referenced.samples_file),
        calibration=samples.calibration.tolist(),
        evaluation=evaluation,
        timed=evaluation[:TIMED_ROWS],
        level=admitted.recipe.graph_optimization,
        ir_version=admitted.model.ir_version,
        folder=str(folder),
    )
    write_job(job, folder / "job.json")
    ended = run_limited(
        [*work.candidate_command, str(folder / "job.json")],
        seconds=limits.candidate_seconds,
        memory_bytes=limits.candidate_memory_bytes,
        environment=environment(folder),
        errors=folder / "errors.txt",
        on_line=lambda line: work.progress.step("candidates", f"{candidate.name}: {line}"),
    )
    outcome = read_outcome(folder)
    result = outcome.result if ended.code == 0 else None
    measured = result is not None and result.comparison is not None
    return Trial(
        candidate=candidate,
        result=result,
        failure=None if result else failure(ended, outcome.failure, limits),
        answers=load_answers(folder / "answers.npz") if measured else None,
        path=folder / "model.onnx",
        seconds=ended.seconds,
        peak_memory_bytes=outcome.peak_memory_bytes,
    )


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
