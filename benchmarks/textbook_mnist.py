"""MNIST as textbooks have it, from the first import to the test accuracy: python benchmarks/textbook_mnist.py [EPOCHS]."""

import gzip
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

FOLDER = Path(os.environ["STEELYARD_DATA"]) / "mnist"


def array(name: str, skip: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((FOLDER / name).read_bytes()), np.uint8, offset=skip)


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Each item is converted when it is asked for."""

    def __init__(self, kind: str) -> None:
        self.pixels = array(f"{kind}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        self.labels = array(f"{kind}-labels-idx1-ubyte.gz", 8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = torch.from_numpy(self.pixels[index].copy()).float().div(255)
        return (picture - 0.1307) / 0.3081, int(self.labels[index])


def main(epochs: int) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    train = DataLoader(Pictures("train"), batch_size=64, shuffle=True)
    for epoch in range(epochs):
        total = 0.0
        for pictures, labels in train:
            loss = nn.functional.cross_entropy(model(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(train):.4f}", flush=True)
    model.eval()
    right = count = 0
    with torch.no_grad():
        for pictures, labels in DataLoader(Pictures("t10k"), batch_size=1000):
            right += int((model(pictures).argmax(1) == labels).sum())
            count += len(labels)
    print(f"accuracy {right / count:.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
