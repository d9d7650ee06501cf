"""Optimizer bench, inside optimum-onnx's environment: quantizes files by the configuration it has for this processor.

`python peer_optimum.py JOBS.json`, see peer_jobs.py.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from optimum.onnxruntime import ORTQuantizer
from optimum.onnxruntime.configuration import AutoCalibrationConfig, AutoQuantizationConfig
from peer_jobs import work_off
from transformers import PretrainedConfig


class Samples(list):
    """One sample after the other; optimum asks data sets for their origin too."""

    info = type("Info", (), {"builder_name": "bench", "config_name": None})
    split = None
    num_rows = property(len)


def samples(path: str) -> Samples:
    with np.load(path) as held:
        arrays = {name: held[name] for name in held.files}
    count = len(next(iter(arrays.values())))
    return Samples({name: values[row] for name, values in arrays.items()} for row in range(count))


def quantize(mode: str, model: str, calibration: str, out: str) -> None:
    vnni = "avx512_vnni" in Path("/proc/cpuinfo").read_text()
    configuration = (AutoQuantizationConfig.avx512_vnni if vnni else AutoQuantizationConfig.avx2)(
        is_static=mode == "static"
    )
    quantizer = ORTQuantizer(Path(model), PretrainedConfig())
    with tempfile.TemporaryDirectory() as folder:
        ranges = None
        if mode == "static":
            data = samples(calibration)
            ranges = quantizer.fit(
                dataset=data,
                calibration_config=AutoCalibrationConfig.minmax(data),
                onnx_augmented_model_name=f"{folder}/augmented.onnx",
                operators_to_quantize=configuration.operators_to_quantize,
            )
        quantizer.quantize(configuration, save_dir=folder, calibration_tensors_range=ranges)
        shutil.copy(next(path for path in Path(folder).glob("*.onnx") if path.stem.endswith("quantized")), out)


if __name__ == "__main__":
    work_off(sys.argv[1], quantize)
