"""Optimizer bench: every single recipe of a grid, made with ONNX Runtime's own functions; the best that passes wins.

Recipes that give the same kernels take the same time: calibration method and reduced range change numbers, not the
graph. So each group of them is timed once, and recipes are judged group by group, the fastest first. The search ends
when the groups left are slower than the best that passed by more than timing noise; every recipe that could have won
has then been judged.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process
from race import Ratio, feeds, race, ratio
from verdict import Judge, Verdict

from optimizer.quantize import reduced_nodes
from optimizer.session import brief, open_session

TYPES = {"u8s8": ("QUInt8", "QInt8"), "u8u8": ("QUInt8", "QUInt8"), "s8s8": ("QInt8", "QInt8")}
METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
NOISE = 1.1
"""Groups within this ratio of the best that passed may be as fast, as may those whose interval reaches it."""
FAR_BEHIND = 1.5
"""Groups slower than the best by this with one number of threads are not timed with another."""
LARGE_BYTES = 50_000_000
FINALISTS = 3
HISTOGRAM_ROWS = 12
"""Percentile and entropy are taken over as many samples, most: they handle every activation in Python."""


@dataclass(frozen=True)
class Variant:
    """What makes a recipe of a group: it changes numbers, and hardly the time."""

    calibration: str
    reduced: bool
    per_channel: bool

    @property
    def name(self) -> str:
        channels = "per channel" if self.per_channel else "per tensor"
        calibration = [] if self.calibration == "none" else [self.calibration]
        return ", ".join([channels, *calibration, *(["7 bits"] if self.reduced else [])])


@dataclass(frozen=True)
class Group:
    """Recipes with the same kernels."""

    method: str
    types: str
    operators: tuple[str, ...]
    """Empty: every operator that can be."""
    per_channel: bool | None
    """None: one after the other, where timing them apart would take too long."""
    constant_only: bool = False
    """Products of two activations stay in floats."""

    @property
    def name(self) -> str:
        operators = "+".join(self.operators) or "all"
        parts = [self.method, self.types, operators + (" with weights" if self.constant_only else "")]
        return ", ".join(parts)

    @property
    def variants(self) -> list[Variant]:
        """Its recipes."""
        channels = (True, False) if self.per_channel is None else (self.per_channel,)
        methods = METHODS if self.method == "static" else ("none",)
        return [
            Variant(method, reduced, channel) for channel, method, reduced in product(channels, methods, (False, True))
        ]


@dataclass(frozen=True)
class Found:
    """A recipe that passed the gate."""

    name: str
    path: Path
    verdict: Verdict
    speedup: Ratio


@dataclass
class Sweep:
    """The grid over one model. Files are made once, whatever the number of threads."""

    model: Path
    folder: Path
    judge: Judge
    calibration: np.ndarray
    log: Callable[[str], None]
    quick: bool = False
    files: dict[tuple, Path | str] = field(default_factory=dict)
    """By group and variant: the file, or why there is none."""
    verdicts: dict[tuple, Verdict] = field(default_factory=dict)
    speeds: dict[Group, float] = field(default_factory=dict)
    """As first timed, whatever the number of threads was."""

    def __post_init__(self) -> None:
        logging.disable(logging.WARNING)
        self.source = preprocessed(self.model, self.folder / "preprocessed.onnx")
        self.ops = {node.op_type for node in onnx.load(self.source, load_external_data=False).graph.node}

    def groups(self) -> list[Group]:
        """All that differ for this model. Quick: weights per channel only, without int8 activations.

        Of static recipes of large models, weights per channel and per tensor share a group: the kernels are the same.
        """
        weighty = tuple(op for op in ("Conv", "MatMul", "Gemm") if op in self.ops)
        sets = dict.fromkeys([(weighty, False), ((), False), *narrower(weighty)])
        per_channel = (True,) if self.quick else (True, False)
        large = self.model.stat().st_size > LARGE_BYTES and not self.quick
        types = [name for name in TYPES if not (self.quick and name == "s8s8")]
        static = [
            Group("static", kind, operators, channels, constant)
            for kind, (operators, constant), channels in product(types, sets, (None,) if large else per_channel)
        ]
        products = tuple(op for op in weighty if op != "Conv")
        dynamic = [
            Group("dynamic", kind, operators, channels)
            for kind, operators, channels in product(("s8", "u8"), dict.fromkeys([products, weighty]), per_channel)
            if operators
        ]
        return static + dynamic

    def make(self, group: Group, variant: Variant) -> Path | str:
        key = (group, variant)
        if key not in self.files:
            path = self.folder / f"sweep-{len(self.files)}.onnx"
            try:
                self.quantize(group, variant, path)
                open_session(path)
                self.files[key] = path if reduced_nodes(onnx.load(path)) else "nothing to quantize"
            except Exception as error:
                path.unlink(missing_ok=True)
                self.files[key] = f"{type(error).__name__}: {brief(error)}"
        return self.files[key]

    def quantize(self, group: Group, variant: Variant, path: Path) -> None:
        shared = {"per_channel": variant.per_channel, "reduce_range": variant.reduced}
        if group.method == "dynamic":
            kind = QuantType.QInt8 if group.types == "s8" else QuantType.QUInt8
            quantize_dynamic(self.source, path, list(group.operators), weight_type=kind, **shared)
            return
        activations, weights = (getattr(QuantType, name) for name in TYPES[group.types])
        quantize_static(
            self.source,
            path,
            None,
            op_types_to_quantize=list(group.operators) or None,
            activation_type=activations,
            weight_type=weights,
            calibrate_method=METHODS[variant.calibration],
            calibration_cache_path=self.ranges(variant.calibration),
            extra_options={"MatMulConstBOnly": group.constant_only},
            **shared,
        )

    def ranges(self, method: str) -> Path:
        """Calibrated once for all recipes of a method, one sample at a time, so that memory stays small."""
        path = self.folder / f"ranges-{method}.json"
        if path.exists():
            return path
        self.log(f"calibrating, {method}")
        rows = self.calibration if method == "minmax" else self.calibration[:HISTOGRAM_ROWS]
        calibrator = create_calibrator(
            self.source,
            sorted({*QDQRegistry, *QLinearOpsRegistry}),
            augmented_model_path=str(self.folder / "augmented.onnx"),
            calibrate_method=METHODS[method],
        )
        with contextlib.redirect_stdout(io.StringIO()):
            for feed in feeds(self.judge.inputs, rows):
                calibrator.collect_data(OneSample(feed))
            save_tensors_data(calibrator.compute_data(), path)
        return path

    def verdict(self, group: Group, variant: Variant) -> Verdict:
        key = (group, variant)
        if key not in self.verdicts:
            made = self.make(group, variant)
            self.verdicts[key] = self.judge.of(made) if isinstance(made, Path) else Verdict((made,))
        return self.verdicts[key]

    def timed(self, threads: int) -> dict[Group, Ratio]:
        """fp32's time divided by each group's, timed in pairs.

        Left out are groups that could not be made, and those far behind when they were timed with other threads.
        """
        cuts = feeds(self.judge.inputs, self.judge.rows[:8])
        reference = run_of(self.model, threads, cuts)
        found: dict[Group, Ratio] = {}
        best = max(self.speeds.values(), default=0.0)
        groups = [group for group in self.groups() if self.speeds.get(group, best) * FAR_BEHIND >= best]
        for number, group in enumerate(groups, start=1):
            made = next((path for path in self.tries(group) if isinstance(path, Path)), None)
            if made is None:
                continue
            pair = {"fp32": reference, "form": run_of(made, threads, cuts)}
            times = race(pair, seconds=0.1, least=3)
            # One that is far behind even in its best run needs no better figure.
            if times["form"].min() < 1.3 * times["fp32"].min():
                times = race(pair, seconds=0.5 if self.quick else 1.5, least=7)
            found[group] = ratio(times["fp32"], times["form"])
            self.speeds.setdefault(group, found[group].value)
            self.log(f"{number} of {len(groups)}: {found[group].value:.2f}x {group.name}, {threads} threads")
        return found

    def tries(self, group: Group) -> Iterator[Path | str]:
        yield from (self.make(group, variant) for variant in group.variants[:2])

    def best(self, threads: int) -> tuple[list[Found], dict[str, int]]:
        """The fastest recipes that pass, fastest first, at most FINALISTS; and how many were timed and judged."""
        speeds = sorted(self.timed(threads).items(), key=lambda entry: -entry[1].value)
        found: list[Found] = []
        judged = 0
        for group, speed in speeds:
            too_slow = speed.high < self.judge.rule.min_speedup
            if too_slow or (found and max(speed.value * NOISE, speed.high) < found[0].speedup.value):
                continue
            for variant in group.variants:
                verdict = self.verdict(group, variant)
                judged += 1
                if verdict.good:
                    name = f"{group.name}, {variant.name}"
                    path = self.make(group, variant)
                    assert isinstance(path, Path)
                    found.append(Found(name, path, verdict, speed))
                    self.log(f"passed: {name}")
                    break
        groups = self.groups()
        counts = {
            "recipes": sum(len(group.variants) for group in groups),
            "groups": len(groups),
            "timed": len(speeds),
            "judged": judged,
        }
        return found[:FINALISTS], counts


def narrower(operators: Sequence[str]) -> list[tuple[tuple[str, ...], bool]]:
    """Smaller sets of operators: convolutions alone, products alone, products with stored weights alone."""
    products = tuple(op for op in operators if op != "Conv")
    alone = [((("Conv",), False))] if "Conv" in operators and products else []
    without = [(products, False)] if "Conv" in operators and "MatMul" in products else []
    constant = [(tuple(operators), True)] if "MatMul" in operators else []
    return [*alone, *without, *constant]


class OneSample(CalibrationDataReader):
    """Gives one sample, then none."""

    def __init__(self, feed: Mapping[str, np.ndarray]) -> None:
        self.left = [feed]

    def get_next(self):
        return self.left.pop() if self.left else None


def run_of(path: Path, threads: int, cuts: Sequence[Mapping[str, np.ndarray]]) -> Callable[[int], object]:
    session = open_session(path, threads=threads)
    return lambda index: session.run(None, cuts[index % len(cuts)])


def preprocessed(model: Path, target: Path) -> Path:
    """The model as ONNX Runtime's documentation asks for before quantization; as given where that fails."""
    for options in ({}, {"skip_symbolic_shape": True}):
        try:
            quant_pre_process(str(model), str(target), **options)
            open_session(target)
            return target
        except Exception:
            target.unlink(missing_ok=True)
    return model
