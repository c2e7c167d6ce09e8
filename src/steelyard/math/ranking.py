"""How well scores rank: the area under the ROC curve, of two classes and of several, with intervals."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from steelyard.math.influence import Z, interval, on_scale, t_quantile, widened, wider

FEWEST = 5  # rows of a class that an interval needs: with fewer the coverage that tests/math/test_coverage.py measures is lost


class Area(NamedTuple):
    """An area under the curve: its interval (nan where it has none), and the influence of each row (rows,)."""

    value: float
    low: float
    high: float
    influence: np.ndarray


def midranks(values: np.ndarray) -> np.ndarray:
    """(rows,) 1 for the smallest; equal values share the mean of their ranks. As scipy.stats.rankdata, whose import takes a second."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[group]


def delong(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """(auc, low, high): how often a positive row scores above a negative one, ties counting half.

    scores  (rows,) float, higher for positive      labels  (rows,) bool or 0 and 1

    The wider of DeLong's interval (on the logit, with Satterthwaite's degrees of freedom) and Newcombe's method 5: alone
    each falls to 0.86 and less for areas above 0.9 from unequal groups. nan where a class is absent or a score is NaN; no ends
    where a class has fewer than 5 rows.
    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; Newcombe 2006, Statistics in Medicine 25:559.
    """
    area = binary(scores, labels)
    return area.value, area.low, area.high


def binary(scores: np.ndarray, labels: np.ndarray) -> Area:
    """As `delong`, with the influence."""
    scores, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    above, below = int(positive.sum()), int((~positive).sum())
    influence = np.zeros(len(scores))
    if min(above, below) == 0 or np.isnan(scores).any():
        return Area(np.nan, np.nan, np.nan, influence)
    ranks = midranks(scores)
    of_positive = (ranks[positive] - midranks(scores[positive])) / below  # the share of negatives below each positive
    of_negative = 1 - (ranks[~positive] - midranks(scores[~positive])) / above
    value = float(of_positive.mean())
    influence[positive] = (of_positive - value) * len(scores) / above
    influence[~positive] = (of_negative - value) * len(scores) / below
    if min(above, below) < FEWEST:
        return Area(value, np.nan, np.nan, influence)
    parts = np.array([of_positive.var(ddof=1) / above, of_negative.var(ddof=1) / below])
    low, high = newcombe_area(value, above, below)
    if 0 < value < 1 and parts.sum() > 0:
        degrees = parts.sum() ** 2 / (parts[0] ** 2 / (above - 1) + parts[1] ** 2 / (below - 1))
        low, high = wider((low, high), on_scale(value, t_quantile(degrees) * float(np.sqrt(parts.sum())), "logit"))
    return Area(value, low, high, influence)


def newcombe_area(value: float, above: int, below: int) -> tuple[float, float]:
    """(low, high) from the value and the classes' sizes alone: the areas that are within Z standard errors of their own.

    Source: Newcombe 2006, Statistics in Medicine 25:559, method 5.
    """
    size = (above + below) / 2 - 1

    def accepted(area: float) -> bool:
        spread = area * (1 - area) * (1 + size * (1 - area) / (2 - area) + size * area / (1 + area)) / (above * below)
        return bool(abs(value - area) <= Z * np.sqrt(spread))

    return _edge(accepted, value, 0.0), _edge(accepted, value, 1.0)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where acceptance ends between a value that is accepted and the end of the scale; by bisection."""
    if inside == outside:
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if accepted(middle) else (inside, middle)
    return inside


def one_versus_rest(probs: np.ndarray, target: np.ndarray, clusters: np.ndarray | None = None) -> tuple[Area, int]:
    """The mean area over the classes of which there are rows (each against the rest), and how many those are.

    probs (rows, classes) float, target (rows,) int64, clusters (rows,). Conservative: the wider of the delta method on the logit
    and the classes' own intervals joined by `join`. nan for fewer than two classes, and where a score is NaN.
    Source: Hand & Till 2001 discuss it; joined as Zou & Donner 2008, Statistics in Medicine 27:1693.
    """
    present = [k for k in range(probs.shape[1]) if (target == k).any()]
    if len(present) < 2 or np.isnan(probs).any():
        return Area(np.nan, np.nan, np.nan, np.zeros(len(target))), 0
    areas = [binary(probs[:, k], target == k) for k in present]
    pulls = np.stack([area.influence for area in areas], axis=1)
    value, influence = float(np.mean([area.value for area in areas])), pulls.mean(axis=1)
    lows, highs = np.array([area.low for area in areas]), np.array([area.high for area in areas])
    low, high = join(np.array([area.value for area in areas]), lows, highs, pulls.T @ pulls)
    if np.isfinite(low):
        low, high = wider((low, high), interval(value, influence, None, "logit"))
        if clusters is not None:
            low, high = widened(value, low, high, influence, clusters)
    return Area(value, max(low, 0.0), min(high, 1.0), influence), len(present)


def join(values: np.ndarray, lows: np.ndarray, highs: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """(low, high) of the mean of some values (k,) that have intervals and a covariance (k, k), up to a factor.

    Source: MOVER, Zou & Donner 2008, Statistics in Medicine 27:1693.
    """
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(np.outer(errors, errors) > 0, covariance / np.outer(errors, errors), 0.0)
    np.fill_diagonal(correlation, 1.0)
    below, above = values - lows, highs - values
    value = float(values.mean())
    reach = [float(np.sqrt(max(part @ correlation @ part, 0.0))) / len(values) for part in (below, above)]
    return value - reach[0], value + reach[1]
