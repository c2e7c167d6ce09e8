"""The bootstrap: the same by seed, scipy's for a mean, whole clusters, and the edges."""

import math

import numpy as np
import pytest

from steelyard.math.resample import bootstrap

VALUES = np.random.default_rng(0).exponential(size=80)


def mean(rows: np.ndarray) -> float:
    return float(VALUES[rows].mean())


def test_like_scipys() -> None:
    from scipy.stats import bootstrap as theirs

    low, high = bootstrap(mean, 80, repetitions=4000)
    expected = theirs((VALUES,), np.mean, n_resamples=4000, rng=np.random.default_rng(1)).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_deterministic_by_seed() -> None:
    assert bootstrap(mean, 80, seed=3) == bootstrap(mean, 80, seed=3) != bootstrap(mean, 80, seed=4)


def test_clusters_stay_together() -> None:
    clusters = np.array([2, 0, 1, 0, 2, 1, 1, 0])
    seen: list[np.ndarray] = []

    def look(rows: np.ndarray) -> float:
        seen.append(rows)
        return float(clusters[rows].mean())

    bootstrap(look, 8, clusters, repetitions=50)
    for rows in seen:
        counts = np.bincount(rows, minlength=8)
        for cluster in range(3):
            assert len(set(counts[clusters == cluster])) == 1
    low, high = bootstrap(lambda rows: float(np.repeat(VALUES, 4)[rows].mean()), 320, np.repeat(np.arange(80), 4), repetitions=2000)
    assert (low, high) == pytest.approx(bootstrap(mean, 80, repetitions=2000), abs=0.03)


def test_many_rows_are_quick_and_blocks_are_enough() -> None:
    """More rows than blocks of the jackknife: still the interval of a mean."""
    values = np.random.default_rng(2).normal(size=5000)
    low, high = bootstrap(lambda rows: float(values[rows].mean()), 5000, repetitions=600)
    assert (low, high) == pytest.approx((values.mean() - 1.96 / math.sqrt(5000), values.mean() + 1.96 / math.sqrt(5000)), abs=0.006)


def test_edges() -> None:
    for found in (bootstrap(mean, 0), bootstrap(mean, 1), bootstrap(mean, 80, np.zeros(80)), bootstrap(lambda rows: math.nan, 80)):
        assert all(math.isnan(end) for end in found)
    assert bootstrap(lambda rows: 1.0, 80) == (1, 1)
    rare = np.zeros(80)
    rare[:8] = 1
    low, high = bootstrap(lambda rows: float(rare[rows].sum() / rare[rows].any()) if rare[rows].any() else math.nan, 80)
    assert low < 8 < high
