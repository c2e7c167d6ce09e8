"""Pictures a second on CIFAR-10, the same net by our loop and by Lightning as it comes: python benchmarks/cifar.py [--quick].

ours       airbench, size small, batches of 500, mirrored and moved by two pixels; precision, layout and threads measured and chosen
lightning  the same net, batch, optimiser and augmentation in a LightningModule; Trainer's defaults (fp32), a DataLoader that
           decodes, mirrors, crops and scales each picture when it is asked for, as tutorials have it
"""

import argparse
import io
import logging
import tarfile
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _peers import data, machine, told
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from steelyard.engine.job import first_model
from steelyard.engine.measure import choose
from steelyard.engine.optim import optimizer
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.signals import Stop
from steelyard.engine.train import train
from steelyard.recipe.reader import read

BATCH = 500


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """JPEGs in memory, each decoded and varied when it is asked for."""

    def __init__(self, files: list[tuple[bytes, int]], mean: Any, spread: Any) -> None:
        self.files, self.mean, self.spread = files, torch.tensor(mean)[:, None, None], torch.tensor(spread)[:, None, None]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        content, label = self.files[index]
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        if np.random.random() < 0.5:
            pixels = pixels[:, ::-1]
        wide = np.pad(pixels, ((2, 2), (2, 2), (0, 0)))
        top, left = np.random.randint(0, 5, 2)
        picture = torch.from_numpy(wide[top : top + 32, left : left + 32].copy()).permute(2, 0, 1).float().div(255)
        return (picture - self.mean) / self.spread, label


def files(archive: Path, most: int) -> list[tuple[bytes, int]]:
    found, names = [], {}
    with tarfile.open(archive) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() and member.name.endswith((".jpg", ".jpeg", ".png")) else None
            if stream is not None:
                found.append((stream.read(), names.setdefault(Path(member.name).parent.name, len(names))))
            if len(found) == most:
                break
    return found


def ours(prepared: Prepared) -> float:
    model = first_model(prepared)
    chosen, _ = choose(prepared, model)
    with tempfile.TemporaryDirectory() as folder:
        took = train(prepared, model, chosen, lambda event: None, Stop(), Path(folder)).timing["train"]
    return prepared.plan.examples(prepared.plan.total) / took


def lightning(prepared: Prepared, found: list[tuple[bytes, int]], steps: int) -> float:
    import lightning

    for name in ("lightning.pytorch", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Net(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = first_model(prepared)
            self.times: list[float] = []

        def training_step(self, batch: Any, number: int) -> Any:
            self.times.append(time.perf_counter())
            return torch.nn.functional.cross_entropy(self.model(pixel_values=batch[0]).logits, batch[1])

        def configure_optimizers(self) -> Any:
            return optimizer(self.model, prepared.training)

    net = Net()
    loader = DataLoader(Pictures(found, prepared.processor.image_mean, prepared.processor.image_std), batch_size=BATCH, shuffle=True)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # advice on workers and on rounds without validation
        lightning.Trainer(max_steps=steps, max_epochs=-1, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
                          enable_checkpointing=False, logger=False).fit(net, loader)
    return BATCH * (len(net.times) - 2) / (net.times[-1] - net.times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few steps")
    steps = 4 if parser.parse_args().quick else 40
    folder = data("cifar10")
    prepared = prepare(read({
        "task": "image-classification", "data": {"train": f"{folder}/train.tar.gz", "validation": "1%", "test": "1%"},
        "model": {"family": "airbench"},
        "training": {"steps": steps, "batch_size": BATCH, "augment": {"flip": True, "shift": 2}, "evaluate_every": 10**6}}))
    found = files(folder / "train.tar.gz", BATCH * (steps + 1))
    rounds: dict[str, list[float]] = {"ours": [], "lightning": []}
    threads = torch.get_num_threads()
    for _ in range(1 if steps < 10 else 3):
        rounds["ours"].append(ours(prepared))
        torch.set_num_threads(threads)
        rounds["lightning"].append(lightning(prepared, found, steps))
    mine, theirs = (told(name, values, "pictures/s") for name, values in rounds.items())
    print(f"ours / lightning: {mine / theirs:.2f}; {machine()}")


if __name__ == "__main__":
    main()
