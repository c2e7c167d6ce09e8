"""Small jobs that the engine's tests share."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from steelyard.engine.prepare import Prepared, prepare
from steelyard.recipe.reader import read

Make = Callable[..., Prepared]


def recipe(task: str, family: str, training: Mapping[str, Any], options: Mapping[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    where: dict[str, Any] = {"train": "builtin:digits"} if task.startswith("image") else {
        "train": "builtin:messages", "validation": {"column": "split", "value": "validation"}, "test": {"column": "split", "value": "test"}}
    return {"task": task, "data": {**where, **data}, "model": {"family": family, "size": "tiny", "options": dict(options or {})},
            "training": {"precision": "fp32", "layout": "contiguous", **training}}


@pytest.fixture
def make() -> Make:
    """A prepared job on a built-in set; one thread, so that bytes can be compared."""
    torch.set_num_threads(1)

    def made(task: str, family: str, training: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Prepared:
        return prepare(read(recipe(task, family, training, options)))

    return made
