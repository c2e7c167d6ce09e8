"""Areas under the ROC curve against pairs counted one by one, and scikit-learn."""

import math

import numpy as np
import pytest

from steelyard.math.influence import on_scale, t_quantile
from steelyard.math.ranking import binary, delong, join, newcombe_area, one_versus_rest


def literal_delong(scores: list[float], labels: list[int]) -> tuple[float, float, float]:
    """Area and the two parts of its variance by counting every pair: slow and easy to believe."""
    above, below = [s for s, y in zip(scores, labels, strict=True) if y], [s for s, y in zip(scores, labels, strict=True) if not y]
    wins = [[1.0 if a > b else 0.5 if a == b else 0.0 for b in below] for a in above]
    area = sum(map(sum, wins)) / len(above) / len(below)
    of_above = [sum(row) / len(below) for row in wins]
    of_below = [sum(row[j] for row in wins) / len(above) for j in range(len(below))]
    variance = [sum((v - area) ** 2 for v in part) / (len(part) - 1) / len(part) for part in (of_above, of_below)]
    return area, variance[0], variance[1]


def sample(n: int = 60, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = (rng.random(n) < 0.4).astype(np.int64)
    return np.round(rng.normal(labels * 0.8, 1), decimals), labels


def test_delong_counts_pairs() -> None:
    scores, labels = sample()
    area, part1, part2 = literal_delong(scores.tolist(), labels.tolist())
    value, low, high = delong(scores, labels)
    assert value == pytest.approx(area, abs=1e-12)
    m, n = int(labels.sum()), int((1 - labels).sum())
    degrees = (part1 + part2) ** 2 / (part1**2 / (m - 1) + part2**2 / (n - 1))
    first = on_scale(area, t_quantile(degrees) * math.sqrt(part1 + part2), "logit")
    second = newcombe_area(area, m, n)
    assert (low, high) == pytest.approx((min(first[0], second[0]), max(first[1], second[1])), abs=1e-12)


def test_newcombe_area_solves_its_equation() -> None:
    value, m, n = 0.83, 25, 60
    for end in newcombe_area(value, m, n):
        size = (m + n) / 2 - 1
        variance = end * (1 - end) * (1 + size * (1 - end) / (2 - end) + size * end / (1 + end)) / (m * n)
        assert abs(value - end) == pytest.approx(1.959963984540054 * math.sqrt(variance), abs=1e-9)
    low, high = newcombe_area(1.0, 20, 20)
    assert 0.7 < low < 1 and high == 1
    assert newcombe_area(0.0, 20, 20) == pytest.approx((0.0, 1 - low))


def test_edges() -> None:
    scores = np.arange(10.0)
    assert all(math.isnan(end) for end in delong(scores, np.ones(10)))
    assert all(math.isnan(end) for end in delong(np.array([]), np.array([])))
    assert math.isnan(delong(np.array([0.1, math.nan]), np.array([0, 1]))[0])
    value, low, high = delong(scores, scores >= 5)
    assert value == 1 and 0 < low < 1 and high == 1
    value, low, high = delong(np.zeros(10), scores >= 5)
    assert value == 0.5 and low < 0.5 < high
    value, low, _ = delong(np.array([0.0, 1.0, 2.0]), np.array([0, 1, 1]))
    assert value == 1 and math.isnan(low)
    low, high = delong(scores, scores < 5)[1:]
    assert low == 0 and 0 < high < 1


def test_influence_is_the_derivative() -> None:
    """Of the area, as one row weighs a little more: numerically."""
    scores, labels = sample(25, decimals=0)

    def weighted(weights: np.ndarray) -> float:
        above, below = labels == 1, labels == 0
        wins = (scores[above][:, None] > scores[below]) + 0.5 * (scores[above][:, None] == scores[below])
        both = weights[above][:, None] * weights[below]
        return float((wins * both).sum() / both.sum())

    found, step = binary(scores, labels).influence, 1e-6
    for row in range(25):
        weights = np.ones(25)
        weights[row] += step
        assert found[row] == pytest.approx((weighted(weights) - weighted(np.ones(25))) / step * 25, abs=1e-3)


def test_one_versus_rest_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    probs, target = rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200)
    area, occurring = one_versus_rest(probs, target)
    assert area.value == pytest.approx(roc_auc_score(target, probs, multi_class="ovr"), abs=1e-12)
    assert occurring == 4 and area.low < area.value < area.high
    assert area.influence.mean() == pytest.approx(0, abs=1e-12)
    few, occurring = one_versus_rest(probs, np.where(target == 3, 0, target))
    expected = [roc_auc_score(np.where(target == 3, 0, target) == k, probs[:, k]) for k in range(3)]
    assert few.value == pytest.approx(np.mean(expected)) and occurring == 3
    assert math.isnan(one_versus_rest(probs, np.zeros(200, dtype=np.int64))[0].value)
    assert math.isnan(one_versus_rest(np.zeros((0, 4)), np.zeros(0, dtype=np.int64))[0].value)


def test_join() -> None:
    """Of independent values the reaches add like errors; of the same value twice it is that value's."""
    values, lows, highs = np.array([0.5, 0.7]), np.array([0.4, 0.5]), np.array([0.8, 0.8])
    low, high = join(values, lows, highs, np.diag([2.0, 3.0]))
    assert (low, high) == pytest.approx((0.6 - math.hypot(0.1, 0.2) / 2, 0.6 + math.hypot(0.3, 0.1) / 2))
    assert join(values[[0, 0]], lows[[0, 0]], highs[[0, 0]], np.ones((2, 2))) == pytest.approx((0.4, 0.8))
    assert join(values, lows, highs, np.zeros((2, 2))) == pytest.approx((low, high))
