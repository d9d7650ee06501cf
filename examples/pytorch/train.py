"""Trains a small network on scikit-learn's digits; `slipway export` takes `build_model` and `finetune` from here.

`python train.py` trains, and writes the weights, and the held-out images with their labels, beside this file.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent
WEIGHTS, SAMPLES, LABELS = HERE / "digits.pt", HERE / "samples.npz", HERE / "labels.npy"
SEED = 7
HELD_OUT = 597


class Digits(nn.Module):
    """Three 3 x 3 convolutions over an 8 x 8 image and one dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 48, 3, padding=1),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.Conv2d(48, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 96, 3, padding=1),
            nn.BatchNorm2d(96),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.classes = nn.Linear(96 * 4, 10)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.classes(self.features(image))}


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images [count, 1, 8, 8] from 0 to 1 to train with and held out, then their classes in the same order."""
    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)
    train, held_out, classes, labels = train_test_split(
        images, data.target.astype(np.int64), test_size=HELD_OUT, random_state=SEED, stratify=data.target
    )
    return train, held_out, classes, labels


def fit(model: nn.Module, epochs: int, rate: float) -> None:
    images, _, classes, _ = (torch.from_numpy(array) for array in digits())
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.train()
    for epoch in range(epochs):
        loss = torch.zeros(())
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(images[batch])["logits"], classes[batch])
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}, accuracy {accuracy(model):.3f} held out")


def accuracy(model: nn.Module) -> float:
    _, images, _, labels = (torch.from_numpy(array) for array in digits())
    training = model.training
    model.eval()
    with torch.no_grad():
        right = (model(images)["logits"].argmax(1) == labels).float().mean().item()
    model.train(training)
    return right


def build_model() -> nn.Module:
    """The trained network."""
    model = Digits()
    model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return model


def finetune(model: nn.Module) -> None:
    """Trains on after pruning, more gently."""
    fit(model, epochs=3, rate=5e-4)


if __name__ == "__main__":
    torch.manual_seed(SEED)
    network = Digits()
    fit(network, epochs=6, rate=2e-3)
    torch.save(network.state_dict(), WEIGHTS)
    _, held_out, _, held_out_labels = digits()
    np.savez(SAMPLES, image=held_out)
    np.save(LABELS, held_out_labels)
