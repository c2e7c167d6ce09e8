"""F1 against scikit-learn, its influence against a derivative, and the edges."""

import math

import numpy as np
import pytest

from steelyard.math.overlap import confusion, f1_influence, f1_scores, macro_f1


def sample(n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    target = rng.choice(5, n, p=[0.4, 0.3, 0.15, 0.15, 0])
    return target, np.where(rng.random(n) < 0.7, target, rng.integers(0, 5, n))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_value_is_scikit_learns() -> None:
    from sklearn.metrics import confusion_matrix, f1_score

    target, guess = sample()
    value, low, high = macro_f1(target, guess)
    assert value == pytest.approx(f1_score(target, guess, average="macro"), abs=1e-12)
    assert 0 < low < value < high < 1
    assert (confusion(target, guess) == confusion_matrix(target, guess)).all()
    gap = np.where(target == 1, 7, target)  # a label that lies apart from the others
    assert macro_f1(gap, guess)[0] == pytest.approx(f1_score(gap, guess, average="macro"), abs=1e-12)


def test_influence_is_the_derivative() -> None:
    target, guess = sample(40)

    def weighted(weights: np.ndarray) -> float:
        scores = []
        for k in np.unique([target, guess]):
            hits = weights[(target == k) & (guess == k)].sum()
            scores.append(2 * hits / (weights[target == k].sum() + weights[guess == k].sum()))
        return float(np.mean(scores))

    found, step = f1_influence(target, guess, confusion(target, guess)), 1e-6
    assert found.mean() == pytest.approx(0, abs=1e-12)
    for row in range(40):
        weights = np.ones(40)
        weights[row] += step
        assert found[row] == pytest.approx((weighted(weights) - weighted(np.ones(40))) / step * 40, abs=1e-3)


def test_edges() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert all(math.isnan(end) for end in macro_f1(none, none))
    ones = np.ones(10, dtype=np.int64)
    value, low, high = macro_f1(ones, ones)
    assert value == 1 and 0.6 < low < 1 and high == 1
    value, low, high = macro_f1(ones, ones * 2)
    assert value == 0 and low == 0 and 0 < high < 0.4
    assert macro_f1(ones[:1], ones[:1])[0] == 1 and math.isnan(macro_f1(ones[:1], ones[:1])[1])
    rare = np.array([0] * 20 + [1] * 4)
    assert math.isnan(macro_f1(rare, rare)[1])
    assert f1_scores(confusion(rare, rare)).tolist() == [1, 1]


def test_clusters_widen() -> None:
    target, guess = sample()
    value, low, high = macro_f1(np.repeat(target, 4), np.repeat(guess, 4), np.repeat(np.arange(80), 4))
    alone = macro_f1(np.repeat(target, 4), np.repeat(guess, 4))
    assert high - low == pytest.approx(2 * (alone[2] - alone[1]), rel=0.05)
    assert math.isnan(macro_f1(target, guess, np.zeros(80))[1]) and value == pytest.approx(alone[0])
