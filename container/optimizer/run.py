"""The process that works: `python -m optimizer` starts it, watches it and cleans up behind it."""

import json
import os
import sys
import traceback

from . import lifeline
from .admit import Request
from .arguments import parse
from .errors import GateFailedError, UserError, sentence
from .pipeline import optimize_to
from .progress import Progress, own_standard_output, steps_of
from .recipe import read_recipe
from .work import Work


def main() -> int:
    lifeline.attach()
    options = parse(None)
    output = own_standard_output()

    def say(line: str) -> None:
        print(line, file=output)

    try:
        recipe = read_recipe(options.recipe)
        work = Work(options.scratch, Progress(steps_of(recipe), say), cache=options.cache)
        request = Request(recipe, options.model, options.data, options.labels, options.metric)
        verdict = optimize_to(request, work, options.out)
    except GateFailedError as error:
        return complain(error, error.problems, 3)
    except UserError as error:
        return complain(error, error.problems, 2)
    except OSError as error:
        return complain(error, (sentence(error),), 2)
    except MemoryError as error:
        return complain(error, ("Not enough memory to optimize this model. Use a machine with more.",), 2)
    except Exception as error:
        fault = f"The optimizer failed: {type(error).__name__}: {error}. SLIPWAY_DEBUG=1 shows where; please report it."
        return complain(error, (fault,), 1)
    say(json.dumps({"finished": {"verdict": verdict}}, ensure_ascii=False))
    return 0


def complain(error: BaseException, problems: tuple[str, ...], status: int) -> int:
    if os.environ.get("SLIPWAY_DEBUG") == "1":
        traceback.print_exception(error)
    for problem in problems:
        print(problem, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
