"""Correlations of two columns whose rows weigh as often as they are drawn."""

import numpy as np


def pearson(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's correlation of (rows,) floats; weights (rows,): how often each counts. nan where either does not vary."""
    total = weights.sum()
    if total == 0:
        return np.nan
    da, db = a - weights @ a / total, b - weights @ b / total
    spread = np.sqrt((weights @ da**2) * (weights @ db**2))
    scale = total * np.finfo(np.float64).eps * max(1.0, float(np.abs(a).max()), float(np.abs(b).max())) ** 2
    if not np.isfinite(spread) or spread <= scale:
        return np.nan
    return float(np.clip(weights @ (da * db) / spread, -1.0, 1.0))


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(rows,) the rank of each among the rows as often as they count; equal values share the mean of their ranks."""
    _, group = np.unique(values, return_inverse=True)
    counts = np.bincount(group, weights=weights)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group])
