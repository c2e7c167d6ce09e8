"""How far the likeliest class's probability is from how often it is right."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.calibration import NUM_BINS, calibration_error, error_interval, top_class
from steelyard.metrics._frame import framed, undefined_probability
from steelyard.parts import Metric, Statistics


class CalibrationError(Metric):
    """Needs target (rows,) int64 and probs (rows, classes) float."""

    name: ClassVar[str] = "calibration-error"
    better: ClassVar[str] = "lower"
    help: ClassVar[str] = f"expected calibration error of the likeliest class, {NUM_BINS} bins (Guo et al. 2017); above 0 by chance alone"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows or NaN probabilities."""
        return calibration_error(*top_class(statistics["probs"], statistics["target"]))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """The conservative interval of calibration.error_interval; none with clusters. The seed is that of its draws."""
        confidence, right = top_class(statistics["probs"], statistics["target"])
        value, (low, high) = calibration_error(confidence, right), (np.nan, np.nan)
        if clusters is None and len(confidence) > 1:
            low, high = error_interval(confidence, right, seed=seed)
        return framed((value, low, high), len(confidence), "conservative 95% of a norm (Fang-Santos)", self.unit, self.better,
                      undefined_probability(len(confidence)), "one row" if clusters is None else "rows come in clusters")


PART = CalibrationError
