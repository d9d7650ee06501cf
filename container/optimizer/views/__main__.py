"""`python -m optimizer.views`: draws one view of a report that is there already; `slipway report` calls it."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastjsonschema

from ..errors import UserError, read, sentence
from ..recipe import validator
from .markdown import markdown
from .page import page

Document = Mapping[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m optimizer.views", description=__doc__)
    parser.add_argument("view", choices=sorted(VIEWS))
    parser.add_argument("--report", type=Path, required=True, help="report.json")
    parser.add_argument("--build", type=Path, help="build.json")
    parser.add_argument("--beside", type=Path, help="folder in which a notebook runs; default: that of --report")
    parser.add_argument("--out", type=Path, required=True, help="file, or for tensorboard a folder")
    options = parser.parse_args()
    try:
        report = document(options.report, "report")
        build = document(options.build, "build") if options.build else None
        VIEWS[options.view](report, build, options)
    except UserError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence(error), file=sys.stderr)
        return 2
    return 0


def document(path: Path, kind: str) -> Document:
    try:
        value = json.loads(read(path, f"The {kind}"))
        validator(kind)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        raise UserError(f"{path} is no {kind}.json of this version: {error.message}.") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    return value


def write_whole(text: str, out: Path) -> None:
    """All or nothing: a reader never sees half a file."""
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def html_view(report: Document, build: Document | None, options: argparse.Namespace) -> None:
    write_whole(page(report, build), options.out)


def markdown_view(report: Document, build: Document | None, options: argparse.Namespace) -> None:
    write_whole(markdown(report, build), options.out)


def tensorboard_view(report: Document, build: Document | None, options: argparse.Namespace) -> None:
    from .events import write_events

    shutil.rmtree(options.out, ignore_errors=True)
    write_events(report, build, {}, options.out)


def notebook_view(report: Document, _build: Document | None, options: argparse.Namespace) -> None:
    from .notebook import executed

    write_whole(executed(report, options.beside or options.report.parent), options.out)


VIEWS: dict[str, Callable[[Document, Document | None, argparse.Namespace], None]] = {
    "html": html_view,
    "markdown": markdown_view,
    "notebook": notebook_view,
    "tensorboard": tensorboard_view,
}

if __name__ == "__main__":
    sys.exit(main())
