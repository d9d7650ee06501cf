"""Graphs that ONNX Runtime's tools made of other exports: quantized, rounded to float16, or with fused operators."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from detectors import yolo
from expected import RUN_TYPES, bound, feed
from export import DYNAMO, TORCHSCRIPT, Export, Maker
from images import image, small_vit
from language import TYPED, bert, decoder, encoder, gpt2, llama
from onnx import ModelProto
from onnxruntime import quantization
from onnxruntime.quantization import matmul_nbits_quantizer as nbits
from onnxruntime.transformers import float16, optimizer
from recurrent import recurrent
from torch import nn
from torchvision import models

VERSION = f"onnxruntime {onnxruntime.__version__}"
Formats = quantization.QuantFormat
Types = quantization.QuantType


class Samples(quantization.CalibrationDataReader):
    """Two inputs of the model, at random."""

    def __init__(self, export: Export) -> None:
        random = np.random.default_rng(0)
        session = onnxruntime.InferenceSession(bound(export.model, export.sizes).SerializeToString())
        self.feeds = iter(
            [{i.name: feed(RUN_TYPES[i.type], i.shape, random) for i in session.get_inputs()} for _ in range(2)]
        )

    def get_next(self) -> dict | None:
        return next(self.feeds, None)


def rewritten(export: Export, tool: str, rewrite: Callable[[Path, Path], None]) -> Export:
    """The export after a tool that reads one file and writes another."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(export.model, before)
        rewrite(before, after)
        return Export(onnx.load(after), f"{export.exporter}, then {VERSION} {tool}", export.sizes)


def calibrated(export: Export, form: Formats, **options) -> Export:
    def rewrite(before: Path, after: Path) -> None:
        prepared = before.with_name("prepared.onnx")
        quantization.quant_pre_process(before, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(prepared, after, Samples(export), quant_format=form, **options)

    return rewritten(export, f"quantize_static {form.name}", rewrite)


def dynamic(export: Export, **options) -> Export:
    return rewritten(export, "quantize_dynamic", lambda a, b: quantization.quantize_dynamic(a, b, **options))


def four_bits(export: Export, form: Formats = Formats.QOperator, **options) -> Export:
    def rewrite(before: Path, after: Path) -> None:
        work = nbits.MatMulNBitsQuantizer(onnx.load(before), quant_format=form, **options)
        work.process()
        work.model.save_model_to_file(str(after))

    return rewritten(export, f"MatMulNBitsQuantizer {form.name}", rewrite)


def halved(export: Export, **options) -> Export:
    model = float16.convert_float_to_float16(ModelProto.FromString(export.model.SerializeToString()), **options)
    return Export(model, f"{export.exporter}, then {VERSION} float16", export.sizes)


def fused(export: Export, kind: str, heads: int, hidden: int, half: bool = False) -> Export:
    def rewrite(before: Path, after: Path) -> None:
        model = optimizer.optimize_model(str(before), kind, num_heads=heads, hidden_size=hidden, opt_level=0)
        if half:
            model.convert_float_to_float16(keep_io_types=True)
        model.save_model_to_file(str(after))

    return rewritten(export, f"transformers.optimizer {kind}{', float16' if half else ''}", rewrite)


def optimized(export: Export, level: str) -> Export:
    """As a session keeps it."""

    def rewrite(before: Path, after: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.optimized_model_filepath = str(after)
        onnxruntime.InferenceSession(before, options, providers=["CPUExecutionProvider"])

    return rewritten(export, level, rewrite)


def resnet(way: str = TORCHSCRIPT) -> Export:
    return image(models.resnet18(weights=None), way)


def mobilenet() -> Export:
    return image(models.mobilenet_v2(weights=None), TORCHSCRIPT)


def bert_torchscript() -> Export:
    return encoder(bert(), TORCHSCRIPT, names=TYPED)


REDUCED: dict[str, Maker] = {
    "resnet18-qdq": lambda: calibrated(resnet(), Formats.QDQ, per_channel=True),
    "resnet18-qoperator": lambda: calibrated(resnet(), Formats.QOperator, activation_type=Types.QUInt8),
    "mobilenet-v2-qoperator": lambda: calibrated(mobilenet(), Formats.QOperator, per_channel=True),
    "vit-qdq": lambda: calibrated(image(small_vit(), DYNAMO), Formats.QDQ),
    "bert-qdq": lambda: calibrated(bert_torchscript(), Formats.QDQ, activation_type=Types.QInt8),
    "yolo-qdq": lambda: calibrated(yolo(TORCHSCRIPT, pick=False), Formats.QDQ),
    "bert-dynamic": lambda: dynamic(bert_torchscript()),
    "gpt2-dynamic": lambda: dynamic(decoder(gpt2(), DYNAMO, 4), per_channel=True),
    "lstm-dynamic": lambda: dynamic(recurrent(nn.LSTM, TORCHSCRIPT, bidirectional=True)),
    "resnet18-dynamic": lambda: dynamic(resnet()),
    "llama-nbits": lambda: four_bits(decoder(llama(), DYNAMO, 2), block_size=32, is_symmetric=True),
    "gpt2-nbits": lambda: four_bits(encoder(gpt2(), DYNAMO, "logits"), block_size=16, is_symmetric=False),
    "llama-nbits-qdq": lambda: four_bits(decoder(llama(), DYNAMO, 2), Formats.QDQ, block_size=32, is_symmetric=True),
    "resnet18-float16": lambda: halved(resnet(DYNAMO)),
    "bert-float16": lambda: halved(bert_torchscript(), keep_io_types=True),
    "llama-float16": lambda: halved(decoder(llama(), DYNAMO, 2)),
    "bert-fused": lambda: fused(bert_torchscript(), "bert", 4, 64),
    "bert-fused-float16": lambda: fused(bert_torchscript(), "bert", 4, 64, half=True),
    "gpt2-fused": lambda: fused(decoder(gpt2(), TORCHSCRIPT, 4), "gpt2", 4, 64),
    "bert-extended": lambda: optimized(bert_torchscript(), "ORT_ENABLE_EXTENDED"),
    "mobilenet-v2-extended": lambda: optimized(mobilenet(), "ORT_ENABLE_EXTENDED"),
    "resnet18-all": lambda: optimized(resnet(), "ORT_ENABLE_ALL"),
}
