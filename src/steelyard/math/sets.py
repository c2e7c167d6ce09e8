"""Measures of sets of labels a row: F1 and average precision, of rows that weigh as often as they are drawn."""

import numpy as np


def f1_of_labels(wanted: np.ndarray, chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(labels,) 2 hits / (wanted + chosen) of each; nan for a label that is neither.

    wanted, chosen  (rows, labels) bool      weights  (rows,) how often each row counts
    """
    hits, both = weights @ (wanted & chosen), weights @ wanted + weights @ chosen
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(both > 0, 2 * hits / both, np.nan))


def average_precision(order: np.ndarray, last: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> float:
    """The mean of the precision at each row that is wanted, rows by falling score; equal scores count as one step.

    order   (rows,) int64, the rows by falling score        last    (rows,) bool, in that order: the last of its score
    wanted  (rows,) bool                                    weights (rows,) how often each counts
    nan where no row is wanted. As scikit-learn's average_precision_score.
    """
    counts = weights[order]
    hits, seen = np.cumsum(counts * wanted[order])[last], np.cumsum(counts)[last]
    if not len(hits) or hits[-1] == 0:
        return np.nan
    with np.errstate(invalid="ignore"):
        precision = np.where(seen > 0, hits / np.maximum(seen, 1e-300), 0.0)
    return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])


def falling(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(order, last) of (rows,) scores, as `average_precision` takes them."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    return order, np.append(ranked[1:] != ranked[:-1], True) if len(ranked) else np.zeros(0, dtype=bool)
