"""One candidate in a process of its own: quantize, answer the evaluation samples, race against fp32.

`python -m optimizer.candidate JOB.json`. Prints each step as it begins; leaves model.onnx, answers.npz and
result.json in the job's folder. result.json holds either `failure`, a sentence, or the measured values.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import lifeline
from .answer_files import load_arrays, save_answers
from .measure import Comparison, Latency, compare_speed
from .progress import own_standard_output
from .quantize import Calibration, CannotQuantizeError, quantize
from .recipe import candidate
from .session import answer, brief, open_session, runner

QUANTIZING, ANSWERING, TIMING = "quantizing", "answering", "timing"


@dataclass(frozen=True)
class Job:
    """What a candidate's process has to know; paths as text."""

    candidate: dict
    """Its entry in recipe.json."""
    source: str
    """The normalized model."""
    reference: str
    """fp32 as it would be served."""
    samples: str
    calibration: Sequence[int]
    evaluation: Sequence[int]
    timed: Sequence[int]
    level: str
    ir_version: int
    folder: str


@dataclass(frozen=True)
class Result:
    """What a candidate's process found out."""

    bytes: int
    reduced_nodes: int
    ladder: tuple[str, ...]
    comparison: Comparison | None
    """None when there was nothing to quantize."""


def write_job(job: Job, path: Path) -> None:
    path.write_text(json.dumps(asdict(job)))


@dataclass(frozen=True)
class Outcome:
    """What the process left behind; all None when it crashed."""

    result: Result | None = None
    failure: str | None = None
    peak_memory_bytes: int | None = None


def read_outcome(folder: Path) -> Outcome:
    """What a candidate's process wrote to its folder."""
    try:
        found = json.loads((folder / "result.json").read_text())
    except (FileNotFoundError, ValueError):
        return Outcome()
    peak = found.pop("peak_memory_bytes", None)
    if "failure" in found:
        return Outcome(failure=found["failure"], peak_memory_bytes=peak)
    race = found["comparison"]
    comparison = race and Comparison(Latency(**race["reference"]), Latency(**race["candidate"]), race["speedup"])
    return Outcome(
        Result(found["bytes"], found["reduced_nodes"], tuple(found["ladder"]), comparison), peak_memory_bytes=peak
    )


def run_job(job: Job, announce: Callable[[str], None]) -> Result:
    """Make and measure the candidate. Raises CannotQuantizeError and whatever ONNX Runtime raises."""
    model = Path(job.folder) / "model.onnx"
    inputs = {name.removeprefix("input:"): values for name, values in load_arrays(Path(job.samples)).items()}
    announce(QUANTIZING)
    calibration = Calibration(inputs, np.array(job.calibration))
    made = quantize(candidate(job.candidate), Path(job.source), model, calibration, job.level, job.ir_version)
    if made.reduced_nodes == 0:
        return Result(model.stat().st_size, 0, made.ladder, None)
    announce(ANSWERING)
    session = open_session(model)
    save_answers(Path(job.folder) / "answers.npz", answer(session, inputs, job.evaluation))
    announce(TIMING)
    reference = open_session(Path(job.reference))
    comparison = compare_speed(runner(reference, inputs, job.timed), runner(session, inputs, job.timed))
    return Result(model.stat().st_size, made.reduced_nodes, made.ladder, comparison)


def main() -> int:
    lifeline.attach()
    output = own_standard_output()
    job = Job(**json.loads(Path(sys.argv[1]).read_text()))
    try:
        result: dict = asdict(run_job(job, lambda step: print(step, file=output)))
    except MemoryError:
        result = {"failure": "ran out of memory"}
    except CannotQuantizeError as error:
        result = {"failure": str(error)}
    except OSError as error:
        result = {"failure": f"could not write its files: {error.strerror}"}
    except Exception as error:
        result = {"failure": "ran out of memory" if out_of_memory(error) else f"failed: {brief(error)}"}
    (Path(job.folder) / "result.json").write_text(json.dumps({**result, "peak_memory_bytes": peak_memory()}))
    return 1 if "failure" in result else 0


def peak_memory(status: Path = Path("/proc/self/status")) -> int | None:
    """The most this process had in memory, bytes; None where the system does not tell.

    Not from getrusage: that counts the parent's memory before the new program began.
    """
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024


def out_of_memory(error: Exception) -> bool:
    """ONNX Runtime tells an allocation that failed in words only."""
    return any(sign in str(error) for sign in ("bad_alloc", "Failed to allocate memory", "bad allocation"))


if __name__ == "__main__":
    sys.exit(main())
