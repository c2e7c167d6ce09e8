"""Every part that the catalogue finds, guests' too, is held to its socket: a new file is tested by being there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from steelyard import catalog
from steelyard.engine.answer import ModelDoor
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.store import stack
from steelyard.parts import Batch, Example, Family, Row, Task
from steelyard.recipe.reader import read

VARIANTS = {"text": "electra", "image": "convnextv2"}
SOME = 12  # rows that are looked at one by one


@dataclass
class Job:
    """A task on its tiny set with one family, untrained."""

    prepared: Prepared

    @property
    def task(self) -> Task:
        return self.prepared.task

    @property
    def processor(self) -> Any:
        return self.prepared.processor

    @property
    def family(self) -> Family:
        return self.prepared.family

    @cached_property
    def model(self) -> PreTrainedModel:
        return first_model(self.prepared).eval()

    @cached_property
    def rows(self) -> list[Row]:
        rows = self.prepared.dataset.rows["test"]
        return list(rows.select(np.arange(min(SOME, len(rows)))))

    @cached_property
    def examples(self) -> list[Example]:
        """The first example of each of `rows`."""
        return [own[0] for own in self.task.encode(self.rows, self.processor)]

    @cached_property
    def door(self) -> ModelDoor:
        return ModelDoor(self.model, self.family, self.task, self.processor)

    @cached_property
    def statistics(self) -> dict[str, np.ndarray]:
        """Of at most 600 rows, answered by a counterweight that has seen few: right more often than by chance, and wrong often."""
        train = self.prepared.dataset.rows["train"]
        *_, weight = self.task.counterweights().values()
        asked = train.select(np.arange(100, min(700, len(train))))
        measured = [self.task.measure(row, answer)
                    for row, answer in zip(asked, weight(train.select(np.arange(100)), asked), strict=True)]
        return {name: np.stack([own[name] for own in measured]) for name in measured[0]}

    def batch(self, examples: list[Example], targets: Sequence[Any] | None = None) -> Batch:
        return self.task.collate(stack(examples), self.processor, None, targets)

    def outputs(self, batch: Batch) -> Any:
        model = self.model  # made here: weights that are made in inference mode never take gradients
        with torch.inference_mode():
            return model(**batch.inputs)

    def respond(self, batch: Batch) -> list[Any]:
        model = self.model
        with torch.inference_mode():
            return self.task.respond(model, batch)

    @cached_property
    def answers(self) -> list[Any]:
        batch = self.batch(self.examples)
        partials = self.respond(batch)
        return [self.task.merge(row, [partial]) for row, partial in zip(self.rows, partials, strict=True)]


def pairs() -> list[tuple[str, str]]:
    """Every task with every family that can do it from scratch."""
    found = []
    for task in catalog.every("tasks"):
        found += [(task.name, family.name) for family in catalog.every("families")
                  if family.name != "hub" and family.does(task.takes, task.output)]
    return found


_jobs: dict[tuple[str, str], Job] = {}


def job_of(task: str, family: str) -> Job:
    """Prepared once for all tests of this folder."""
    if (task, family) not in _jobs:
        part, kind = catalog.load("tasks", task, "test"), catalog.load("families", family, "test")
        if family == "transformers":  # stands for many
            kind = kind.variant(VARIANTS[part.takes])
        model = {"family": kind.name, "size": "tiny" if "tiny" in kind.sizes else "small"}
        _jobs[task, family] = Job(prepare(read({**part.tiny, "model": model})))
    return _jobs[task, family]


@pytest.fixture(scope="session")
def jobs() -> Any:
    """(task, family) -> Job."""
    return job_of


@pytest.fixture(params=catalog.names("tasks"))
def job(request: pytest.FixtureRequest) -> Job:
    """Each task with the family that its tiny recipe names."""
    part = catalog.load("tasks", request.param, "test")
    return job_of(request.param, part.tiny["model"]["family"])


@pytest.fixture(params=pairs(), ids="-".join)
def pair(request: pytest.FixtureRequest) -> Job:
    """Each task with each family."""
    return job_of(*request.param)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Job -> the folder that its model and processor were saved to."""
    folders: dict[int, Path] = {}

    def save(job: Job) -> Path:
        if id(job) not in folders:
            folders[id(job)] = folder = tmp_path_factory.mktemp("model")
            job.model.save_pretrained(folder)
            job.processor.save_pretrained(folder)
        return folders[id(job)]

    return save
