"""A moving average of the weights: smoother than the weights themselves, and what is then judged, kept as best and saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """average = decay * average + (1 - decay) * weights after every step; the decay rises as (1 + step) / (10 + step) to its value.

    So the first, random weights are soon forgotten (as in TensorFlow's ExponentialMovingAverage). Batch statistics and all
    that is no real number are taken as they are: they are averages already. Without a decay it is the weights themselves.
    """

    def __init__(self, model: nn.Module, decay: float | None) -> None:
        self.decay = decay
        self.weights: list[Tensor] = [p for p in model.parameters() if p.requires_grad] if decay is not None else []
        self.names = [name for name, p in model.named_parameters() if p.requires_grad] if decay is not None else []
        self.means = [p.detach().clone() for p in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After step 0, 1, ... is done."""
        if self.decay is not None:
            torch._foreach_lerp_(self.means, self.weights, 1 - min(self.decay, (1 + step) / (10 + step)))

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Inside, the model holds the average."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, mean in zip(self.weights, self.means, strict=True):
            held = weight.detach().clone()
            weight.copy_(mean)
            mean.copy_(held)

    def state(self) -> dict[str, Tensor]:
        """Parameter name -> average; nothing without a decay."""
        return dict(zip(self.names, self.means, strict=True))

    def load(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`."""
        for name, mean in zip(self.names, self.means, strict=True):
            mean.copy_(state[name])
