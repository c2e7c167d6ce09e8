"""The spread between groups: raw, and without what sampling adds."""

import numpy as np
import pytest

from steelyard.math.spread import spread


def test_noise_alone() -> None:
    """8 equal groups of 100 at 0.9 show a gap of 8.5 points by chance; corrected, the median is 0, the mean 2.5."""
    rng = np.random.default_rng(0)
    found = [spread(rng.binomial(100, 0.9, 8), np.full(8, 100)) for _ in range(300)]
    raw, gap = np.array([s.raw_gap for s in found if s]), np.array([s.gap for s in found if s])
    assert raw.mean() == pytest.approx(0.085, abs=0.004)
    assert np.median(gap) == 0 and gap.mean() < 0.03
    assert np.mean([s.by_chance for s in found if s]) == pytest.approx(0.085, abs=0.003)
    assert np.mean([s.p_value <= 0.05 for s in found if s]) < 0.09


def test_a_real_spread_stays() -> None:
    """Rates with a standard deviation of 10 points; 200 rows a group add noise that is taken out again."""
    rng = np.random.default_rng(1)
    rates = np.array([0.6, 0.65, 0.7, 0.7, 0.75, 0.8, 0.85, 0.95])
    found = [spread(rng.binomial(200, rates), np.full(8, 200)) for _ in range(300)]
    variance = np.array([s.deviation**2 for s in found if s])
    assert variance.mean() == pytest.approx(rates.var(ddof=1), rel=0.05)
    assert np.mean([s.raw_deviation**2 for s in found if s]) > rates.var(ddof=1) * 1.05
    assert np.mean([s.gap for s in found if s]) == pytest.approx(0.35, abs=0.015)
    assert max(s.p_value for s in found if s) < 0.01


def test_written_out() -> None:
    found = spread(np.array([8, 15]), np.array([10, 30]))
    assert found is not None
    between = max(0.045 - (0.16 / 9 + 0.25 / 29) / 2, 0)
    pooled = 23 / 40
    drawn = [pooled + (between / (between + pooled * (1 - pooled) / n)) ** 0.5 * (rate - pooled) for rate, n in ((0.8, 10), (0.5, 30))]
    assert found.raw_gap == pytest.approx(0.3) and found.raw_deviation == pytest.approx(0.045**0.5)
    assert found.deviation == pytest.approx(between**0.5) and found.gap == pytest.approx(drawn[0] - drawn[1])
    assert found == spread(np.array([8, 15]), np.array([10, 30]))


def test_edges() -> None:
    assert spread(np.array([]), np.array([])) is None
    assert spread(np.array([3]), np.array([5])) is None
    assert spread(np.array([3, 1, 0]), np.array([5, 1, 0])) is None
    same = spread(np.array([5, 5]), np.array([5, 5]))
    assert same is not None and (same.raw_gap, same.gap, same.deviation, same.p_value) == (0, 0, 0, 1)
