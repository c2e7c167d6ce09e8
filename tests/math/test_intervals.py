"""Intervals against literal formulas, published examples, scipy, and at the edges."""

import math

import numpy as np
import pytest

from steelyard.math import intervals
from steelyard.math.influence import effective_clusters, interval, on_scale, skewed, t_quantile, widened, wider

Z = 1.959963984540054


def literal_wilson(successes: int, n: int) -> tuple[float, float]:
    """The two roots of (rate - p)^2 = z^2 p (1 - p) / n."""
    rate = successes / n
    a, b, c = 1 + Z * Z / n, -(2 * rate + Z * Z / n), rate * rate
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 30), (29, 30), (81, 263), (15, 148), (9000, 10000)])
def test_wilson(successes: int, n: int) -> None:
    assert intervals.wilson(successes, n) == pytest.approx(literal_wilson(successes, n), abs=1e-12)


def test_wilson_published_and_edges() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert intervals.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson(0, 20)[0] == 0 and intervals.wilson(20, 20)[1] == 1
    assert all(math.isnan(end) for end in intervals.wilson(0, 0))
    low, high = intervals.wilson(np.array([0, 3, 0]), np.array([5, 5, 0]))
    assert low.shape == (3,) and np.isnan(low[2]) and high[1] == pytest.approx(literal_wilson(3, 5)[1])


def test_newcombe_published_and_edges() -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II: 56/70 - 48/80 gives 0.0524 to 0.3339, 10/10 - 0/20 0.6791 to 1."""
    assert intervals.newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert intervals.newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert intervals.newcombe(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)
    low, high = intervals.newcombe(48, 80, 56, 70)
    assert (-high, -low) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert all(math.isnan(end) for end in intervals.newcombe(0, 0, 3, 10))


def literal_ratio_score(s1: int, n1: int, s2: int, n2: int, phi: float) -> float:
    """The squared score statistic, its rates found by a search for the likeliest."""
    from scipy.optimize import minimize_scalar

    def unlikely(rate2: float) -> float:
        rates = ((s1, n1, phi * rate2), (s2, n2, rate2))
        return -sum(s * math.log(p) + (n - s) * math.log(1 - p) for s, n, p in rates)

    rate2 = minimize_scalar(unlikely, bounds=(1e-12, min(1, 1 / phi) - 1e-12), method="bounded", options={"xatol": 1e-14}).x
    rate1, total = phi * rate2, n1 + n2
    variance = (rate1 * (1 - rate1) / n1 + phi**2 * rate2 * (1 - rate2) / n2) * total / (total - 1)
    return float((s1 / n1 - phi * s2 / n2) ** 2 / variance)


@pytest.mark.parametrize("counts", [(36, 40, 16, 80), (5, 50, 9, 60), (30, 100, 60, 100), (1, 200, 7, 150)])
def test_ratio(counts: tuple[int, int, int, int]) -> None:
    low, high = intervals.ratio(*counts)
    assert low < counts[0] * counts[3] / counts[1] / counts[2] < high
    assert literal_ratio_score(*counts, low) == pytest.approx(Z * Z, rel=1e-5)
    assert literal_ratio_score(*counts, high) == pytest.approx(Z * Z, rel=1e-5)
    s1, n1, s2, n2 = counts
    assert intervals.ratio(s2, n2, s1, n1) == pytest.approx((1 / high, 1 / low), rel=1e-9)


def test_ratio_edges() -> None:
    assert intervals.ratio(0, 10, 0, 10) == (0, math.inf)
    low, high = intervals.ratio(0, 10, 5, 10)
    assert low == 0 and 0 < high < 1
    low, high = intervals.ratio(5, 10, 0, 10)
    assert 1 < low < 5 and high == math.inf
    low, high = intervals.ratio(10, 10, 10, 10)
    assert low < 1 < high and low == pytest.approx(1 / high)
    assert all(math.isnan(end) for end in intervals.ratio(3, 10, 0, 0))
    many = intervals.ratio(np.array([3, 0]), np.array([10, 10]), np.array([4, 4]), np.array([10, 10]))
    assert (many[0][0], many[1][0]) == pytest.approx(intervals.ratio(3, 10, 4, 10))


def test_mean() -> None:
    from scipy.stats import t

    values = np.random.default_rng(0).normal(3, 2, 37)
    expected = t.interval(0.95, 36, values.mean(), values.std(ddof=1) / math.sqrt(37))
    assert intervals.mean(values) == pytest.approx((values.mean(), *expected), abs=1e-12)
    assert intervals.mean(np.array([2.0, 2.0])) == (2, 2, 2)
    assert intervals.mean(np.array([2.0]))[0] == 2 and math.isnan(intervals.mean(np.array([2.0]))[1])
    assert all(math.isnan(end) for end in intervals.mean(np.array([])))
    assert math.isnan(intervals.mean(np.array([1.0, math.nan]))[0])


def test_mean_of_clusters() -> None:
    """Clusters of one row are rows; equal rows within clusters count once."""
    values = np.random.default_rng(1).normal(size=20)
    assert intervals.mean(values, np.arange(20)) == pytest.approx(intervals.mean(values))
    assert intervals.mean(np.repeat(values, 5), np.repeat(np.arange(20), 5)) == pytest.approx(intervals.mean(values))
    names = np.repeat(np.array([f"speaker {i}" for i in range(20)]), 5)
    assert intervals.mean(np.repeat(values, 5), names) == pytest.approx(intervals.mean(values))
    assert math.isnan(intervals.mean(values, np.zeros(20))[1])


def test_paired_difference() -> None:
    """Bonett & Price 2012, written out; the value is the raw difference."""
    a = np.array([1] * 50 + [1] * 9 + [0] * 3 + [0] * 38)
    b = np.array([1] * 50 + [0] * 9 + [1] * 3 + [0] * 38)
    p12, p21 = 10 / 102, 4 / 102
    half = Z * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / 102)
    assert intervals.paired_difference(a, b) == pytest.approx((0.06, p12 - p21 - half, p12 - p21 + half), abs=1e-12)
    assert intervals.paired_method(a, b) == "Bonett-Price paired 95%"
    value, low, high = intervals.paired_difference(b, a)
    assert (value, low, high) == pytest.approx((-0.06, -(p12 - p21 + half), -(p12 - p21 - half)))


def test_paired_difference_edges() -> None:
    same = np.ones(5)
    value, low, high = intervals.paired_difference(same, same)
    assert value == 0 and low == pytest.approx(-high) and high > 0
    assert intervals.paired_difference(same, same * 0)[2] == 1
    shares = np.array([0.5, 0.25, 1.0])
    assert intervals.paired_method(shares, shares) == "paired t 95%"
    assert intervals.paired_difference(shares, shares / 2) == pytest.approx(
        (lambda ends: (ends[0], max(ends[1], -1.0), min(ends[2], 1.0)))(intervals.mean(shares / 2)))
    assert all(math.isnan(end) for end in intervals.paired_difference(np.array([]), np.array([])))
    assert "3 clusters" in intervals.paired_method(same, same, np.array([0, 1, 2, 2, 2]))
    assert math.isnan(intervals.paired_difference(same, same * 0, np.zeros(5))[1])


def test_smallest_gap() -> None:
    """100 a group at 0.9: 12 points; 2,000: 2.7."""
    assert round(intervals.smallest_gap(100, 100, 0.9), 2) == 0.12
    assert round(intervals.smallest_gap(2000, 2000, 0.9), 3) == 0.027
    assert 0 < intervals.smallest_gap(100, 100, 1.0) == pytest.approx(intervals.smallest_gap(100, 100, 0.0))
    assert intervals.smallest_gap(1, 1, 0.5) == 1
    assert math.isnan(intervals.smallest_gap(0, 100, 0.5))


def test_clustered_share() -> None:
    right = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 1])
    value, low, high = intervals.clustered_share(right, np.arange(10))
    assert value == 0.8 and 0 <= low < 0.8 < high <= 1
    clusters = np.repeat(np.arange(5), 2)
    assert intervals.clustered_share(np.ones(10), clusters) == pytest.approx((1.0, *intervals.wilson(5, 5)))
    assert intervals.clustered_share(np.zeros(10), clusters) == pytest.approx((0.0, *intervals.wilson(0, 5)))
    assert math.isnan(intervals.clustered_share(right, np.zeros(10))[1])
    assert all(math.isnan(end) for end in intervals.clustered_share(np.array([]), np.array([])))


def test_influence_interval_is_the_delta_method() -> None:
    """The logarithm of the odds of a mean, written out."""
    values = np.random.default_rng(2).random(50)
    value, error = values.mean(), values.std(ddof=1) / math.sqrt(50)
    centre, half = math.log(value / (1 - value)), t_quantile(49) * error / (value * (1 - value))
    expected = [1 / (1 + math.exp(-(centre + sign * half))) for sign in (-1, 1)]
    assert interval(value, values - value, None, "logit") == pytest.approx(expected, abs=1e-12)
    assert all(math.isnan(end) for end in on_scale(1.0, 0.1, "logit"))
    assert all(math.isnan(end) for end in interval(0.5, np.zeros(1)))
    assert math.isnan(t_quantile(0)) and t_quantile(1e9) == pytest.approx(Z, abs=1e-6)


def test_skewed_undoes_halls_cubic() -> None:
    """At the ends Hall's g(T) = T + s T^2 / 3 + s^2 T^3 / 27 + s / 6 (s the skewness over root n) is Student's quantile."""
    values = np.random.default_rng(3).exponential(size=60) ** 2
    value, low, high = intervals.skewed_mean(values)
    s = float((((values - value) / values.std()) ** 3).mean()) / math.sqrt(60)
    for end, sign in ((low, 1), (high, -1)):
        t = (value - end) / (values.std(ddof=1) / math.sqrt(60))
        assert t + s * t**2 / 3 + s**2 * t**3 / 27 + s / 6 == pytest.approx(sign * t_quantile(59), abs=1e-9)
    assert high - value > value - low
    symmetric = np.array([-1.0, 0.0, 1.0, -2.0, 2.0])
    assert skewed(0.0, symmetric) == pytest.approx(intervals.mean(symmetric)[1:])
    assert intervals.skewed_mean(np.full(4, 0.7)) == pytest.approx((0.7, 0.7, 0.7))
    assert all(math.isnan(end) for end in intervals.skewed_mean(np.array([])))


def test_widened_and_wider() -> None:
    rows = np.random.default_rng(4).normal(size=30)
    repeated, clusters = np.repeat(rows - rows.mean(), 4), np.repeat(np.arange(30), 4)
    low, high = widened(0.5, 0.4, 0.7, repeated, clusters)
    factor = 2 * math.sqrt((30 / 29) / (120 / 119)) * t_quantile(29) / Z  # four equal rows: twice the error
    assert (low, high) == pytest.approx((0.5 - 0.1 * factor, 0.5 + 0.2 * factor))
    assert widened(0.5, 0.4, 0.7, np.zeros(120), clusters)[0] == pytest.approx(0.5 - 0.1 * 2 * t_quantile(29) / Z)
    assert math.isnan(widened(0.5, 0.4, 0.7, repeated, np.zeros(120))[0])
    assert wider((0.1, 0.5), (0.2, math.nan)) == (0.1, 0.5)
    assert effective_clusters(np.array([0, 1, 1, 1])) == pytest.approx(16 / 10)
