"""What tasks that read a text share: its words as units that can be hidden, and how tokens are padded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.math.lengths import padded_length
from steelyard.parts import Example, Processor, Row, Task, Units
from steelyard.rows import Rows

if TYPE_CHECKING:
    from torch import Tensor

WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|\w+")  # a Chinese character is a word by itself


@dataclass(frozen=True)
class Words(Task):
    """Abstract: a text is read; its example has a field "input_ids" (tokens,) as `cut` makes it of `passage`."""

    takes: ClassVar[str] = "text"
    ways: ClassVar[tuple[str, str]] = ("mask", "remove")

    def passage(self, row: Row) -> str:
        """The text that is read; places of units are characters of it."""
        return str(row["text"])

    def texts(self, rows: Rows) -> Iterator[str]:
        """Every passage."""
        return (self.passage(row) for block in rows.blocks(1024) for row in block)

    def cut(self, row: Row, processor: Processor) -> Any:
        """The passage of one row as the example has it: a BatchEncoding with offset_mapping and word_ids()."""
        return processor(self.passage(row), truncation=True, return_offsets_mapping=True)

    def starts(self, row: Row) -> tuple[int, ...]:
        """Where in the passage each sequence of the encoding begins."""
        return (0,)

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """The words of the text, as the tokenizer divides it; signs that it adds belong to none."""
        encoded, starts = self.cut(row, processor), self.starts(row)
        of = np.full(len(example["input_ids"]), -1, dtype=np.int64)
        places: list[tuple[int, ...]] = []
        last = None
        words = zip(encoded.word_ids(), encoded.sequence_ids(), encoded["offset_mapping"], strict=True)
        for position, (word, sequence, (start, end)) in enumerate(words):
            if word is None:
                last = None
                continue
            start, end = start + starts[sequence], end + starts[sequence]
            if word != last:
                places.append((start, end))
            else:
                places[-1] = (places[-1][0], end)
            last = word
            of[position] = len(places) - 1
        return Units(of, tuple(places))

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """mask: the mask token (unknown, where the tokenizer has none) in each one's place; remove: the tokens are left out."""
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        if way == "remove":
            return {**example, "input_ids": example["input_ids"][~gone]}
        blank = processor.mask_token_id if processor.mask_token_id is not None else processor.unk_token_id
        return {**example, "input_ids": np.where(gone, np.int32(blank), example["input_ids"])}

    def surface(self, rows: Sequence[Row], examples: Sequence[Example], units: Sequence[Units],
                train: Rows) -> Mapping[str, list[np.ndarray]]:
        """length and rarity of the word; priors of position: the first, the last, the middle."""
        step = max(1, len(train) // 20_000)
        some = self.texts(train.select(np.arange(0, len(train), step)))
        counts = Counter(word for text in some for word in WORD.findall(text.lower()))
        words = [[self.passage(row)[start:end].lower() for start, end in own.places] for row, own in zip(rows, units, strict=True)]
        return {
            "length": [np.array([len(word) for word in own], dtype=np.float64) for own in words],
            "rarity": [np.array([-np.log1p(counts[word]) for word in own]) for own in words],
            "first": [-np.arange(len(own), dtype=np.float64) for own in words],
            "last": [np.arange(len(own), dtype=np.float64) for own in words],
            "centre": [-np.abs(np.arange(len(own)) - (len(own) - 1) / 2) for own in words],
        }


def padded(tokens: Sequence[Tensor], fill: int, longest: int) -> tuple[Tensor, Tensor]:
    """(ids, mask): (examples, tokens) int64, padded on the right with `fill` to one of a few lengths; mask is 1 where there is text.

    longest   no text is longer, nor made so
    """
    import torch

    width = padded_length(max(len(ids) for ids in tokens), longest)
    ids = torch.full((len(tokens), width), fill, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for i, own in enumerate(tokens):
        ids[i, : len(own)] = own
        mask[i, : len(own)] = 1
    return ids, mask
