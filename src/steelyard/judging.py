"""The sockets of what judges a model: metrics, explainers, audits; imported from parts.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from steelyard.facts import Finding, Quantity
from steelyard.language import say
from steelyard.math.resample import bootstrap
from steelyard.values import Example, Processor, Splits, Statistics, Target, Units

if TYPE_CHECKING:
    from steelyard.parts import Task

SLOW = 0.02  # seconds of one value of a metric, beyond which fewer are drawn


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

    def difference(self, ours: Statistics, theirs: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Our value minus theirs on the same rows, with a paired interval: both are drawn together (bootstrap, BCa)."""
        n = len(next(iter(ours.values())))
        began = perf_counter()
        value = float(self.value(ours) - self.value(theirs))
        draws = 1000 if perf_counter() - began < SLOW else 200  # matching boxes, counting n-grams

        def of(indices: np.ndarray) -> float:
            mine, other = ({name: own[indices] for name, own in statistics.items()} for statistics in (ours, theirs))
            return float(self.value(mine) - self.value(other))

        if np.isnan(value):
            return Quantity(value=None, unit=self.unit, n=n, why=say("one of the two has no value on these rows"))
        low, high = bootstrap(of, n, clusters, draws, seed)
        if np.isnan(low) or np.isnan(high):
            return Quantity(value=value, n=n, unit=self.unit, how="no interval: too few rows for the measure", better=self.better)
        return Quantity(value=value, low=min(low, value), high=max(high, value), n=n, unit=self.unit, better=self.better,
                        how=f"paired BCa bootstrap 95%, {draws} draws")


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


class Audit(ABC):
    """One question about data, a file of audits/; its codes are stable."""

    name: ClassVar[str]
    help: ClassVar[str] = ""

    @abstractmethod
    def ask(self, splits: Splits) -> list[Finding]:
        """What it found; a question that does not apply says so as a finding."""
