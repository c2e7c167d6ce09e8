"""Intervals from influence: for whatever is smooth in the rows, each row's pull on the value gives the value's spread.

`influence` is (rows,) float64 of mean 0: how far the value moves, times rows, when that row weighs a little more. With
`clusters` (rows,) the rows of one cluster stand or fall together: their influence is summed first.
Source: the infinitesimal jackknife, Efron & Tibshirani 1993, chapter 21; clusters as Liang & Zeger 1986, Biometrika 73:13.
"""

from typing import Any, Literal

import numpy as np

Z = 1.959963984540054  # the normal distribution's 0.975 quantile
Scale = Literal["plain", "logit"]
NOWHERE = (np.nan, np.nan)


def t_quantile(degrees: float) -> float:
    """Student's 0.975 quantile for (fractional) degrees of freedom; nan where there are none."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975)) if degrees > 0 else np.nan


def interval(value: float, influence: np.ndarray, clusters: np.ndarray | None = None, scale: Scale = "plain") -> tuple[float, float]:
    """(low, high), 95%, by Student's t with one degree of freedom less than there are rows or clusters.

    `scale` is where it is symmetric: "logit" keeps it in (0, 1). nan for fewer than two rows or clusters, and where the
    value has no logit.
    """
    pulls = sums(influence, clusters)
    if len(pulls) < 2:
        return NOWHERE
    return on_scale(value, _error(pulls, len(influence)) * t_quantile(len(pulls) - 1), scale)


def on_scale(value: float, half: float, scale: Scale) -> tuple[float, float]:
    """value -/+ half, made symmetric on the scale by the delta method; nan where that is impossible."""
    if scale == "plain" or half == 0:
        return value - half, value + half
    if not 0 < value < 1 or not np.isfinite(half):
        return NOWHERE
    odds, step = value / (1 - value), min(half / (value * (1 - value)), 500.0)
    low, high = odds * np.exp(-step), odds * np.exp(step)
    return float(low / (1 + low)), float(high / (1 + high))


def skewed(value: float, influence: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float]:
    """(low, high), 95%, where a few rows weigh much: Student's t, its skewness undone by a cubic that is monotone.

    nan for fewer than two rows or clusters. Source: Hall 1992, J. Royal Statistical Society B 54:221.
    """
    pulls = sums(influence, clusters)
    count = len(pulls)
    if count < 2:
        return NOWHERE
    error, spread = _error(pulls, len(influence)), float(np.sqrt(np.mean(np.square(pulls))))
    skewness = float(np.mean((pulls / spread) ** 3)) if spread > 0 else 0.0
    quantile = t_quantile(count - 1)
    return value - error * _undo(quantile, skewness, count), value - error * _undo(-quantile, skewness, count)


def _undo(quantile: float, skewness: float, count: int) -> float:
    """Where a t of this skewness has the symmetric one's quantile: the inverse of Hall's cubic."""
    if abs(skewness) < 1e-6:
        return quantile
    root = np.sqrt(count)
    return float(root * 3 / skewness * (np.cbrt(1 + skewness * (quantile / root - skewness / (6 * count))) - 1))


def widened(value: float, low: float, high: float, influence: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """An interval made for independent rows, stretched by what the clusters add; never narrowed. nan for one cluster.

    The factor is the root of Kish's design effect (1965), from the influence, and Student's t for the clusters' number. Where no
    row pulls, each cluster counts as little more than one row.
    """
    pulls = sums(influence, clusters)
    if len(pulls) < 2:
        return NOWHERE
    alone = _error(influence, len(influence))
    effect = _error(pulls, len(influence)) / alone if alone > 0 else np.sqrt(len(influence) / effective_clusters(clusters))
    factor = max(effect, 1.0) * t_quantile(len(pulls) - 1) / Z
    return value - (value - low) * factor, value + (high - value) * factor


def wider(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """The smallest interval that holds both; one of nan adds nothing."""
    return float(np.fmin(first[0], second[0])), float(np.fmax(first[1], second[1]))


def effective_clusters(clusters: np.ndarray) -> float:
    """How many clusters of equal size are worth these. Source: Kish 1965."""
    _, sizes = np.unique(clusters, return_counts=True)
    return float(sizes.sum() ** 2 / np.square(sizes, dtype=np.float64).sum())


def sums(influence: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """(clusters,) the sum over each cluster's rows; without clusters the influence itself."""
    if clusters is None:
        return influence
    _, of = np.unique(clusters, return_inverse=True)
    return np.bincount(of, weights=influence)


def _error(pulls: Any, rows: int) -> float:
    """The standard error of the value."""
    return float(np.sqrt(np.square(pulls).sum() * len(pulls) / (len(pulls) - 1)) / rows) if len(pulls) > 1 else np.nan
