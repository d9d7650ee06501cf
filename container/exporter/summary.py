"""The end: what was made, as one JSON document, and what there is to say about it, in sentences."""

import platform
from importlib.metadata import version
from typing import Any

import onnx

from optimizer.words import percent, size, times

from .compare import Compared, Size
from .parity import OF_LARGEST, RELATIVE
from .pipeline import Outcome

LOW_AGREEMENT = 0.99
SAME_SPEED = 0.1


def summary(outcome: Outcome) -> dict[str, Any]:
    exported, parity = outcome.exported, outcome.exported.parity
    model = onnx.load(exported.file, load_external_data=False)
    weights = exported.weights
    return {
        "schemaVersion": 1,
        "model": str(outcome.asked.out),
        "weights": None if weights is None else f"{outcome.asked.out}.data",
        "bytes": exported.bytes,
        "exporter": exported.exporter,
        "opset": exported.opset,
        "irVersion": exported.ir_version,
        "inputs": [tensor(entry) for entry in model.graph.input],
        "outputs": [tensor(entry) for entry in model.graph.output],
        "parity": {
            "batches": list(parity.batches),
            "sizes": [dict(entry) for entry in parity.sizes],
            "maxAbsError": parity.max_abs_error,
            "tolerance": {"relative": RELATIVE, "ofLargest": OF_LARGEST},
        },
        "prune": pruned(outcome),
        "sparsify": sparsified(outcome),
        "comparison": None if outcome.compared is None else comparison(outcome.compared),
        "notes": notes(outcome),
        "warnings": warnings(outcome),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages(outcome)}},
    }


def packages(outcome: Outcome) -> list[str]:
    return ["torch", "onnxscript", "onnx", *(["torch-pruning"] if outcome.pruned is not None else [])]


def tensor(entry: onnx.ValueInfoProto) -> dict[str, Any]:
    of = entry.type.tensor_type
    shape = [dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else None) for dim in of.shape.dim]
    return {
        "name": entry.name,
        "dtype": onnx.helper.tensor_dtype_to_np_dtype(of.elem_type).name,
        "shape": shape,
    }


def pruned(outcome: Outcome) -> dict[str, Any] | None:
    result: Any = outcome.pruned
    if result is None:
        return None
    return {
        "share": outcome.asked.prune,
        "finetuned": outcome.asked.finetune is not None,
        "layers": [{"name": layer.name, "before": layer.before, "after": layer.after} for layer in result.layers],
        "whole": [{"name": name, "why": why} for name, why in result.whole.items()],
    }


def sparsified(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.sparsified is None:
        return None
    sparse = outcome.sparsified.sparse
    return {
        "share": outcome.asked.sparsify,
        "pattern": "2:4" if outcome.asked.two_of_four else "unstructured",
        "finetuned": outcome.asked.finetune is not None,
        "zeros": outcome.sparsified.zeros,
        "layers": list(sparse.layers),
        "dense": [{"name": name, "why": why} for name, why in sparse.skipped.items()],
    }


def comparison(compared: Compared) -> dict[str, Any]:
    speed = compared.speed
    return {
        "before": sizes(compared.before) | {"latencyMs": {"p50": speed.reference.p50, "p95": speed.reference.p95}},
        "after": sizes(compared.after) | {"latencyMs": {"p50": speed.candidate.p50, "p95": speed.candidate.p95}},
        "speedup": speed.speedup,
        "speedupInterval": list(speed.interval),
        "samples": compared.samples,
        "agreement": compared.agreement,
        "sqnrDb": compared.sqnr_db,
    }


def sizes(of: Size) -> dict[str, int]:
    return {"parameters": of.parameters, "macs": of.macs, "bytes": of.bytes, "gzipBytes": of.gzip_bytes}


def kept(compared: Compared) -> str:
    if compared.agreement is None:
        return f"its answers are {compared.sqnr_db:.1f} dB from the given model's on {compared.samples} samples"
    return f"it answers as the given model does on {percent(compared.agreement)} of {compared.samples} samples"


def notes(outcome: Outcome) -> list[str]:
    said = [] if outcome.exported.note is None else [outcome.exported.note]
    compared = outcome.compared
    if compared is None:
        return said
    if outcome.sparsified is not None:
        said.append(about_zeros(outcome, compared))
        if outcome.asked.two_of_four:
            said.append(
                "2:4 zeros are faster only in TensorRT on NVIDIA GPUs from Ampere on, with trt_sparsity_enable; "
                "this was not verified here."
            )
    said.append(
        "slipway optimize judges its candidates against this model, not against the one before: "
        "judge now, with labels of your own, what the change cost."
    )
    return said


def about_zeros(outcome: Outcome, compared: Compared) -> str:
    before, after, speed = compared.before, compared.after, compared.speed
    packed = (
        f"packed with gzip, as image layers are, it is {size(after.gzip_bytes)} instead of {size(before.gzip_bytes)}"
    )
    if outcome.pruned is not None:
        return f"Of the two changes the removed channels make it faster and smaller, zeros do not; {packed}."
    measured = f"{times(speed.speedup)} (95 %: {times(speed.interval[0])} to {times(speed.interval[1])})"
    same = abs(speed.speedup - 1) < SAME_SPEED or speed.interval[0] <= 1 <= speed.interval[1]
    verdict = "Zeros bring no speed in ONNX Runtime" if same else "Another speed than before was measured"
    alike = abs(after.bytes / before.bytes - 1) < 0.01
    file = (
        "the file is as large as before" if alike else f"the file is {size(after.bytes)}, before {size(before.bytes)}"
    )
    return f"{verdict}, measured {measured}; {file}; {packed}."


def warnings(outcome: Outcome) -> list[str]:
    compared = outcome.compared
    if compared is None:
        return []
    said = []
    if outcome.asked.finetune is None:
        said.append(f"Not trained on after the change: {kept(compared)}. Give --finetune before you ship it.")
    elif compared.agreement is not None and compared.agreement < LOW_AGREEMENT:
        said.append(f"After training on {kept(compared)}. A smaller share, or training longer, brings it closer.")
    return said
