"""Views of the report, the last step: report.html, report.md and a TensorBoard run, drawn from report.json alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .markdown import markdown
from .page import page


def write_views(
    report: Mapping[str, Any],
    build: Mapping[str, Any] | None,
    folder: Path,
    models: Mapping[str, Path] | None = None,
) -> None:
    """Write report.html, report.md and tensorboard/ to `folder`, which is there and holds none of them yet.

    report, build: as report.schema.json and build.schema.json have them; build None where it is not known.
    models: files whose graphs TensorBoard shows, such as `fp32` and `served`.
    Raises OSError when the disk is full or the folder cannot be written.
    """
    # Imported here, for it takes half a second and a page does not need it.
    from .events import write_events

    (folder / "report.html").write_text(page(report, build), encoding="utf-8")
    (folder / "report.md").write_text(markdown(report, build), encoding="utf-8")
    write_events(report, build, models or {}, folder / "tensorboard")
