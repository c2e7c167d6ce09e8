"""What tasks share that read long texts in windows and answer about places in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.parts import Batch, Example, Examples, Processor, Row, Units
from steelyard.tasks._words import Words, padded

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STRIDE = 128  # tokens that two windows share; at most a quarter of a window


@dataclass(frozen=True)
class Windows(Words):
    """Abstract: every field of an example is (tokens,), so nothing is ever left out of it: what is hidden keeps its place."""

    ways: ClassVar[tuple[str, str]] = ("mask", "unknown")

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """mask: the mask token in each one's place; unknown: the unknown one (padding, where the tokenizer lacks either)."""
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        names = ("mask_token_id", "unk_token_id") if way == "mask" else ("unk_token_id", "pad_token_id")
        blank = next(number for name in (*names, "pad_token_id") if (number := getattr(processor, name)) is not None)
        return {**example, "input_ids": np.where(gone, np.int32(blank), example["input_ids"])}

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the mean of the last hidden states over the window's tokens."""
        mask = batch.inputs["attention_mask"][:, :, None]
        last: Tensor = outputs.hidden_states[-1].float()
        return (last * mask).sum(dim=1) / mask.sum(dim=1)


def stride_of(processor: Processor, taken: int = 0) -> int:
    """Tokens that two windows share, where `taken` tokens of each are no part of the text."""
    return int(max(1, min(STRIDE, (processor.model_max_length - taken) // 4)))


def field(examples: Examples, name: str, fill: int, longest: int) -> torch.Tensor:
    """(examples, tokens) int64: a field beside input_ids, padded as they are."""
    return padded(list(examples.fields[name]), fill, longest)[0]


def joined(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """(text, where each word stands in it): one space between words, none between Chinese ones."""
    text, places = "", []
    for word in words:
        if text and not (_chinese(text[-1]) and _chinese(word[0])):
            text += " "
        places.append((len(text), len(text) + len(word)))
        text += word
    return text, places


def _chinese(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff" or "\uff00" <= letter <= "\uff60"


def present(row: Row, name: str) -> bool:
    """Whether a row has a value there."""
    return row.get(name) is not None
