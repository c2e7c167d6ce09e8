"""Losses that a refactor must not move: the first steps of three small trainings on built-in sets, one thread, fp32.

Where a change is meant to move them, put the new figures here and say why in the commit.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.prepare import prepare
from steelyard.engine.signals import Stop
from steelyard.engine.train import train
from steelyard.recipe.reader import read

LOSSES = {
    "mlp": [2.3462, 2.29904, 2.2526, 2.28502, 2.33206],
    "resnet": [2.18426, 2.4193, 2.19544, 2.50066, 2.27197],
    "bert": [1.38087, 1.37692, 1.43723, 1.46138, 1.39033],
}


@pytest.mark.parametrize("family", ["mlp", "resnet", "bert"])
def test_losses(family: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    text = family == "bert"
    recipe = {"task": "text-classification" if text else "image-classification",
              "data": {"train": "builtin:messages" if text else "builtin:digits"},
              "model": {"family": family, "size": "tiny"},
              "training": {"steps": 5, "batch_size": 16, "log_every": 1, "evaluate_every": 100, "precision": "fp32",
                           "layout": "contiguous"}}
    prepared = prepare(read(recipe))
    events: list[Any] = []
    train(prepared, first_model(prepared), Chosen(1, "fp32", "contiguous", 8), events.append, Stop(), tmp_path)
    assert [event["train/loss"] for event in events if "train/loss" in event] == pytest.approx(LOSSES[family], abs=1e-4)
