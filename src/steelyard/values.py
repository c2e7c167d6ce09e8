"""The values that parts hand to each other: columns, records, examples, batches, units, keys.

Words: a *row* is what was read; it gives one *example* or, where it is long, several (windows); a *batch* is examples
put together for the model; an *answer* belongs to a row. What leaves `encode` is numpy, what leaves `collate` is torch;
this module imports torch for the type checker only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from steelyard.language import Sentence
from steelyard.math.traces import Trace
from steelyard.rows import Rows

if TYPE_CHECKING:
    import torch
    from torch import Tensor

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
    count     what the loss is divided by (rows, tokens, boxes that are scored): known before the forward pass; may be 0
    rows      (examples,) int64: the number of the row that each example comes from
    """

    inputs: dict[str, Tensor]
    targets: Tensor | None
    count: float
    rows: Tensor
    extra: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device; what is copied from pinned memory does not hold up the processor."""
        def moved(values: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: value.to(device, non_blocking=True) for name, value in values.items()}

        return Batch(moved(self.inputs), None if self.targets is None else self.targets.to(device, non_blocking=True), self.count,
                     self.rows, moved(self.extra))


@dataclass(frozen=True)
class Examples:
    """Some examples as columns: a field whose arrays are all of one shape is one tensor, else a list of tensors."""

    fields: Mapping[str, Tensor | list[Tensor]]
    rows: Tensor  # (examples,) int64
    numbers: Tensor  # (examples,) int64: each one's place in its store, what its randomness is drawn by; whoever its batch mates are

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Units:
    """The pieces of one example that can be hidden, and where a person sees them.

    of       for each position of the example (token; or pixel, as (height, width)) its unit, -1: never hidden
    places   one a unit: (start, end) characters of the text, or (left, top, right, bottom) pixels of the example; of a sound its
             picture's, milliseconds from left to right
    """

    of: np.ndarray
    places: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.places)


class Detail(NamedTuple):
    """One part of what is asked, by itself: a type of entity, a box's label. there: how many of it are true (entities, boxes, rows)."""

    there: int
    statistics: Statistics


@dataclass(frozen=True)
class Aim:
    """What the loss of training aims at, beside the targets; validation and explanation know none of it.

    smoothing   share of each target that is spread over all labels (Szegedy et al. 2016, arXiv:1512.00567)
    weights     (labels,) how much each label counts; none: all alike. Over the training rows their mean is 1
    """

    smoothing: float = 0.0
    weights: tuple[float, ...] = ()


PLAIN = Aim()


@dataclass(frozen=True)
class Augment:
    """How training examples are varied, each anew in every epoch.

    flip     half of the pictures are mirrored, left to right
    shift    moved by up to so many pixels each way
    cutout   a square of so many pixels a side is covered
    early_size   the longer side in pixels to which pictures are reduced early in training: the engine clears it later on
    mixup    pairs are mixed by shares drawn from Beta(mixup, mixup) (Zhang et al. 2018, arXiv:1710.09412)
    spec_augment   of sounds: spans of time and bands of frequency are left out (Park et al. 2019, arXiv:1904.08779)
    speed          sounds are up to this share faster or slower
    """

    flip: bool = False
    shift: int = 0
    cutout: int = 0
    early_size: int = 0
    mixup: float = 0.0
    spec_augment: bool = False
    speed: float = 0.0


@dataclass(frozen=True)
class Splits:
    """What an audit looks at: the rows of train, validation and test, and which column is what."""

    rows: Mapping[str, Rows]
    columns: tuple[Column, ...]  # the task's, those that the data has
    right: Mapping[str, np.ndarray] = field(default_factory=dict)  # split -> (rows,) how right each answer is, if known
    seed: int = 0
    ancestors: Mapping[str, Trace | None] = field(default_factory=dict)  # run that the model comes from -> what it trained on, if it tells

    def inputs(self) -> Iterable[Column]:
        """The columns that a model reads; where the data has none beside its targets (plain text), those."""
        return [column for column in self.columns if not column.target] or self.columns
