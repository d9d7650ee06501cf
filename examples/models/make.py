"""Makes the example models again: trains each on data bundled with scikit-learn and exports it to ONNX.

Run it in an environment with requirements.txt: `python make.py [--out FOLDER] [NAME ...]`.
Every model folder gets the model, `samples.npz` (held out from training, first axis is the sample) and `labels.npy`.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
import torch
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

SEED = 7
OPSET = 18
IR_VERSION = 10
HELD_OUT = 597


class DigitsCnn(nn.Module):
    """Five 3 x 3 convolutions over an 8 x 8 image, most at full resolution, and one dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 96, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 96, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 96, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.2),
            nn.Conv2d(96, 128, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(128 * 4, 10),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)


class EncoderLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.mix = nn.Linear(width, width)
        self.before_dense = nn.LayerNorm(width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(0.1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        normed = self.before_attention(tokens)
        query, key, value = (
            projection(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        tokens = tokens + self.drop(self.mix(attended))
        return tokens + self.drop(self.dense(self.before_dense(tokens)))


class DigitsEncoder(nn.Module):
    """A transformer encoder that reads a digit as 16 tokens, one for each 2 x 2 patch."""

    def __init__(self, width: int = 128, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.embed = nn.Linear(4, width)
        self.position = nn.Parameter(torch.zeros(1, 16, width))
        self.layers = nn.Sequential(*(EncoderLayer(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        states = self.layers(self.embed(tokens) + self.position)
        return self.head(self.norm(states).mean(dim=1))


def shifted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by at most one pixel in each direction, empty pixels black."""
    padded = functional.pad(images, (1, 1, 1, 1))
    offsets = torch.randint(0, 3, (len(images), 2), generator=generator).tolist()
    return torch.stack([image[:, y : y + 8, x : x + 8] for image, (y, x) in zip(padded, offsets, strict=True)])


def train(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, prepare: Callable, epochs: int, rate: float
) -> None:
    generator = torch.Generator().manual_seed(SEED)
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    steps = epochs * -(-len(inputs) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    network.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs), generator=generator).split(64):
            loss = functional.cross_entropy(
                network(prepare(shifted(inputs[rows], generator))), targets[rows], label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images float32 [n, 1, 8, 8] from 0 to 1 and labels int64 [n]: for training, then held out."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    seen, held, seen_labels, held_labels = train_test_split(
        images, labels.astype(np.int64), test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    return seen, held, seen_labels, held_labels


def patches(images: torch.Tensor) -> torch.Tensor:
    """Images [n, 1, 8, 8] as tokens [n, 16, 4]: rows of 2 x 2 patches."""
    return images.reshape(-1, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(-1, 16, 4)


def export(network: nn.Module, example: torch.Tensor, source: str, path: Path) -> None:
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=[source],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    save(program.model_proto, path, "batch")


def save(model: onnx.ModelProto, path: Path, batch: str) -> None:
    """Writes one file without traces of the exporting machine, the batch dimension named alike everywhere."""
    model.ir_version = IR_VERSION
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        del value.metadata_props[:]
        if value.type.tensor_type.shape.dim and not value.type.tensor_type.shape.dim[0].HasField("dim_value"):
            value.type.tensor_type.shape.dim[0].dim_param = batch
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    model.graph.name = path.stem
    imports = sorted((entry.domain, entry.version) for entry in model.opset_import)
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in imports)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path, save_as_external_data=False)


def store(folder: Path, samples: dict[str, np.ndarray], labels: np.ndarray) -> None:
    np.savez_compressed(folder / "samples.npz", **samples)  # type: ignore[arg-type]
    np.save(folder / "labels.npy", labels)


def make_digits(folder: Path) -> None:
    seen, held, seen_labels, held_labels = digits()
    network = DigitsCnn()
    train(network, seen, seen_labels, lambda images: images, epochs=40, rate=2e-3)
    export(network, torch.from_numpy(held[:2]), "image", folder / "digits.onnx")
    store(folder, {"image": held}, held_labels)


def make_digits_encoder(folder: Path) -> None:
    seen, held, seen_labels, held_labels = digits()
    network = DigitsEncoder()
    train(network, seen, seen_labels, patches, epochs=150, rate=1e-3)
    tokens = patches(torch.from_numpy(held)).contiguous()
    export(network, tokens[:2], "tokens", folder / "digits-encoder.onnx")
    store(folder, {"tokens": tokens.numpy()}, held_labels)


def make_breast_cancer(folder: Path) -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    seen, held, seen_labels, held_labels = train_test_split(
        features.astype(np.float32), labels.astype(np.int64), test_size=200, random_state=SEED, stratify=labels
    )
    trees = GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=SEED).fit(seen, seen_labels)
    model = to_onnx(
        trees,
        initial_types=[("features", FloatTensorType([None, 30]))],
        options={id(trees): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": 3},
    )
    save(model, folder / "breast-cancer.onnx", "batch")
    store(folder, {"features": held}, held_labels)


MODELS: dict[str, Callable[[Path], None]] = {
    "digits": make_digits,
    "digits-encoder": make_digits_encoder,
    "breast-cancer": make_breast_cancer,
}


def accuracy(folder: Path, name: str) -> float:
    """Share of held-out samples whose class is right, as ONNX Runtime answers."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
    with np.load(folder / "samples.npz", allow_pickle=False) as samples:
        answers = session.run(None, dict(samples))
    scores = next(answer for answer in answers if np.asarray(answer).dtype == np.float32)
    return float(np.mean(np.asarray(scores).argmax(axis=1) == np.load(folder / "labels.npy", allow_pickle=False)))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(MODELS)}")
    arguments.add_argument("--out", type=Path, default=Path(__file__).parent, help="default: beside this script")
    options = arguments.parse_args()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    for name in options.names or MODELS:
        torch.manual_seed(SEED)
        folder = options.out / name
        folder.mkdir(parents=True, exist_ok=True)
        MODELS[name](folder)
        size = (folder / f"{name}.onnx").stat().st_size
        print(f"{name}: {size / 1000:.0f} kB, accuracy {accuracy(folder, name):.4f}")


if __name__ == "__main__":
    main()
