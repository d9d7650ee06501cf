"""The optimizer's command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments as paths; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m optimizer",
        description="Makes smaller forms of a model, measures each against fp32, keeps the best that passes the gate.",
        epilog="Exit status: 0 done; 2 something to mend, said on standard error; 3 no candidate passed and the recipe "
        "forbids fp32. SLIPWAY_DEBUG=1 shows where an error came from.",
    )
    parser.add_argument(
        "--recipe", type=Path, required=True, metavar="FILE", help="recipe.json: what to try, and the gate"
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="the ONNX model")
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help=".npz: one array for each input, samples on the first axis"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help=".npy: an integer class id for each sample, or whatever the metric reads, samples on the first axis",
    )
    parser.add_argument(
        "--metric", type=Path, metavar="FILE", help="Python file with the function that the recipe's gate.metric names"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="gets model.onnx, report.json, canaries.npz"
    )
    parser.add_argument(
        "--scratch", type=Path, metavar="FOLDER", help="where to work (default: the system's temporary folder)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keeps finished candidates, so that a killed run goes on (default: none)",
    )
    return parser.parse_args(argv)
