"""What evidence is weighed on: a run's model, and one set of rows with its answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedModel

from steelyard import catalog
from steelyard.engine import ancestry
from steelyard.engine.again import data_hash
from steelyard.engine.answer import ModelDoor, answers, columns
from steelyard.engine.examine import hold_whole
from steelyard.engine.prepare import encoded, processor_print, task_of
from steelyard.engine.quiet import no_bars
from steelyard.engine.split import Dataset, dataset, extra_set
from steelyard.errors import InputError, OutsideError
from steelyard.facts import Quantity
from steelyard.language import say
from steelyard.math.intervals import paired_difference, paired_method
from steelyard.parts import Answer, Door, Example, Family, Key, Processor, Splits, Statistics, Task
from steelyard.recipe.reader import read
from steelyard.recipe.recipe import Recipe
from steelyard.rows import Rows
from steelyard.run import Run


def set_name(data: str | None) -> str:
    """What a set of rows is called: "test", or the file's name without its ending; never the name of a split."""
    if data is None:
        return "test"
    name = Path(data).name.removesuffix(".gz").lstrip(".")
    stem = name.rpartition(".")[0] or name or "rows"
    return f"file-{stem}" if stem in ("test", "train", "validation") else stem


@dataclass(frozen=True)
class Answered:
    """The answers to a set of rows, as columns: one value a row."""

    answers: Sequence[str]  # JSON
    statistics: Statistics
    right: np.ndarray
    decided: list[str | None]
    truths: list[str | None]


class Case:
    """A run, and the set `about` of rows that it is judged on. What costs something is made when first asked for."""

    def __init__(self, run: Run, data: str | None = None, seconds: float = 60.0) -> None:
        hold_whole(run)
        self.run, self.seconds = run, seconds
        self.manifest = run.manifest()
        self.recipe: Recipe = read(run.recipe_file)
        self.task: Task = task_of(self.recipe).from_state(self.manifest["task_state"])
        self.seed = self.recipe.seed
        family: type[Family] = catalog.load("families", "hub", "model")
        self.family = family(run.model)
        self.about = set_name(data)
        self._data = data

    @cached_property
    def processor(self) -> Processor:
        """The run's own."""
        return self.family.processor(self.task, self.rows, {})

    @cached_property
    def model(self) -> PreTrainedModel:
        """The run's model, its best weights."""
        with no_bars():
            return self.family.start(self.task, self.family.config(self.task, self.processor, {})).eval()

    @cached_property
    def dataset(self) -> Dataset | None:
        """The recipe's data as it is now; None where it is gone or changed since the run was made."""
        try:
            now = dataset(self.recipe, self.task)
        except (InputError, OutsideError):  # the file, or the Hub that has it
            return None
        return now if data_hash(now.mark) == self.manifest["data"]["sha256"] else None

    @cached_property
    def _extra(self) -> Dataset:
        return extra_set(str(self._data), self.recipe, self.task)

    @cached_property
    def rows(self) -> Rows:
        """The rows that are judged. Raises InputError that names the file which is needed."""
        if self._data is not None:
            return self._extra.rows["rows"]
        kept = self.run.data / "test.arrow"
        if kept.is_file():
            try:
                return Rows.open(kept)
            except (pa.ArrowInvalid, OSError) as error:
                raise InputError(say('"{path}" is damaged: {reason}', path=kept, reason=" ".join(str(error).split())[:200])) from error
        if self.dataset is None:
            files = ", ".join(f"{file['file']} ({file['mark'][:19]}...)" for file in self.manifest["data"]["files"])
            raise InputError(say('"{run}" keeps no rows (evidence.keep_rows: false), and its data is gone or changed; it needs {files}',
                                 run=self.run.folder, files=files))
        return self.dataset.rows["test"]

    @cached_property
    def train(self) -> Rows | None:
        """The training rows, where they are still to be had as they were."""
        return None if self.dataset is None else self.dataset.rows.get("train")

    @cached_property
    def store(self) -> Any:
        """The examples of `rows`."""
        mark = self._extra.mark if self._data is not None else self.manifest["data"]["sha256"]
        return encoded(self.rows, self.task, self.processor, f"{mark}/{self.about}/{self.seed}/{processor_print(self.processor)}")

    @cached_property
    def of(self) -> dict[str, str]:
        """What the evidence is about: evidence of anything else is stale."""
        mark = self.manifest["data"]["sha256"] if self._data is None else data_hash(self._extra.mark)
        return {"run": self.run.name, "model": self.manifest["model"]["sha256"], "data": mark}

    def signature(self, extra: str = "") -> str:
        """The settings that the numbers hang on, in one line."""
        files = [Path(file["file"]).name for file in (self._extra.files if self._data is not None else self.manifest["data"]["files"])]
        parts = [f"steelyard {self.manifest['versions']['steelyard']}", f"{self.about} of {', '.join(files)}", self.of["data"][:19],
                 f"{len(self.rows)} rows", f"seed {self.seed}", "fp32", extra]
        return " | ".join(part for part in parts if part)

    @cached_property
    def clusters(self) -> np.ndarray | None:
        """(rows,) the value of `group_by`: rows of one speaker or document are not independent."""
        name = self.recipe.data.group_by
        return np.array([str(v) for v in self.rows.column(name)]) if name and name in self.rows.names else None

    @cached_property
    def answered(self) -> Answered:
        """Every row answered, in fp32."""
        texts: list[str] = []
        decided, truths = [], []

        def measured() -> Iterator[Any]:
            for row, answer in answers(self.model, self.task, self.processor, self.store, self.rows):
                texts.append(json.dumps(answer, ensure_ascii=False))
                decided.append(self.task.decision(answer))
                truths.append(self.task.truth(row))
                yield self.task.measure(row, answer)

        statistics = columns(measured())
        return Answered(texts, statistics, self.task.right(statistics), decided, truths)

    @property
    def right(self) -> np.ndarray:
        """(rows,) how right each answer is."""
        return self.answered.right

    @property
    def decided(self) -> list[str | None]:
        """What was decided, one word a row."""
        return self.answered.decided

    @property
    def truths(self) -> list[str | None]:
        """What ought to have been decided."""
        return self.answered.truths

    def answers(self, indices: Sequence[int] | np.ndarray) -> list[Answer]:
        """The answers of some rows."""
        return [json.loads(self.answered.answers[int(i)]) for i in indices]

    def examples(self, indices: Sequence[int] | np.ndarray) -> list[Example]:
        """The first example of each of some rows."""
        firsts = np.searchsorted(self.store.rows.numpy(), np.asarray(indices))
        return [self.store.one(int(i)) for i in firsts]

    @cached_property
    def splits(self) -> Splits:
        """What audits look at: the recipe's splits, and the judged rows with how right their answers are."""
        rows = dict(self.dataset.rows) if self.dataset is not None else {}
        rows[self.about] = self.rows
        found = (self.dataset or self._extra).columns if self.dataset is not None or self._data is not None else self.task.columns
        return Splits(rows, tuple(found), {self.about: self.right}, self.seed, ancestry.traces(self.run))

    def door(self) -> Door:
        """The trained model, for explainers."""
        return ModelDoor(self.model, self.family, self.task, self.processor)

    def twin(self) -> Door:
        """The same architecture with random weights: what its maps show is not what was learnt."""
        torch.manual_seed(Key(self.seed).number("twin"))
        return ModelDoor(self.family.build(self.task, self.model.config), self.family, self.task, self.processor)

    @cached_property
    def constants(self) -> Statistics | None:
        """The statistics of the constant counterweight on the judged rows; None without training rows."""
        if self.train is None:
            return None
        constant = next(iter(self.task.counterweights().values()))
        return columns(self.task.measure(row, answer) for row, answer in zip(self.rows, constant(self.train, self.rows), strict=True))

    @cached_property
    def better_than_constant(self) -> tuple[bool, Quantity]:
        """Whether the lower bound of (ours minus a constant's) rightness is above zero, and that difference."""
        if self.constants is None:
            return True, Quantity(value=None, why=say("the training rows are not to be had, so no constant answer can be made of them"))
        other = self.task.right(self.constants)
        value, low, high = paired_difference(self.right, other, self.clusters)
        how = paired_method(self.right, other, self.clusters)
        return low > 0, Quantity(value=value, low=low, high=high, n=len(other), how=how, better="higher")

    def write_answers(self) -> None:
        """answers.parquet: origin, answer, decided, truth, right; not where the recipe keeps people's rows out."""
        if not self.recipe.evidence.show_rows:
            return
        file = self.run.answers_file(self.about)
        file.parent.mkdir(parents=True, exist_ok=True)
        own = self.answered
        table = pa.table({"origin": [self.rows.origin(i) for i in range(len(self.rows))], "answer": own.answers, "decided": own.decided,
                          "truth": own.truths, "right": own.right})
        pq.write_table(table, file.with_suffix(".tmp"))
        os.replace(file.with_suffix(".tmp"), file)
