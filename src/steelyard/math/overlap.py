"""F1 scores from a confusion matrix, with the interval of their mean."""

import numpy as np

from steelyard.math.influence import t_quantile, widened, wider
from steelyard.math.intervals import score_interval, wilson
from steelyard.math.ranking import FEWEST, join

PRIOR = 0.5  # pseudo-counts of right and of wrong rows a class, in the spread only: a class without errors is not without doubt


def confusion(target: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """(classes, classes) int64: rows by true class (first axis) and guessed class, over the classes that occur in either."""
    classes = np.unique(np.concatenate([target, guess]))
    at = np.searchsorted(classes, target) * len(classes) + np.searchsorted(classes, guess)
    return np.bincount(at, minlength=len(classes) ** 2).reshape(len(classes), len(classes))


def f1_scores(table: np.ndarray) -> np.ndarray:
    """(classes,) 2 hits / (rows of the class + guesses of it), from a confusion matrix of classes that occur."""
    return np.asarray(2 * np.diag(table) / (table.sum(axis=0) + table.sum(axis=1)))


def macro_f1(target: np.ndarray, guess: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float, float]:
    """(value, low, high) of the mean F1 over the classes in target or guess (rows,) int64; clusters (rows,).

    The wider of two: the delta method with Wilson's form and Student's t; and each class's Wilson interval (its F1 is
    2j / (1 + j) of the share j of hits among rows that are of the class or guessed so) joined by ranking.join. nan for no
    rows; no ends where a class has fewer than 5 rows (classes that are only guessed aside).
    Source: Takahashi et al. 2022, Applied Intelligence 52:4961 (delta method); Zou & Donner 2008 (joining).
    """
    if len(target) == 0:
        return np.nan, np.nan, np.nan
    table = confusion(target, guess)
    value = float(f1_scores(table).mean())
    rows = table.sum(axis=1)
    if rows[rows > 0].min() < FEWEST:
        return value, np.nan, np.nan
    low, high = f1_interval(table)
    if clusters is not None:
        low, high = widened(value, low, high, f1_influence(target, guess, table), clusters)
    return value, max(low, 0.0), min(high, 1.0)


def f1_interval(table: np.ndarray) -> tuple[float, float]:
    """(low, high) of the mean F1 of the classes of a confusion matrix; see `macro_f1`."""
    hits, both = np.diag(table).astype(np.float64), (table.sum(axis=0) + table.sum(axis=1)).astype(np.float64)
    f1, either = 2 * hits / both, both - hits
    covariance = (table + table.T) * np.outer(f1 / both, f1 / both)
    np.fill_diagonal(covariance, 0.0)
    between, own = float(covariance.sum()), (hits * (2 - 2 * f1) ** 2 + (both - 2 * hits) * f1**2) / both**2
    np.fill_diagonal(covariance, own)
    share_low, share_high = wilson(hits, either)
    joined = join(f1, _f1(share_low), _f1(share_high), covariance)

    share = (hits + PRIOR) / (either + 2 * PRIOR)
    doubt = (2 / (1 + share) ** 2) ** 2 * share * (1 - share) / (either + 2 * PRIOR)
    value, centre, number = float(f1.mean()), float(_f1(share).mean()), len(f1) ** 2
    rows = centre * (1 - centre) * number / (doubt.sum() + between)  # as many rows as a share of this spread would have
    if own.sum() + between > 0 and 0 < value < 1:
        rows = min(rows, value * (1 - value) * number / (own.sum() + between))
    degrees = doubt.sum() ** 2 / (doubt**2 / np.maximum(either - 1, 1)).sum()
    return wider(joined, score_interval(value * rows, rows, t_quantile(degrees)))


def f1_influence(target: np.ndarray, guess: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(rows,) the influence of each row on the mean F1; `table` is confusion(target, guess)."""
    classes = np.unique(np.concatenate([target, guess]))
    both = table.sum(axis=0) + table.sum(axis=1)
    f1 = f1_scores(table)
    pull = len(target) / both / len(classes)
    of_target, of_guess = np.searchsorted(classes, target), np.searchsorted(classes, guess)
    lost = (f1 * pull)[of_target] + (f1 * pull)[of_guess]
    return np.asarray(np.where(of_target == of_guess, 2 * pull[of_target], 0.0) - lost)


def _f1(share: np.ndarray) -> np.ndarray:
    return np.asarray(2 * share / (1 + share))
