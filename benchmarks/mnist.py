"""The textbooks' network on MNIST, side by side in one run: python benchmarks/mnist.py [--rounds N] [--quick].

Examples/s of one epoch, rounds of all in turn:
  ours     the loop of steelyard.engine.train, validation and checkpoints left out of the time; settings measured and chosen as always
  tensors  a bare PyTorch loop over slices of tensors in memory, shuffled
  loader   a DataLoader over a Dataset that converts each item, as textbooks have it
Wall clock of 10 epochs as processes, the first import counted: benchmarks/textbook_mnist.py, and `steelyard train` of the same
recipe with a warm cache of prepared pictures, once with the quality alone (counterweights too) and once with all evidence.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).parent))
from _peers import data, machine, told

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


def recipe(folder: Path, epochs: int) -> dict[str, object]:
    return {
        "task": "image-classification",
        "data": {"train": f"{folder}/train-images-idx3-ubyte.gz", "test": f"{folder}/t10k-images-idx3-ubyte.gz"},
        "model": {"family": "mlp"},
        "training": {"epochs": epochs, "batch_size": BATCH, "optimizer": "sgd", "learning_rate": RATE, "momentum": MOMENTUM,
                     "weight_decay": 0, "schedule": "constant", "warmup_steps": 0, "max_grad_norm": 0}}


def paces(folder: Path, rounds: int) -> None:
    """Examples/s, in turn."""
    prepared = prepare(read(recipe(folder, 1)))
    fields = prepared.stores["train"].fields
    count = len(prepared.stores["train"])
    pixels, targets = np.array(fields["pixels"].flat).reshape(count, 28, 28), np.array(fields["target"].flat)
    speeds: dict[str, list[float]] = {"ours": [], "tensors": [], "loader": []}
    threads = torch.get_num_threads()
    for _ in range(rounds):
        speeds["ours"].append(count / ours(prepared))
        torch.set_num_threads(threads)  # the peers keep PyTorch's own choice
        speeds["tensors"].append(count / tensors(pixels, targets))
        speeds["loader"].append(count / loader(pixels, targets))
    for name, values in speeds.items():
        told(name, values, "examples/s")
    for name in ("tensors", "loader"):
        ratios = [mine / theirs for mine, theirs in zip(speeds["ours"], speeds[name], strict=True)]
        print(f"ours / {name}: {statistics.median(ratios):.2f}")


def clocks(folder: Path, epochs: int, rounds: int) -> None:
    """Seconds of whole processes."""
    here, ours = Path(__file__).parent, [str(Path(sys.executable).parent / "steelyard"), "train"]
    with tempfile.TemporaryDirectory() as beside:
        file = Path(beside) / "mnist.json.yaml"
        file.write_text(json.dumps(recipe(folder, epochs)))
        commands = {
            "textbook program": [sys.executable, str(here / "textbook_mnist.py"), str(epochs)],
            "steelyard train, quality": [*ours, str(file), "--set", "evidence.only=[quality]"],
            "steelyard train, everything": [*ours, str(file)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=beside, check=True, capture_output=True, env={**os.environ, "STEELYARD_LANG": "en"})
                seconds[name].append(time.perf_counter() - start)
        for name, values in seconds.items():
            told(name, values, "s")
        last = json.loads((max((Path(beside) / "runs").iterdir(), key=os.path.getmtime) / "evidence/test/quality.json").read_text())
        print(f"accuracy on the test pictures: {last['quantities']['accuracy']['value']:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round of one epoch")
    asked = parser.parse_args()
    folder = data("mnist")
    paces(folder, 1 if asked.quick else asked.rounds)
    clocks(folder, 1 if asked.quick else 10, 1 if asked.quick else 3)
    print(machine())


if __name__ == "__main__":
    main()
