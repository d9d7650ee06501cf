"""Makes the graphs of whole published networks that plans and estimates are tested with; their weights are never made.

Run it with onnx 1.23 and numpy: `python make.py`. The same script gives the same bytes. It prints a table of parameters
and of operations, by the shapes that onnx infers, beside what is published.
"""

from collections.abc import Callable
from pathlib import Path

from detection import retinanet, ssd_mobilenet, ssd_resnet34, yolov8m
from graph import Network, bound, flops, parameters
from language import bert, gpt, llama_1b, lstm_tagger, mlp, opt_1_3b
from vision import efficientnet_b0, mobilenet_v2, resnet50, vit_b16

HERE = Path(__file__).parent

# How to make each, the sizes for its table row, and published millions of parameters and GFLOP.
NETWORKS: dict[str, tuple[Callable[[], Network], dict[str, int], float | None, float | None]] = {
    "resnet50": (resnet50, {}, 25.6, 8.2),
    "mobilenet-v2": (mobilenet_v2, {}, 3.5, 0.6),
    "efficientnet-b0": (efficientnet_b0, {}, 5.3, 0.78),
    "vit-b16": (vit_b16, {}, 86.6, 35.1),
    "ssd-resnet34": (ssd_resnet34, {}, 20, 433),
    "ssd-mobilenet": (ssd_mobilenet, {}, 6.9, 2.47),
    "retinanet": (retinanet, {}, 37, None),
    "yolov8m": (yolov8m, {}, 25.9, 78.9),
    "bert-base": (lambda: bert("bert-base", 12, 768, 12), {"sequence": 128}, 109, 22.4),
    "bert-large": (lambda: bert("bert-large", 24, 1024, 16), {"sequence": 178}, 335, 110.6),
    "gpt2-large": (lambda: gpt("gpt2-large", 36, 1280, 20, 1024), {"sequence": 1024}, 774, None),
    "gpt3-xl": (lambda: gpt("gpt3-xl", 24, 3072, 24, 2048), {"sequence": 2048}, None, None),
    "gpt3-2.7b": (lambda: gpt("gpt3-2.7b", 32, 2560, 32, 2048), {"sequence": 2048}, 2650, None),
    "opt-1.3b": (opt_1_3b, {"sequence": 2048}, 1316, None),
    "llama-1b": (llama_1b, {"sequence": 1, "past": 1024}, 1100, None),
    "lstm-tagger": (lstm_tagger, {"sequence": 64}, None, None),
    "mlp": (mlp, {}, None, None),
}


def main() -> None:
    print(f"{'network':16} {'KiB':>5} {'Mparameters':>12} {'published':>10} {'GFLOP a row':>12} {'published':>10}  at")
    for name, (make, dims, million, giga) in NETWORKS.items():
        made = make().model()
        data = made.SerializeToString(deterministic=True)
        (HERE / f"{name}.onnx").write_bytes(data)
        held, work = parameters(made) / 1e6, flops(bound(made, {"batch": 1, **dims})) / 1e9
        print(
            f"{name:16} {len(data) // 1024:5} {held:12.4g} {million or '-':>10} {work:12.5g} {giga or '-':>10}  {dims}"
        )


if __name__ == "__main__":
    main()
