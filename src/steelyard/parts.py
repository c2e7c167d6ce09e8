"""The sockets: what a task, family, source and kind must say of themselves; metrics, explainers and audits stand in judging.py.

A part is one file of the room of its kind, and names itself in that file's last line: `PART = TextClassification`. What
parts hand to each other stands in values.py; all of it is imported from here. This module imports torch for the type
checker only: listing parts must not load it.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.facts import Finding
from steelyard.judging import Audit, Door, Explainer, Metric
from steelyard.language import Sentence, say
from steelyard.rows import Rows
from steelyard.values import (
    PLAIN,
    Aim,
    Answer,
    Augment,
    BadValue,
    Batch,
    Column,
    Detail,
    Example,
    Examples,
    Key,
    Processor,
    ReadOptions,
    Record,
    Row,
    Splits,
    Statistics,
    Target,
    Units,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = [
    "PLAIN", "Aim", "Answer", "Audit", "Augment", "BadValue", "Batch", "Column", "Detail", "Door", "Example", "Examples",
    "Explainer", "Family", "Key", "Kind", "Metric", "Processor", "ReadOptions", "Record", "Row", "Source", "Splits",
    "Statistics", "Target", "Task", "Units",
]


# ---------------------------------------------------------------- what is read

class Kind(ABC):
    """One kind of value, a file of kinds/: text, label, number, image..."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()  # of a file that is one row by itself (`predict RUN picture.png`)

    @property
    @abstractmethod
    def arrow(self) -> pa.DataType:
        """How it lies on disk."""

    @abstractmethod
    def parse(self, raw: object) -> object:
        """`raw` as a source gave it -> what lies on disk. Raises BadValue."""

    def refers(self, raw: object, folder: Path) -> Path | None:
        """The file that `raw` names, by a path relative to the `folder` of its table; None where `raw` is the value itself.

        What is named is parsed in its stead: a kind that refers takes a Path in `parse`. Raises BadValue for a path that
        leads out of the folder or to no file.
        """
        return None

    @abstractmethod
    def fits(self, samples: Sequence[object]) -> bool:
        """Whether a column with these first values (at most 200) may be one of this kind."""

    def identity(self, stored: object) -> str:
        """What two values share that a person would call the same: texts by letters and digits only, in lower case."""
        return str(stored)


class Source(ABC):
    """One form of data, a file of sources/: csv, jsonl, folder, idx..."""

    name: ClassVar[str]
    help: ClassVar[Sentence]

    @abstractmethod
    def accepts(self, path: Path) -> bool:
        """Whether this source reads `path`, from its name and, where that leaves a doubt, its first bytes."""

    first: ClassVar[bool] = False  # asked before the others: for a form that looks like another's, as COCO's does like JSON

    def beside(self, path: Path) -> list[Path]:
        """Files that are read along with `path`: where one changes, what was kept of it is stale."""
        return []

    def pinned(self, path: Path, where: str) -> Path:
        """The place as it stays the same from now on: a name of the Hub with its revision. `where` is the recipe's key, for complaints."""
        return path

    def facts(self, path: Path) -> Mapping[str, Any] | None:
        """{"bytes", "mark"...} of a place that is no file or folder: what its rows hang on. None: the engine looks at the disk."""
        return None

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Every row of `path`, the broken ones too, in the file's order, one at a time.

        Raises InputError where the file as a whole cannot be read (missing, empty, broken gz, no text...).
        """


# ---------------------------------------------------------------- a task

class Task(ABC):
    """A question that models answer, whole in one file of tasks/: nothing elsewhere asks which task it is.

    A final subclass is a frozen dataclass of what `fit` learnt from the training rows (the labels, say); its fields
    are JSON values and are saved with the run.
    """

    name: ClassVar[str]  # Hugging Face's
    title: ClassVar[Sentence]  # one line for people
    takes: ClassVar[str]  # what a family must be able to read: "text", "image", "audio"
    output: ClassVar[str]  # what a family must be able to give: "classes", "token-classes", "spans", "masked", "continuation",
    # "sequence" (another text), "boxes", "transcript"
    columns: ClassVar[tuple[Column, ...]]
    metrics: ClassVar[tuple[str, ...]]  # files of metrics/; the first is compared with the counterweights
    best: ClassVar[str]  # the metric whose best value on validation picks the weights
    family: ClassVar[str]  # where the recipe names no model
    ways: ClassVar[tuple[str, str]]  # two ways of hiding a unit; the first keeps every field's shape
    tiny: ClassVar[Mapping[str, Any]]  # a recipe that runs at once on a built-in set
    at_once: ClassVar[bool] = False  # whether it has `measure_all`
    settings: ClassVar[tuple[str, ...]] = ()  # keys of `training` that not every task knows: "label_smoothing", "augment.flip"...
    forms: ClassVar[tuple[str, ...]] = ()  # files of sources/ that bring its rows, the usual ones first; none: any table
    detailed: ClassVar[Mapping[str, str]] = {}  # what is told of each of `details`: a short name -> a file of metrics/, the main one first
    decoding: ClassVar[tuple[str, ...]] = ()  # keys of `decoding` that it knows; `respond` finds what was told in `model.config.decoding`

    @classmethod
    @abstractmethod
    def fit(cls, rows: Rows) -> Task:
        """The task, or the form of it that suits the rows' targets, as the training rows teach it: labels, alphabet...

        Raises InputError (one class only, say).
        """

    @classmethod
    @abstractmethod
    def adopt(cls, config: PreTrainedConfig) -> Task:
        """What a trained model's configuration already knows (id2label): for `training: none`. Raises InputError."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Task:
        """The inverse of `dataclasses.asdict`, from JSON: lists become tuples."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in state.items()})

    @abstractmethod
    def describe(self, config: PreTrainedConfig) -> None:
        """Write what was learnt into the model's configuration (num_labels, id2label, label2id)."""

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Task:
        """The task as this model needs it: its blank or padding token, its strides... What is settled is saved with the run."""
        return self

    @abstractmethod
    def texts(self, rows: Rows) -> Iterator[str]:
        """What a tokenizer learns from; nothing for tasks without text."""

    @abstractmethod
    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """The examples of each row, one list a row; called once, cached. A row without a target encodes too.

        Raises BadValue with the sentence of the first row that cannot be encoded (a label that training lacks).
        """

    @abstractmethod
    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """Examples -> Batch, padded. `key` is None outside training: then nothing is random.

        targets  one an example, put in instead of the examples' own, for log_prob of other answers: then nothing is mixed.
        """

    def aim(self, train: Rows, smoothing: float, weights: str | Mapping[str, float] | None) -> Aim:
        """What `label_smoothing` and `class_weights` of the recipe mean for these training rows. Raises InputError (no such label)."""
        return Aim(smoothing)

    def augment(self, batch: Batch, numbers: Tensor, how: Augment, key: Key) -> Batch:
        """A training batch, varied as the recipe says; what is drawn hangs on the key and each example's number alone.

        numbers   (examples,) int64, as in Examples
        """
        return batch

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() the *sum* over the batch; the engine divides by the count of the whole effective batch."""

    @abstractmethod
    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of batch.targets, in nats. The docstring says of what."""

    @abstractmethod
    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) one vector an example, from the hidden states of `outputs`."""

    @abstractmethod
    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """One partial answer an example."""

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """One partial answer an example, from the model itself: one forward pass, unless a task decodes (`generate`)."""
        return self.answer(model(**batch.inputs), batch)

    @abstractmethod
    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """The partial answers of one row's examples -> the row's answer."""

    def line(self, answer: Answer, most: int = 1) -> str:
        """An answer in one line, for a terminal. most: labels that are named, where it has several."""
        return json.dumps(answer, ensure_ascii=False)

    @abstractmethod
    def target(self, row: Row) -> Target | None:
        """The row's own target as `collate` takes it; None where the row has none."""

    @abstractmethod
    def guess(self, answer: Answer) -> Target:
        """The answer as a target, so that log_prob can be asked of what was answered: explanations start there."""

    @abstractmethod
    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """The row's statistics: small arrays of one shape for all rows, from which metrics of any subset follow."""

    def measure_all(self, examples: Mapping[str, np.ndarray], rows: np.ndarray, partials: Sequence[Any]) -> Statistics:
        """What `measure` would give for whole rows, all at once and without their answers: validation asks this many times.

        examples  the fields whose arrays are of one shape, (examples, ...) each
        rows      (examples,) the row that each belongs to, rising
        partials  one an example. Only asked where the task says `at_once`; else every row is answered and measured by itself
        """
        raise NotImplementedError

    def details(self, statistics: Statistics) -> Mapping[str, Detail]:
        """A name (a type of entity, a box's label) -> what there is of it, and its statistics alone; nothing, as a rule.

        From the statistics of any subset of rows; `detailed` says which metrics are told of each.
        """
        return {}

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """What is odd in the rows of each split and is dealt with, counted; codes are "data/...". Nothing, as a rule."""
        return []

    @abstractmethod
    def right(self, statistics: Statistics) -> np.ndarray:
        """(rows,) float in [0, 1]: how right each answer is; what groups, duplicates and worst errors are judged by."""

    @abstractmethod
    def decision(self, answer: Answer) -> str | None:
        """What was decided, in one word (the best label), or None for tasks whose answers are no decisions."""

    @abstractmethod
    def truth(self, row: Row) -> str | None:
        """What ought to have been decided, in the same words; None where that is unknown or no decision."""

    @abstractmethod
    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """Name -> a simple model: (training rows, rows to answer) -> an answer a row. The first is a constant."""

    @abstractmethod
    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """What can be hidden in one example (its first, where a row has several)."""

    def spot(self, place: Sequence[int]) -> Sentence:
        """Where a unit lies, for people. place: one of Units.places."""
        return say("characters {start} to {end}", start=place[0] + 1, end=place[1])

    @abstractmethod
    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """The example without the units where `hidden` (units,) is true, by `way`, one of `ways`."""

    @abstractmethod
    def surface(self, rows: Sequence[Row], examples: Sequence[Example], units: Sequence[Units],
                train: Rows) -> Mapping[str, list[np.ndarray]]:
        """Maps that know the input but not the model: name -> (units,) a row. An explanation must beat each.

        Ink and edges for pictures, length and rarity for words, and a prior of position for both.
        """

    @abstractmethod
    def show(self, row: Row) -> Mapping[str, Any]:
        """The row for a page, without HTML: {"text": str}, {"image": PNG as a data: URL}, {"audio": MP3 or WAV as one}; {"target": str}."""

    def marked(self, row: Row, answer: Answer) -> Mapping[str, Any]:
        """As `show`, with the answer drawn in where it has a place in the picture; as `show` where it has none."""
        return self.show(row)


# ---------------------------------------------------------------- a model

class Family(ABC):
    """A kind of model, a file of families/. hub.py is any Transformers architecture from a folder."""

    name: ClassVar[str]
    takes: ClassVar[tuple[str, ...]]
    gives: ClassVar[tuple[str, ...]]
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]]  # size -> keys of the configuration; "small" is always there
    options: ClassVar[tuple[str, ...]]  # further keys of the configuration that a recipe may set (model.options)
    training: ClassVar[Mapping[str, Any]]  # this family's defaults of the recipe's section `training`
    help: ClassVar[str] = ""  # one line for `tasks`

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder  # of a trained model to start from (model.from); families from scratch have none
        self.fresh: tuple[str, ...] = ()  # parameters that `start` did not find there: trained whatever the recipe freezes

    @classmethod
    def does(cls, takes: str, output: str) -> bool:
        """Whether it reads the one and gives the other: any pair, unless a family says otherwise."""
        return takes in cls.takes and output in cls.gives

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """The names of the families that this one stands for, where it stands for many (`transformers:electra`); none, as a rule."""
        return ()

    @classmethod
    def variant(cls, name: str) -> type[Family]:
        """The family of one of `variants`."""
        raise NotImplementedError

    @abstractmethod
    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """What turns rows into numbers: a tokenizer trained on the rows' texts, an image processor..."""

    @abstractmethod
    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """The configuration of a new model; `options` are a size's keys and the recipe's over them."""

    @abstractmethod
    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """A model with random weights from torch's generator; on the meta device too."""

    def start(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """What training starts from: random weights, or those of `folder`."""
        return self.build(task, config)

    def prime(self, model: PreTrainedModel, sample: Callable[[int], Batch]) -> None:
        """Weights that are read off the data before training; none, unless a family has some.

        sample(n) is at most n training examples as a batch, drawn by the recipe's seed.
        """
        return

    @abstractmethod
    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """Inputs whose entry of the second name is real-valued, and the model's output the same: for gradients."""
