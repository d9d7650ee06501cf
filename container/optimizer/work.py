"""What every stage may use besides its input: a scratch folder, the progress line, the way to start a process."""

import sys
from dataclasses import dataclass
from pathlib import Path

from .progress import Progress


@dataclass(frozen=True)
class Work:
    scratch: Path
    """Emptied by whoever made it, also when a stage fails."""
    progress: Progress
    candidate_command: tuple[str, ...] = (sys.executable, "-m", "optimizer.candidate")
    """Started with the path of a job file, see `candidate`."""
    cache: Path | None = None
    """Keeps finished candidates from run to run, see `resume`."""
