"""Metrics whose interval is a bootstrap over rows or clusters: a row counts as often as it is drawn."""

from collections.abc import Callable

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.resample import bootstrap
from steelyard.metrics._frame import framed, no_rows, over

REPETITIONS = 1000


def drawn(value: Callable[[np.ndarray], float], n: int, clusters: np.ndarray | None, seed: int, unit: str, better: str,
          limits: tuple[float, float] = (0.0, 1.0)) -> Quantity:
    """The quantity of `value(weights)`, weights (n,) float: how often each row counts. limits: what the measure cannot leave."""
    if n == 0:
        return framed((np.nan, np.nan, np.nan), 0, "", unit, better, no_rows())

    def of(indices: np.ndarray) -> float:
        return value(np.bincount(indices, minlength=n).astype(np.float64))

    whole = value(np.ones(n))
    low, high = bootstrap(of, n, clusters, REPETITIONS, seed) if n > 1 else (np.nan, np.nan)
    low, high = max(min(low, whole), limits[0]), min(max(high, whole), limits[1])
    return framed((whole, low, high), n, f"BCa bootstrap 95%, {REPETITIONS} draws{over(clusters)}", unit, better, no_rows(),
                  "one row or cluster, or too few rows for the measure")
