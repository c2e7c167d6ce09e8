"""Many questions at once: p-values adjusted within a declared family, and the p-value of two proportions."""

from collections.abc import Callable

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """(tests,) -> (tests,) adjusted p: with those below 0.05 called, the chance of any false call is at most 5%.

    A NaN (not tested) stays NaN and does not count. Source: Holm 1979, Scandinavian J. of Statistics 6:65.
    """
    return _adjusted(p_values, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """(tests,) -> (tests,) adjusted p: of those below 0.05 some 5% are expected to be false (independent tests).

    A NaN (not tested) stays NaN and does not count. Source: Benjamini & Hochberg 1995, J. Royal Statistical Society B 57:289.
    """
    def step_up(ordered: np.ndarray) -> np.ndarray:
        scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
        return np.asarray(np.minimum.accumulate(scaled[::-1])[::-1])

    return _adjusted(p_values, step_up)


def two_proportions_p(s1: int, n1: int, s2: int, n2: int) -> float:
    """The two-sided p-value of "both groups have one rate": the N-1 chi-squared test, or Fisher's exact one for few rows.

    Fisher's where an expected count is below 1. nan for an empty group.
    Source: Campbell 2007, Statistics in Medicine 26:3661.
    """
    if min(n1, n2) < 1:
        return np.nan
    total, successes = n1 + n2, s1 + s2
    if successes in (0, total):
        return 1.0
    if min(successes, total - successes) * min(n1, n2) / total < 1:
        from scipy.stats import fisher_exact

        return float(fisher_exact([[s1, n1 - s1], [s2, n2 - s2]]).pvalue)
    from scipy.special import chdtrc

    distance = (s1 * (n2 - s2) - s2 * (n1 - s1)) ** 2 * (total - 1)
    return float(chdtrc(1, distance / (n1 * n2 * successes * (total - successes))))


def _adjusted(p_values: np.ndarray, adjust: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    adjusted[order] = np.minimum(adjust(p_values[order]), 1.0)
    return adjusted
