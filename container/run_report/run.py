"""The report of a run, as data that every view is drawn from: what was asked, what was seen, figures and findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from run_report.figures import figures
from run_report.findings import findings
from run_report.reading import read

VERSION = 1


def run_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Reads Prometheus. Raises ReadingError."""
    return told({"schemaVersion": VERSION, "request": dict(request), "series": read(request)})


def told(run: Mapping[str, Any]) -> dict[str, Any]:
    """The run with its figures and findings."""
    found = figures(run)
    return {**run, "figures": found, "findings": findings(found)}
