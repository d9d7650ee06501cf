"""Reports of every kind for the tests of the views, each following its schema."""

import copy
from typing import Any

import numpy as np

SHA = "a" * 64

STATIC = {
    "name": "int8-minmax", "precision": "int8", "method": "static", "activationType": "uint8", "weightType": "int8",
    "perChannel": True, "reduceRange": False, "opTypes": ["Conv", "MatMul", "Gemm"], "calibration": "minmax",
    "placement": "cpu", "excludeNodes": [],
}  # fmt: skip
DYNAMIC = {
    "name": "int8-dynamic", "precision": "int8", "method": "dynamic", "weightType": "int8", "perChannel": True,
    "reduceRange": True, "opTypes": [], "excludeNodes": [],
}  # fmt: skip
GATE = {
    "minSpeedup": 1.1, "minShrink": 1.5, "maxAccuracyDrop": 0.01, "maxErrorRatio": 1.5, "minAgreement": 0.99,
    "minSqnrDb": 20, "warnSqnrDb": 30, "warnCosine": 0.999, "strict": False, "metric": None,
}  # fmt: skip


def candidate(name: str, **given: Any) -> dict[str, Any]:
    """A candidate that passed, unless told otherwise."""
    recipe = {**given.pop("recipe", STATIC), "name": name}
    return {
        "name": name, "precision": recipe["precision"], "recipe": recipe, "origin": "recipe", "status": "passed",
        "reasons": [], "warnings": [], "bytes": 347_000, "latencyMs": {"p50": 0.142, "p95": 0.171}, "speedup": 2.91,
        "speedupInterval": [2.85, 2.98],
        "fidelity": {
            "agreement": 0.9966, "sqnrDb": 37.94, "cosineMin": 0.99912, "cosineMean": 0.99991, "maxAbsError": 0.31,
            "nonFinite": 0,
        },
        "accuracy": {"value": 0.9883, "drop": 0.0025, "errorRatio": 1.27, "decided": "pass"},
        "metric": None, "saturationDb": 71.2, "seconds": 3.21, "peakMemoryBytes": 181_000_000, "ladder": [],
        **given,
    }  # fmt: skip


def failed(name: str, **given: Any) -> dict[str, Any]:
    nothing = {"bytes": None, "latencyMs": None, "speedup": None, "speedupInterval": None, "fidelity": None,
               "accuracy": None, "saturationDb": None, "peakMemoryBytes": None}  # fmt: skip
    return candidate(name, **{"status": "failed", "reasons": ["ended by signal 9 (SIGKILL)"], **nothing, **given})


def tensor(name: str, seed: int, sqnr_db: float = 41.5) -> dict[str, Any]:
    counts, edges = np.histogram(np.random.default_rng(seed).normal(0, 0.1, 2000), 32)
    return {"name": name, "dtype": "int8", "shape": [16, 1, 3, 3], "edges": edges.tolist(), "counts": counts.tolist(),
            "sqnrDb": sqnr_db}  # fmt: skip


def report(**given: Any) -> dict[str, Any]:
    """Three candidates: one served, one refused, one that failed."""
    refused = candidate(
        "int8-dynamic", recipe=DYNAMIC, status="rejected", speedup=0.64, speedupInterval=[0.61, 0.69],
        latencyMs={"p50": 0.644, "p95": 0.8}, warnings=["signal to noise 28.1 dB is below 30 dB"],
        reasons=["agreement 97.1 % is below 99 %", "0.64x is below 1.1x"],
        fidelity={"agreement": 0.971, "sqnrDb": 18.1, "cosineMin": 0.97, "cosineMean": 0.98, "maxAbsError": 2.0,
                  "nonFinite": 0},
        accuracy={"value": 0.9706, "drop": 0.02, "errorRatio": 3.1, "decided": "fail"},
    )  # fmt: skip
    found = {
        "schemaVersion": 1, "mode": "search",
        "verdict": "int8, 2.9x faster, 99.6 % agreement, 347 KB instead of 1355 KB",
        "model": {
            "name": "digits", "family": "cnn", "sha256": SHA, "bytes": 1_355_055, "opset": 17, "irVersion": 8,
            "nodes": 9, "inputs": [{"name": "image", "dtype": "float32", "shape": ["batch", 1, 8, 8]}],
            "outputs": [{"name": "scores", "dtype": "float32", "shape": [None, 10]}],
        },
        "data": {"sha256": SHA, "samples": 540, "calibrationSamples": 180, "evaluationSamples": 360,
                 "labelsSha256": SHA, "metricSha256": None},
        "task": "classification",
        "recipe": {
            "schemaVersion": 1, "goal": "speed", "gate": copy.deepcopy(GATE), "onFailure": "fp32",
            "target": {"platform": "aws-sagemaker", "machines": ["ml.c7i.xlarge"], "instructionSets": ["x86-64-vnni"],
                       "provider": "cpu", "threads": 4, "intraOpThreads": 1},
        },
        "tools": {"python": "3.11.7", "onnxruntime": "1.30.0", "onnx": "1.23.1", "numpy": "2.4.6"},
        "host": {"architecture": "x86_64", "cpu": "Intel(R) Xeon(R) Platinum 8488C", "instructionSet": "x86-64-vnni",
                 "processors": 4, "threads": 1, "judgesSpeed": True, "emulated": False},
        "reference": {"bytes": 1_355_055, "latencyMs": {"p50": 0.413, "p95": 0.5}, "accuracy": 0.9908, "task": None},
        "candidates": [candidate("int8-minmax"), refused, failed("int8-entropy")],
        "winner": {
            "name": "int8-minmax", "precision": "int8", "recipe": {**STATIC}, "speedup": 2.91,
            "speedupInterval": [2.85, 2.98], "agreement": 0.9966, "accuracy": 0.9883, "sqnrDb": 37.94,
            "bytes": 347_000, "sha256": SHA, "speedJudged": True,
        },
        "session": {"provider": "cpu", "intraOpThreads": 1, "graphOptimization": "extended", "settings": {}},
        "recheck": None,
        "canaries": {"count": 8, "minSqnrDb": 31.9, "synthetic": False},
        "sensitivity": [],
        "ranges": {"image": [0.0, 16.0], "conv1": [-3.25, 7.5]},
        "tensors": [tensor("conv1.weight", 1), tensor("conv2.weight", 2, 38.2)],
        "convergence": [{"samples": 1, "width": 0.61}, {"samples": 8, "width": 0.9}, {"samples": 180, "width": 1.0}],
        "warnings": [], "notes": [],
    }  # fmt: skip
    return {**found, **given}


def build(**given: Any) -> dict[str, Any]:
    latency = {"p50": 0.413, "p95": 0.5}
    host = {"architecture": "x86_64", "cpu": "AMD EPYC 9R14", "instructionSet": "x86-64-vnni", "processors": 2,
            "emulated": False}  # fmt: skip
    return {
        "schemaVersion": 1, "mode": "search", "host": host, "tools": {"python": "3.11.7"},
        "stages": [{"name": "admit", "seconds": 0.4}, {"name": "candidates", "seconds": 72.0}],
        "peakMemoryBytes": 400_000_000, "latencyMs": {"reference": latency, "served": {"p50": 0.142, "p95": 0.171}},
        "speedup": 2.9, "resumed": 0, **given,
    }  # fmt: skip


FP32 = {"name": "fp32", "precision": "fp32", "recipe": None, "speedup": 1, "speedupInterval": None, "agreement": 1,
        "accuracy": None, "sqnrDb": None, "bytes": 1_355_055, "sha256": SHA, "speedJudged": True}  # fmt: skip

HOSTILE = "<script>alert(1)</script>|`x` **b** [a](javascript:1) &amp; \"'\u202e\x00\n@here"


def cases() -> dict[str, dict[str, Any]]:
    """A report for each state that the schema allows, by name."""
    plain = report()
    reference = {**plain["reference"], "accuracy": None}
    bare = [{**entry, "accuracy": None} for entry in plain["candidates"]]
    rejected = [{**entry, "status": "rejected", "reasons": ["0.9x is below 1.1x"]} for entry in bare[:2]]
    sensitive = [
        {"node": f"/encoder/layer.{index}/output/dense/MatMul", "op": "MatMul", "sqnrDb": 8.0 + index,
         "excluded": index < 2}
        for index in range(40)
    ]  # fmt: skip
    repaired = candidate("int8-minmax-without-2", origin="repair",
                         recipe={**STATIC, "excludeNodes": [entry["node"] for entry in sensitive[:2]]})  # fmt: skip
    metric = {"name": "macro_f1", "value": 0.871, "drop": 0.004, "decided": "pass"}
    many = [tensor(f"blocks.{index}.mlp.weight", index) for index in range(300)]
    host = {**plain["host"], "judgesSpeed": False, "instructionSet": "x86-64", "emulated": True}
    hostile = copy.deepcopy(plain)
    named = (hostile["model"], hostile["candidates"][0], hostile["winner"], hostile["tensors"][0])
    for place, key in ((hostile, "verdict"), (hostile["host"], "cpu"), *((entry, "name") for entry in named)):
        place[key] = HOSTILE
    hostile["notes"] = hostile["warnings"] = hostile["candidates"][1]["reasons"] = [HOSTILE]
    hostile["sensitivity"] = [{"node": HOSTILE, "op": HOSTILE, "sqnrDb": 3.0, "excluded": True}]
    lengthy = [candidate(f"int8-static-{'percentile-' * 4}{index}", speedup=2.9 + index / 200,
                         speedupInterval=None) for index in range(12)]  # fmt: skip
    return {
        "searched": plain,
        "no-candidates": report(candidates=[], winner=FP32, tensors=[], convergence=[], ranges=None,
                                verdict="fp32, kept: classic models are never quantized",
                                model={**plain["model"], "family": "classic"}),
        "no-samples": report(data=None, reference=reference, candidates=[], winner={**FP32, "agreement": None},
                             tensors=[], convergence=[], ranges=None, verdict="fp32, kept: there are no samples",
                             canaries={"count": 1, "minSqnrDb": 60.0, "synthetic": True}),
        "all-refused": report(reference=reference, candidates=rejected, winner=FP32, ranges=None, tensors=[],
                              verdict="fp32, kept: int8-minmax: 0.9x is below 1.1x (and 1 more refused)"),
        "all-failed": report(candidates=[failed("int8-a"), failed("int8-b", ladder=["without inferred shapes"])],
                             winner=FP32, tensors=[], convergence=[], ranges=None, verdict="fp32, kept: int8-a failed"),
        "repaired": report(candidates=[*plain["candidates"][1:2], repaired], sensitivity=sensitive,
                           winner={**plain["winner"], "name": repaired["name"], "recipe": repaired["recipe"]}),
        "replayed": report(mode="replay", recheck={"sha256Matches": False, "agreement": 0.9966, "accuracy": 0.9883,
                                                   "metric": None, "sqnrDb": 37.9},
                           warnings=["The bytes differ from the lock's; accuracy decided."]),
        "speed-not-judged": report(host=host, winner={**plain["winner"], "speedup": None, "speedupInterval": None,
                                                      "speedJudged": False},
                                   verdict="int8, speed not judged on this host, 99.6 % agreement",
                                   warnings=["This host is x86-64, the target x86-64-vnni: speed did not decide."]),
        "own-metric": report(reference={**reference, "task": {"metric": "macro_f1", "value": 0.8745}},
                             candidates=[{**entry, "metric": metric} for entry in bare[:2]],
                             recipe={**plain["recipe"], "goal": "size", "gate": {
                                 **GATE, "metric": {"function": "macro_f1", "direction": "higher", "maxDrop": 0.01}}}),
        "many": report(tensors=many, ranges={f"/block.{index}/out": [-1.5, index / 7] for index in range(1200)},
                       candidates=lengthy, notes=["a note"] * 30,
                       winner={**plain["winner"], "name": lengthy[0]["name"]}),
        "odd-figures": report(
            candidates=[candidate("same", fidelity={"agreement": None, "sqnrDb": 200.0, "cosineMin": 1.0,
                                                    "cosineMean": 1.0, "maxAbsError": 0.0, "nonFinite": 0}),
                        candidate("broken", status="rejected", reasons=["12 values are NaN"], speedup=1.0,
                                  fidelity={"agreement": 0.0, "sqnrDb": -12.5, "cosineMin": -0.3, "cosineMean": 0.0,
                                            "maxAbsError": 3e38, "nonFinite": 12})],
            winner={**plain["winner"], "name": "same"}, recipe={}, task="regression",
            tensors=[{**tensor("one", 1), "shape": [], "edges": [2.0, 2.0], "counts": [1]}],
            sensitivity=[{"node": "n", "op": "Conv", "sqnrDb": -6.0, "excluded": False}],
            convergence=[{"samples": 4, "width": 1.0}]),
        "hostile": hostile,
    }  # fmt: skip
