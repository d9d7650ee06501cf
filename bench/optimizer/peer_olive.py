"""Optimizer bench, inside Olive's environment: quantizes files with Olive's own defaults.

`python peer_olive.py JOBS.json`, see peer_jobs.py.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from olive.data.registry import Registry
from olive.workflows import run
from peer_jobs import work_off


class Samples:
    """What Olive's data loader asks for: pairs of inputs and label."""

    def __init__(self, path: str) -> None:
        with np.load(path) as held:
            self.arrays = {name: held[name] for name in held.files}

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, row: int):
        return {name: values[row] for name, values in self.arrays.items()}, 0


@Registry.register_dataset()
def bench_samples(data_dir: str, **_: object) -> Samples:
    return Samples(data_dir)


def quantize(mode: str, model: str, calibration: str, out: str) -> None:
    pass_config: dict = {"type": "OnnxDynamicQuantization"}
    if mode == "static":
        pass_config = {"type": "OnnxStaticQuantization", "data_config": "samples"}
    loader = {"type": "default_dataloader", "batch_size": 1}
    data = {"name": "samples", "type": "DataContainer", "dataloader_config": loader}
    accelerator = {"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}
    with tempfile.TemporaryDirectory() as folder:
        run(
            {
                "input_model": {"type": "ONNXModel", "model_path": model},
                "data_configs": [{**data, "load_dataset_config": {"type": "bench_samples", "data_dir": calibration}}],
                "systems": {"here": {"type": "LocalSystem", "accelerators": [accelerator]}},
                "target": "here",
                "host": "here",
                "passes": {"quantize": pass_config},
                "output_dir": folder,
                "cache_dir": f"{folder}/cache",
                "evaluate_input_model": False,
            }
        )
        made = [path for path in Path(folder).rglob("*.onnx") if "cache" not in path.relative_to(folder).parts]
        if not made:
            raise RuntimeError("Olive wrote no model")
        # One file, however Olive stores its weights.
        onnx.save(onnx.load(made[0]), out)


if __name__ == "__main__":
    work_off(sys.argv[1], quantize)
