"""The sockets: what a task, family, source, kind, metric, explainer and audit must say of themselves.

Words: a *row* is what was read; it gives one *example* or, where it is long, several (windows); a *batch* is examples
put together for the model; an *answer* belongs to a row. A part is one file of the room of its kind, and names itself
in that file's last line: `PART = TextClassification`.

Everything that leaves `encode` is numpy, everything from `collate` on is torch. This module imports torch for the
type checker only: listing parts must not load it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np

from steelyard.facts import Finding, Quantity
from steelyard.language import Sentence
from steelyard.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

Row = Mapping[str, Any]  # the task's columns by name, further columns as text, `_file` and `_line`
Example = Mapping[str, np.ndarray]  # one array a field, as `encode` makes it; a scalar is an array of no dimensions
Target = Any  # what is to be predicted, as `collate` takes it: a label's number, a text, spans, boxes
Answer = Any  # JSON values in the form of huggingface_hub's inference types
Statistics = Mapping[str, np.ndarray]  # one array a statistic, the first axis is rows; see Task.measure
Processor = Any  # a Transformers tokenizer, image processor or processor: it has save_pretrained(folder)


# ---------------------------------------------------------------- what is read

@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that a task reads.

    kind      a file of kinds/: how its values are parsed, checked, stored and recognised
    aliases   other names that it goes by, Chinese ones too; matched without regard to case
    target    what is to be predicted: absent from what `predict` reads
    """

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    required: bool = True
    target: bool = False
    help: str = ""


class BadValue(ValueError):
    """A value that a kind cannot take. The row is quarantined with this sentence, or stops the reading."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


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

    @abstractmethod
    def fits(self, samples: Sequence[object]) -> bool:
        """Whether a column with these first values (at most 200) may be one of this kind."""

    def identity(self, stored: object) -> str:
        """What two values share that a person would call the same: texts by letters and digits only, in lower case."""
        return str(stored)


class Record(NamedTuple):
    """A row as it stood in its file, or why it could not be read (then `values` is empty)."""

    values: Mapping[str, object]
    file: str
    line: int | None
    problem: Sentence | None = None


@dataclass(frozen=True)
class ReadOptions:
    """What a recipe says about reading (section `data`)."""

    encoding: str = "utf-8"
    header: bool = True


class Source(ABC):
    """One form of data, a file of sources/: csv, jsonl, folder, idx..."""

    name: ClassVar[str]
    help: ClassVar[str] = ""

    @abstractmethod
    def accepts(self, path: Path) -> bool:
        """Whether this source reads `path`, from its name and, where that leaves a doubt, its first bytes."""

    def beside(self, path: Path) -> list[Path]:
        """Files that are read along with `path`: where one changes, what was kept of it is stale."""
        return []

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Every row of `path`, the broken ones too, in the file's order, one at a time.

        Raises InputError where the file as a whole cannot be read (missing, empty, broken gz, no text...).
        """


# ---------------------------------------------------------------- what a model is fed, and gives

@dataclass(frozen=True)
class Key:
    """Where in a run something random happens: randomness comes from here, never from what ran before."""

    seed: int
    epoch: int = 0
    step: int = 0
    shard: int = 0

    def number(self, purpose: str) -> int:
        """A seed of 63 bits for this place and purpose ("order", "dropout", "mask")."""
        from hashlib import blake2b

        text = f"{self.seed}/{self.epoch}/{self.step}/{self.shard}/{purpose}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


@dataclass
class Batch:
    """Examples put together.

    inputs    what the model is called with: `model(**inputs)`
    targets   what `loss` and `log_prob` compare with, (examples, ...); None where nothing is known (predict)
    count     what the loss is divided by (rows, tokens, boxes that are scored, or their weights): known before the forward pass; may be 0
    rows      (examples,) int64: the number of the row that each example comes from
    """

    inputs: dict[str, Tensor]
    targets: Tensor | None
    count: float
    rows: Tensor
    extra: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch({k: v.to(device) for k, v in self.inputs.items()},
                     None if self.targets is None else self.targets.to(device), self.count, self.rows,
                     {k: v.to(device) for k, v in self.extra.items()})


@dataclass(frozen=True)
class Examples:
    """Some examples as columns: a field whose arrays are all of one shape is one tensor, else a list of tensors."""

    fields: Mapping[str, Tensor | list[Tensor]]
    rows: Tensor  # (examples,) int64

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Units:
    """The pieces of one example that can be hidden, and where a person sees them.

    of       for each position of the example (token; or pixel, as (height, width)) its unit, -1: never hidden
    places   one a unit: (start, end) characters of the text, or (left, top, right, bottom) pixels of the example
    """

    of: np.ndarray
    places: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.places)


# ---------------------------------------------------------------- a task

class Task(ABC):
    """A question that models answer, whole in one file of tasks/: nothing elsewhere asks which task it is.

    A final subclass is a frozen dataclass of what `fit` learnt from the training rows (the labels, say); its fields
    are JSON values and are saved with the run.
    """

    name: ClassVar[str]  # Hugging Face's
    title: ClassVar[Sentence]  # one line for people
    takes: ClassVar[str]  # what a family must be able to read: "text", "image", "audio"
    output: ClassVar[str]  # what a family must be able to give: "classes", "tokens", "spans", "boxes", "text"
    columns: ClassVar[tuple[Column, ...]]
    metrics: ClassVar[tuple[str, ...]]  # files of metrics/; the first is compared with the counterweights
    best: ClassVar[str]  # the metric whose best value on validation picks the weights
    family: ClassVar[str]  # where the recipe names no model
    ways: ClassVar[tuple[str, str]]  # two ways of hiding a unit; the first keeps every field's shape
    tiny: ClassVar[Mapping[str, Any]]  # a recipe that runs at once on a built-in set

    @classmethod
    @abstractmethod
    def fit(cls, rows: Rows) -> Self:
        """Learn labels or alphabet from the training rows. Raises InputError (one class only, say)."""

    @classmethod
    @abstractmethod
    def adopt(cls, config: PreTrainedConfig) -> Self:
        """What a trained model's configuration already knows (id2label): for `training: none`. Raises InputError."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, from JSON: lists become tuples."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in state.items()})

    @abstractmethod
    def describe(self, config: PreTrainedConfig) -> None:
        """Write what was learnt into the model's configuration (num_labels, id2label, label2id)."""

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Self:
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

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch) -> Tensor:
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

    @abstractmethod
    def target(self, row: Row) -> Target | None:
        """The row's own target as `collate` takes it; None where the row has none."""

    @abstractmethod
    def guess(self, answer: Answer) -> Target:
        """The answer as a target, so that log_prob can be asked of what was answered: explanations start there."""

    @abstractmethod
    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """The row's statistics: small arrays of one shape for all rows, from which metrics of any subset follow."""

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
        """The row for a page, without HTML: {"text": str} or {"image": PNG as a data: URL}, and {"target": str}."""


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

    @abstractmethod
    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """Inputs whose entry of the second name is real-valued, and the model's output the same: for gradients."""


# ---------------------------------------------------------------- measures, explainers, audits

class Metric(ABC):
    """One measure, a file of metrics/. It reduces statistics of any subset of rows (they do not add up over rows)."""

    name: ClassVar[str]
    unit: ClassVar[str] = "share"
    better: ClassVar[str] = "higher"
    help: ClassVar[str] = ""  # one line: definition and source

    @abstractmethod
    def value(self, statistics: Statistics) -> float:
        """The measure over all rows given; nan where it is not defined (no rows, one class)."""

    @abstractmethod
    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Value with its 95% interval. clusters (rows,): rows of one speaker or document are drawn together."""


class Door(Protocol):
    """What an explainer may ask of the model: implemented by the engine."""

    task: Task
    processor: Processor

    def log_prob(self, examples: Sequence[Example], targets: Sequence[Target]) -> np.ndarray:
        """(examples,) float64, in nats; one target an example."""

    def path_gradients(self, example: Example, start: Example, target: Target, steps: int) -> np.ndarray:
        """(positions,) or (height, width): (input - start) times the mean gradient of log_prob on the straight line
        between them in embedding space, summed over channels. Sundararajan et al. 2017, arXiv:1703.01365."""


class Explainer(ABC):
    """One method that says how much each unit speaks for the answer, a file of explainers/."""

    name: ClassVar[str]
    help: ClassVar[str] = ""
    way: ClassVar[int | None] = None  # the way of hiding that makes its maps: it is never judged by that one

    @abstractmethod
    def explain(self, door: Door, example: Example, units: Units, target: Target) -> np.ndarray:
        """(units,) float: how much each unit speaks for `target`; higher is more."""


@dataclass(frozen=True)
class Splits:
    """What an audit looks at: the rows of train, validation and test, and which column is what."""

    rows: Mapping[str, Rows]
    columns: tuple[Column, ...]  # the task's, those that the data has
    right: Mapping[str, np.ndarray] = field(default_factory=dict)  # split -> (rows,) how right each answer is, if known
    seed: int = 0

    def inputs(self) -> Iterable[Column]:
        """The columns that a model reads."""
        return (column for column in self.columns if not column.target)


class Audit(ABC):
    """One question about data, a file of audits/; its codes are stable."""

    name: ClassVar[str]
    help: ClassVar[str] = ""

    @abstractmethod
    def ask(self, splits: Splits) -> list[Finding]:
        """What it found; a question that does not apply says so as a finding."""
