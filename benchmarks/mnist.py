"""One epoch of the textbooks' network on MNIST, side by side in one run: `make bench`, or python benchmarks/mnist.py [ROUNDS].

ours     the loop of steelyard.engine.train, validation and checkpoints left out of the time
tensors  a bare PyTorch loop over slices of tensors in memory, shuffled
loader   a DataLoader over a Dataset that converts each item, as textbooks have it
Prints examples/s: the median of the rounds, and ours in ratio to each.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from steelyard.engine.job import first_model
from steelyard.engine.measure import choose
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.signals import Stop
from steelyard.engine.train import train
from steelyard.recipe.reader import read

BATCH, RATE, MOMENTUM = 64, 0.01, 0.9


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """What a textbook writes: each item is converted when it is asked for."""

    def __init__(self, pixels: np.ndarray, targets: np.ndarray) -> None:
        self.pixels, self.targets = pixels, targets

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = torch.from_numpy(self.pixels[index]).float().div(255)
        return (picture - 0.1307) / 0.3081, int(self.targets[index])


def network() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return model, torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer, pixels: torch.Tensor, targets: torch.Tensor) -> None:
    loss = nn.functional.cross_entropy(model(pixels), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def tensors(pixels: np.ndarray, targets: np.ndarray) -> float:
    inputs, wanted = (torch.from_numpy(pixels).float().div(255) - 0.1307) / 0.3081, torch.from_numpy(targets)
    model, optimizer = network()
    start = time.perf_counter()
    for part in torch.randperm(len(inputs)).split(BATCH):
        stepped(model, optimizer, inputs[part], wanted[part])
    return time.perf_counter() - start


def loader(pixels: np.ndarray, targets: np.ndarray) -> float:
    model, optimizer = network()
    start = time.perf_counter()
    for inputs, wanted in DataLoader(Pictures(pixels, targets), batch_size=BATCH, shuffle=True):
        stepped(model, optimizer, inputs, wanted)
    return time.perf_counter() - start


def ours(prepared: Prepared) -> float:
    model = first_model(prepared)
    chosen, _ = choose(prepared, model)
    with tempfile.TemporaryDirectory() as folder:
        return train(prepared, model, chosen, lambda event: None, Stop(), Path(folder)).timing["train"]


def main(rounds: int) -> int:
    data = os.environ.get("STEELYARD_DATA")
    if not data or not (Path(data) / "mnist").is_dir():
        print("STEELYARD_DATA names no folder with mnist/ in it: nothing to measure on")
        return 0
    prepared = prepare(read({
        "task": "image-classification",
        "data": {"train": f"{data}/mnist/train-images-idx3-ubyte.gz", "test": f"{data}/mnist/t10k-images-idx3-ubyte.gz"},
        "model": {"family": "mlp"},
        "training": {"epochs": 1, "batch_size": BATCH, "optimizer": "sgd", "learning_rate": RATE, "momentum": MOMENTUM,
                     "schedule": "constant"}}))
    fields = prepared.stores["train"].fields
    count = len(prepared.stores["train"])
    pixels, targets = np.array(fields["pixels"].flat).reshape(count, 28, 28), np.array(fields["target"].flat)
    speeds: dict[str, list[float]] = {"ours": [], "tensors": [], "loader": []}
    for _ in range(rounds):
        for name, seconds in (("ours", ours(prepared)), ("tensors", tensors(pixels, targets)), ("loader", loader(pixels, targets))):
            speeds[name].append(count / seconds)
    print(f"load {os.getloadavg()[0]:.1f}, {torch.get_num_threads()} threads, {rounds} rounds of {count} examples")
    for name, values in speeds.items():
        ratios = [mine / theirs for mine, theirs in zip(speeds["ours"], values, strict=True)]
        print(f"{name:8}{statistics.median(values):>12,.0f} examples/s    ours / {name}: {statistics.median(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
