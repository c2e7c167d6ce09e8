"""What the probabilities cost: minus the logarithm of the probability given to the true class."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.intervals import skewed_mean
from steelyard.metrics._frame import framed, over, undefined_probability
from steelyard.parts import Metric, Statistics


class LogLoss(Metric):
    """Needs target (rows,) int64 and probs (rows, classes) float."""

    name: ClassVar[str] = "log-loss"
    unit: ClassVar[str] = "nats"
    better: ClassVar[str] = "lower"
    help: ClassVar[str] = "mean of -log of the true class's probability, held an epsilon from 0 and 1 (as scikit-learn)"

    def value(self, statistics: Statistics) -> float:
        """At least 0; nan for no rows or NaN probabilities."""
        losses = _losses(statistics)
        return float(losses.mean()) if len(losses) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Hall's transformation: losses are skewed, and Student's t covers 88% of a confident model's at n = 100."""
        losses = _losses(statistics)
        value, low, high = skewed_mean(losses, clusters)
        return framed((value, max(low, 0.0), high), len(losses), f"Hall's skewness-corrected t 95%{over(clusters)}", self.unit,
                      self.better, undefined_probability(len(losses)), "one row or cluster")


def _losses(statistics: Statistics) -> np.ndarray:
    """(rows,) float64; NaN wherever one of the row's probabilities is."""
    probs, target = statistics["probs"], statistics["target"]
    epsilon = float(np.finfo(probs.dtype).eps)
    chosen = probs[np.arange(len(target)), target].astype(np.float64)
    losses = -np.log(np.clip(chosen, epsilon, 1 - epsilon))
    return np.where(np.isnan(probs).any(axis=1), np.nan, losses)


PART = LogLoss
