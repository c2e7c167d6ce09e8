"""95% intervals of proportions, differences, ratios and means; each with its source. nan where nothing is known.

Counts may be numbers or arrays of one shape; the answer then has that shape. tests/math/test_coverage.py holds how often
each of them covers.
"""

from typing import Any

import numpy as np

from steelyard.math.influence import Z, effective_clusters, interval, skewed, wider

POWER = 0.8416212335729143  # the normal distribution's 0.8 quantile
Number = Any  # float, or float64 array of the counts' shape


def wilson(successes: Number, n: Number) -> tuple[Number, Number]:
    """A proportion's score interval, within [0, 1]; nan for n = 0. Counts need not be whole (effective sample sizes).

    Source: Wilson 1927, JASA 22:209; recommended by Brown, Cai & DasGupta 2001, Statistical Science 16:101.
    """
    return score_interval(successes, n, Z)


def score_interval(successes: Number, n: Number, quantile: Number) -> tuple[Number, Number]:
    """Wilson's interval with another quantile (Student's, where the spread comes from a few clusters)."""
    successes, n = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, square = successes / n, np.square(quantile)
        middle = (rate + square / (2 * n)) / (1 + square / n)
        half = quantile / (1 + square / n) * np.sqrt(np.maximum(rate * (1 - rate) / n, 0) + square / (4 * n * n))
        low = np.where(successes <= 0, 0.0, np.maximum(middle - half, 0.0))
        high = np.where(successes >= n, 1.0, np.minimum(middle + half, 1.0))
    return _plain(np.where(n > 0, low, np.nan)), _plain(np.where(n > 0, high, np.nan))


def newcombe(s1: Number, n1: Number, s2: Number, n2: Number) -> tuple[Number, Number]:
    """The difference s1/n1 - s2/n2 of two independent proportions, within [-1, 1]; nan where a group is empty.

    Source: Newcombe 1998, Statistics in Medicine 17:873, method 10 (hybrid score).
    """
    (low1, high1), (low2, high2) = wilson(s1, n1), wilson(s2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate1, rate2 = np.divide(s1, n1), np.divide(s2, n2)
    difference = rate1 - rate2
    low = difference - np.hypot(rate1 - low1, high2 - rate2)
    high = difference + np.hypot(high1 - rate1, rate2 - low2)
    return _plain(low), _plain(high)


def ratio(s1: Number, n1: Number, s2: Number, n2: Number) -> tuple[Number, Number]:
    """The ratio (s1/n1) / (s2/n2) of two independent proportions: low is 0 where s1 is, high infinite where s2 is 0.

    The score interval, found by bisection on the logarithm. nan where a group is empty.
    Source: Miettinen & Nurminen 1985, Statistics in Medicine 4:213 (Koopman 1984 with their factor N/(N-1)).
    """
    counts = np.broadcast_arrays(*(np.asarray(count, dtype=np.float64) for count in (s1, n1, s2, n2)))
    s1, n1, s2, n2 = counts
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.clip(np.log(s1 * n2) - np.log(s2 * n1), -40.0, 40.0)
    middle = np.where((s1 == 0) & (s2 == 0), 0.0, middle)
    low = np.exp(_bisect(counts, middle, np.full_like(middle, -40.0)))
    high = np.exp(_bisect(counts, middle, np.full_like(middle, 40.0)))
    known = (n1 > 0) & (n2 > 0)
    low, high = np.where(s1 == 0, 0.0, low), np.where(s2 == 0, np.inf, high)
    return _plain(np.where(known, low, np.nan)), _plain(np.where(known, high, np.nan))


def _bisect(counts: Any, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The logarithm of the ratio where the score statistic reaches Z, between one that it accepts and one that it does not."""
    for _ in range(60):
        middle = (inside + outside) / 2
        accepted = _score_of_ratio(counts, np.exp(middle)) <= Z
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    return inside


def _score_of_ratio(counts: Any, phi: np.ndarray) -> np.ndarray:
    """|s1/n1 - phi s2/n2| in standard errors, at the likeliest rates whose ratio is phi."""
    s1, n1, s2, n2 = counts
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b, c = (n1 + n2) * phi, n1 * phi + s1 + n2 + s2 * phi, s1 + s2
        rate2 = 2 * c / (b + np.sqrt(np.maximum(b * b - 4 * a * c, 0)))  # the smaller root, without cancellation
        rate1 = np.minimum(phi * rate2, 1.0)
        variance = (rate1 * (1 - rate1) / n1 + phi**2 * rate2 * (1 - rate2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        distance = np.abs(s1 / n1 - phi * s2 / n2)
        return np.where(distance == 0, 0.0, distance / np.sqrt(np.maximum(variance, 0)))


def mean(values: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float, float]:
    """(value, low, high) of the mean of (rows,) floats by Student's t; with clusters (rows,), of their sums.

    nan for no rows, no ends for one row or cluster. For values far from symmetric see `skewed_mean`.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    value = float(values.mean())
    return value, *interval(value, values - value, clusters)


def skewed_mean(values: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float, float]:
    """(value, low, high) of the mean of (rows,) floats of which a few are much larger than the rest (losses).

    As `mean`, by Hall's transformation of t: see influence.skewed.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    value = float(values.mean())
    return value, *skewed(value, values - value, clusters)


def clustered_share(right: np.ndarray, clusters: np.ndarray) -> tuple[float, float, float]:
    """(value, low, high) of the mean of (rows,) values in [0, 1] whose rows come in clusters (rows,), within [0, 1].

    The wider of Student's t on the logit and Hall's transformation, both over clusters: a percentile bootstrap of 15 to 30
    clusters covers 88 to 93% only. All right or all wrong: Wilson's, a cluster counting as one row. No ends for one cluster.
    """
    right = np.asarray(right, dtype=np.float64)
    if len(right) == 0:
        return np.nan, np.nan, np.nan
    value = float(right.mean())
    if len(np.unique(clusters)) < 2:
        return value, np.nan, np.nan
    if value in (0.0, 1.0):
        count = effective_clusters(clusters)
        return value, *wilson(value * count, count)
    low, high = wider(interval(value, right - value, clusters, "logit"), skewed(value, right - value, clusters))
    return value, max(low, 0.0), min(high, 1.0)


def paired_difference(a: np.ndarray, b: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float, float]:
    """(value, low, high) of the mean of a - b, two models on the same rows; a, b (rows,) in [0, 1], the ends in [-1, 1].

    Right or wrong (0 or 1) without clusters: Bonett & Price's adjusted Wald interval, else Student's t (of cluster sums).
    `paired_method` names it. Source: Bonett & Price 2012, J. Educational and Behavioral Statistics 37:479.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if clusters is not None or not _binary(a, b) or len(a) == 0:
        value, low, high = mean(a - b, clusters)
    else:
        n, only_a, only_b = len(a), int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
        value, (low, high) = (only_a - only_b) / n, bonett_price(only_a, only_b, n)
    return value, max(low, -1.0), min(high, 1.0)


def paired_method(a: np.ndarray, b: np.ndarray, clusters: np.ndarray | None = None) -> str:
    """What `paired_difference` does with these rows, for a Quantity's `how`."""
    if clusters is not None:
        return f"paired t 95% over {len(np.unique(clusters))} clusters"
    return "Bonett-Price paired 95%" if _binary(np.asarray(a), np.asarray(b)) else "paired t 95%"


def _binary(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((((a == 0) | (a == 1)) & ((b == 0) | (b == 1))).all())


def bonett_price(only_a: Number, only_b: Number, n: Number) -> tuple[Number, Number]:
    """The difference (only_a - only_b) / n of two proportions on the same n rows: rows that only one of the two got right."""
    share_a, share_b = np.divide(np.add(only_a, 1), np.add(n, 2)), np.divide(np.add(only_b, 1), np.add(n, 2))
    difference = share_a - share_b
    half = Z * np.sqrt((share_a + share_b - difference**2) / np.add(n, 2))
    return _plain(difference - half), _plain(difference + half)


def smallest_gap(n1: int, n2: int, p: float) -> float:
    """The smallest gap between two groups' rates near p that these sizes show in 80% of cases (two-sided, 95%).

    p is held 1/(n1+n2+2) from 0 and 1: a rate of 1 in few rows does not promise that the next row is right. At most 1; nan
    where a group is empty. Source: the normal approximation, Fleiss, Levin & Paik 2003, chapter 4.
    """
    if min(n1, n2) < 1:
        return np.nan
    edge = 1 / (n1 + n2 + 2)
    rate = min(max(p, edge), 1 - edge)
    return float(min((Z + POWER) * np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n2)), 1.0))


def _plain(number: Any) -> Any:
    """A float where the counts were numbers, else the array."""
    return float(number) if np.ndim(number) == 0 else number
