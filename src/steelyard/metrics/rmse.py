"""A number a row: the root of the mean squared error."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.intervals import skewed_mean
from steelyard.metrics._frame import framed, over, undefined_probability
from steelyard.parts import Metric, Statistics


class Rmse(Metric):
    """Needs number and answered (rows,) float."""

    name: ClassVar[str] = "rmse"
    unit: ClassVar[str] = "of the scale"
    better: ClassVar[str] = "lower"
    help: ClassVar[str] = "root of the mean squared error, in the data's own unit"

    def value(self, statistics: Statistics) -> float:
        """At least 0; nan for no rows."""
        errors = _errors(statistics)
        return float(np.sqrt(errors.mean())) if len(errors) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """The root of the mean squared error's interval by Hall's transformation: squares are skewed."""
        errors = _errors(statistics)
        value, low, high = np.sqrt(np.maximum(skewed_mean(errors, clusters), 0.0))
        return framed((float(value), float(low), float(high)), len(errors), f"Hall's skewness-corrected t 95%, its root{over(clusters)}",
                      self.unit, self.better, undefined_probability(len(errors)), "one row or cluster")


def _errors(statistics: Statistics) -> np.ndarray:
    """(rows,) float64."""
    return np.asarray(np.square(statistics["answered"] - statistics["number"]))


PART = Rmse
