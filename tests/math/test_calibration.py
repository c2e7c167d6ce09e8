"""Calibration against the paper's sum written out, and at the edges."""

import math

import numpy as np
import pytest

from steelyard.math.calibration import calibration_error, error_interval, overconfidence, perfect_quantile, reliability, top_class


def literal(confidence: list[float], right: list[bool], num_bins: int) -> float:
    """The paper's sum, bin by bin, in plain Python: slow and easy to believe."""
    total = 0.0
    for b in range(num_bins):
        inside = [i for i, c in enumerate(confidence) if b / num_bins < c <= (b + 1) / num_bins]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


def sample(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(3, 0.5), n)
    return top_class(probs, rng.integers(0, 3, n))


@pytest.mark.parametrize("num_bins", [1, 7, 15])
def test_error(num_bins: int) -> None:
    confidence, right = sample()
    expected = literal(confidence.tolist(), right.tolist(), num_bins)
    assert calibration_error(confidence, right, num_bins) == pytest.approx(expected, abs=1e-12)


def test_edges() -> None:
    assert math.isnan(calibration_error(np.array([]), np.array([])))
    assert all(math.isnan(end) for end in error_interval(np.array([]), np.array([])))
    assert math.isnan(perfect_quantile(np.array([])))
    assert math.isnan(calibration_error(np.array([0.5, math.nan]), np.array([1, 0])))
    assert math.isnan(error_interval(np.array([0.5, math.nan]), np.array([1, 0]))[0])
    assert math.isnan(perfect_quantile(np.array([0.5, math.nan])))
    assert calibration_error(np.array([0.8]), np.array([True])) == pytest.approx(0.2)
    above = np.array([np.float32(1.0000001), np.float32(0.0)])
    assert calibration_error(above, np.array([True, False])) == pytest.approx(0, abs=1e-6)
    confidence, right = top_class(np.zeros((0, 3)), np.zeros(0))
    assert len(confidence) == len(right) == 0


def test_top_class_takes_the_first_of_equals() -> None:
    confidence, right = top_class(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([1, 1]))
    assert confidence.tolist() == [0.5, 0.8] and right.tolist() == [False, True]


def test_interval_holds_the_value_and_is_seeded() -> None:
    confidence, right = sample()
    low, high = error_interval(confidence, right, seed=1)
    assert 0 <= low <= calibration_error(confidence, right) <= high <= 1
    assert (low, high) == error_interval(confidence, right, seed=1)


def test_interval_of_a_calibrated_model_reaches_zero() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1, 1000)
    low, _ = error_interval(confidence, rng.random(1000) < confidence)
    assert low == 0
    low, _ = error_interval(confidence, rng.random(1000) < confidence - 0.3)
    assert low > 0.2


def test_perfect_quantile() -> None:
    """Against samples made one by one; a quarter of the noise for sixteen times the rows."""
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1, 500)
    slow = np.quantile([literal(confidence.tolist(), (rng.random(500) < confidence).tolist(), 15) for _ in range(300)], 0.95)
    assert perfect_quantile(confidence) == pytest.approx(slow, rel=0.1)
    assert perfect_quantile(confidence, seed=3) == perfect_quantile(confidence, seed=3)
    assert perfect_quantile(np.tile(confidence, 16)) == pytest.approx(slow / 4, rel=0.15)
    assert perfect_quantile(np.ones(10)) == 0


def test_reliability() -> None:
    confidence, right = np.array([0.05, 0.95, 0.96, 1.0, math.nan]), np.array([0, 1, 1, 0, 1])
    bins = reliability(confidence, right, 10)
    assert bins.count.tolist() == [1, 3] and bins.left.tolist() == [0, 0.9] and bins.right.tolist() == [0.1, 1]
    assert bins.accuracy.tolist() == pytest.approx([0, 2 / 3]) and bins.confidence[1] == pytest.approx(0.97)
    assert bins.low[1] < 2 / 3 < bins.high[1]
    assert len(reliability(np.array([]), np.array([])).count) == 0


def test_overconfidence() -> None:
    confidence, right = sample()
    value, low, high = overconfidence(confidence, right)
    assert value == pytest.approx(confidence.mean() - right.mean()) and low < value < high
    assert overconfidence(confidence, right, np.arange(300)) == pytest.approx((value, low, high))
