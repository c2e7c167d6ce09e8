"""training.augment.early_size: smaller pictures in the first part of the training, whole ones after it, and a bill that knows."""

import numpy as np
import pytest

from steelyard.engine import flops
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.prepare import prepare
from steelyard.engine.step import EARLY, Stepper
from steelyard.parts import Key
from steelyard.recipe.reader import read


def digits(size):
    training = {"steps": 10, "batch_size": 20, "augment": {"early_size": size}}
    return prepare(read({"task": "image-classification", "data": {"train": "builtin:digits"},
                         "model": {"family": "airbench", "size": "tiny"}, "training": training}))


@pytest.fixture(scope="module")
def early():
    return digits(4)


@pytest.mark.parametrize("behind, side", [(0.0, 4), (EARLY - 1e-9, 4), (EARLY, 8), (1.0, 8)])
def test_only_early(early, behind, side):
    stepper = Stepper(early, first_model(early), Chosen(1, "fp32", "contiguous", 20))
    batch = stepper.collated(np.arange(20), Key(0), behind)
    assert batch.inputs["pixel_values"].shape == (20, 1, side, side)


def test_the_bill_counts_what_is_saved(early):
    chosen = Chosen(1, "fp32", "contiguous", 20)
    whole, saved = (flops.training(prepared, chosen, 10).total for prepared in (digits(0), early))
    assert (1 - EARLY) * whole < saved < 0.8 * whole
