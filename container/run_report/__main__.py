"""`python -m run_report`: reads what Prometheus saw and writes one view of it; `slipway report` calls it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import UserError, sentence
from run_report.reading import ReadingError
from run_report.run import run_of

Run = Mapping[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m run_report", description=__doc__)
    parser.add_argument("view", choices=sorted(VIEWS))
    parser.add_argument("--request", type=Path, required=True, help="what to ask of which Prometheus, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="file; for tensorboard and notebook a folder")
    parser.add_argument("--name", default="run", help="of the notebook and of its data, without an ending")
    options = parser.parse_args()
    try:
        VIEWS[options.view](run_of(json.loads(options.request.read_bytes())), options)
    except UserError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except ReadingError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence(error), file=sys.stderr)
        return 2
    return 0


def json_view(run: Run, options: argparse.Namespace) -> None:
    options.out.write_text(as_json(run), encoding="utf-8")


def as_json(run: Run) -> str:
    return json.dumps(run, ensure_ascii=False, allow_nan=False) + "\n"


def text_view(run: Run, options: argparse.Namespace) -> None:
    from run_report.text import text

    options.out.write_text(text(run), encoding="utf-8")


def markdown_view(run: Run, options: argparse.Namespace) -> None:
    from run_report.text import markdown

    options.out.write_text(markdown(run), encoding="utf-8")


def html_view(run: Run, options: argparse.Namespace) -> None:
    from run_report.page import page

    options.out.write_text(page(run), encoding="utf-8")


def tensorboard_view(run: Run, options: argparse.Namespace) -> None:
    from run_report.events import write_events

    write_events(run, options.out)


def notebook_view(run: Run, options: argparse.Namespace) -> None:
    """NAME.ipynb, and NAME.run.json, which it reads."""
    from run_report.notebook import executed

    data = f"{options.name}.run.json"
    options.out.mkdir()
    (options.out / data).write_text(as_json(run), encoding="utf-8")
    made = executed(run, options.out, data)
    (options.out / f"{options.name}.ipynb").write_text(made, encoding="utf-8")


VIEWS: dict[str, Callable[[Run, argparse.Namespace], None]] = {
    "html": html_view,
    "json": json_view,
    "markdown": markdown_view,
    "notebook": notebook_view,
    "tensorboard": tensorboard_view,
    "text": text_view,
}

if __name__ == "__main__":
    sys.exit(main())
