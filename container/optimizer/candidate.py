"""One candidate in a process of its own: make it, answer the evaluation samples, race against fp32.

`python -m optimizer.candidate JOB.json`. Prints each step as it begins; leaves in the job's folder:
model.onnx           the form, as it would be served
model.quantized.onnx the same before graph optimization, QDQ nodes apart
answers.npz          on the evaluation samples, with the arithmetic of the target (see `forms.emulation`)
ranges.json          calibrated ranges of the tensors it quantizes; only where its method has some
tensors.json         `tensors` and `convergence` of report.json; only where histograms are asked for
result.json          either `failure`, a sentence, or the measured values
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx

from . import lifeline
from .answer_files import load_arrays, save_answers
from .forms.emulation import judged_session
from .forms.ranges import read_convergence, write_ranges
from .forms.saturation import saturation_db
from .forms.tensors import write_tensors
from .host import threads_here
from .measure import Comparison, Latency, compare_speed
from .progress import own_standard_output
from .quantize import Calibration, CannotQuantizeError, quantize, raw_file
from .recipe import candidate
from .session import answer, brief, open_session, out_of_memory, provider_of, runner

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
    ranges: str
    """File of calibrated ranges, shared by all candidates of this calibration method: read when it exists, otherwise
    calibrated and written whole."""
    threads: int
    """Threads inside one run while timing; at most the processors that are here are used."""
    provider: str
    """What serves the model, cpu, cuda or tensorrt; where this machine lacks it, the CPU stands in
    (`Result.timed_provider`)."""
    histograms: bool
    """Whether tensors.json is written, for the report."""
    exact: bool = False
    """Whether no processor of the target saturates, see `forms.emulation`."""


@dataclass(frozen=True)
class Result:
    """What a candidate's process found out."""

    bytes: int
    reduced_nodes: int
    ladder: tuple[str, ...]
    comparison: Comparison | None
    """None when there was nothing to quantize."""
    saturation_db: float | None = None
    """Fused 8-bit kernels against floats on this machine, see `forms.saturation`; None where nothing is fused."""
    timed_provider: str = "cpu"
    """What the candidate and fp32 were timed on."""


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
    race = found.pop("comparison")
    comparison = race and Comparison(
        Latency(**race["reference"]), Latency(**race["candidate"]), race["speedup"], tuple(race["interval"])
    )
    ladder = tuple(found.pop("ladder"))
    return Outcome(Result(**found, ladder=ladder, comparison=comparison), peak_memory_bytes=peak)


def run_job(job: Job, announce: Callable[[str], None]) -> Result:
    """Make and measure the candidate. Raises CannotQuantizeError and whatever ONNX Runtime raises."""
    folder, source = Path(job.folder), Path(job.source)
    model, form = folder / "model.onnx", candidate(job.candidate)
    inputs = {name.removeprefix("input:"): values for name, values in load_arrays(Path(job.samples)).items()}
    announce(QUANTIZING)
    ranges = Path(job.ranges)
    made = quantize(
        form, source, model, Calibration(inputs, np.array(job.calibration), ranges), job.level, job.ir_version
    )
    if made.reduced_nodes == 0:
        return Result(model.stat().st_size, 0, made.ladder, None)
    if made.ranges is not None:
        write_ranges(folder / "ranges.json", made.ranges)
    if job.histograms:
        steps = read_convergence(ranges) if made.ranges is not None else []
        write_tensors(folder / "tensors.json", onnx.load(source), onnx.load(raw_file(model)), steps)
    announce(ANSWERING)
    save_answers(
        folder / "answers.npz",
        answer(judged_session(model, form, job.provider, exact=job.exact), inputs, job.evaluation),
    )
    saturation = saturation_db(model, raw_file(model), form, inputs, job.evaluation)
    announce(TIMING)
    comparison, timed_provider = race(job, model, inputs)
    return Result(model.stat().st_size, made.reduced_nodes, made.ladder, comparison, saturation, timed_provider)


def race(job: Job, model: Path, inputs: Mapping[str, np.ndarray]) -> tuple[Comparison, str]:
    """The candidate against fp32 on the job's provider, or on the CPU where either of them cannot run there."""
    threads = threads_here(job.threads)
    both, provider = (Path(job.reference), model), job.provider
    sessions = [open_session(path, provider=provider, threads=threads) for path in both]
    if any(provider_of(session) != provider for session in sessions):
        provider = "cpu"
        sessions = [open_session(path, threads=threads) for path in both]
    reference, served = (runner(session, inputs, job.timed) for session in sessions)
    return compare_speed(reference, served), provider


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


if __name__ == "__main__":
    sys.exit(main())
