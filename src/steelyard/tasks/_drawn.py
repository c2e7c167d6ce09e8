"""Tokens that are drawn instead of taken as the likeliest, so that an answer hangs on its own text and a seed, not on its batch mates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from steelyard.parts import Key

WARPERS: Mapping[str, Any] = {"temperature": TemperatureLogitsWarper, "top_k": TopKLogitsWarper, "top_p": TopPLogitsWarper,
                              "min_p": MinPLogitsWarper}  # in the order of Transformers' own sampling
DRAWS = (*WARPERS, "seed")


class Drawn:
    """A logits processor: Gumbel noise on each row's scores. The largest is then a draw from their softmax.

    Source: Maddison et al. 2014, arXiv:1411.0030.
    sources   the tokens of each row's own text, without padding
    """

    def __init__(self, sources: Sequence[Sequence[int]], seed: int = 0) -> None:
        self.marks = [blake2b(repr(list(own)).encode(), digest_size=8).hexdigest() for own in sources]
        self.seed = seed

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(rows, tokens) the scores with their noise; what may not be drawn stays at -inf."""
        noise = torch.stack([self._noise(mark, input_ids.shape[1], scores.shape[1]) for mark in self.marks])
        return scores + noise.to(scores)

    def _noise(self, mark: str, place: int, size: int) -> Tensor:
        generator = torch.Generator().manual_seed(Key(self.seed, step=place).number(f"draw {mark}"))
        even = torch.rand(size, generator=generator, dtype=torch.float64).clamp(min=1e-300, max=1 - 1e-16)
        return -torch.log(-torch.log(even))


def drawing(told: Mapping[str, Any], sources: Sequence[Sequence[int]]) -> LogitsProcessorList | None:
    """What `generate` takes as logits_processor, with do_sample off; None where section `decoding` lets nothing be drawn."""
    chosen = [warper(told[key]) for key, warper in WARPERS.items() if told.get(key) is not None]
    return LogitsProcessorList([*chosen, Drawn(sources, told.get("seed") or 0)]) if chosen else None
