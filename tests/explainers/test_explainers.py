"""Both methods on models whose explanation is known."""

import numpy as np
import pytest

from steelyard.explainers.integrated_gradients import IntegratedGradients
from steelyard.explainers.occlusion import Occlusion
from steelyard.parts import Units


class Linear:
    """log_prob = sum of weight x input, by target: what each unit gives is known exactly. Hiding writes the base."""

    name, ways = "linear", ("base", "zero")

    def __init__(self, weights, base=0.0, power=1):
        self.weights, self.base, self.power = weights, base, power  # (targets, positions)
        self.task, self.processor = self, None

    def hide(self, example, units, hidden, way, processor):
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        return {"x": np.where(gone, self.base if way == "base" else 0.0, example["x"])}

    def log_prob(self, examples, targets):
        x = np.stack([one["x"] for one in examples])
        return (self.weights[np.array(targets)] * x**self.power).sum(axis=tuple(range(1, x.ndim)))

    def path_gradients(self, example, start, target, steps):
        at = (np.arange(steps) + 0.5) / steps
        way = example["x"] - start["x"]
        points = start["x"] + at.reshape(-1, *[1] * way.ndim) * way
        return way * (self.weights[target] * self.power * points ** (self.power - 1)).mean(axis=0)


def places(n):
    return tuple((i, i + 1) for i in range(n))


@pytest.mark.parametrize("base", [0.0, 0.5])
def test_integrated_gradients_of_a_linear_model_is_weight_times_input(base):
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(3, 6)), rng.normal(size=6)
    units = Units(np.array([0, 0, 1, -1, 2, 3]), places(4))
    got = IntegratedGradients().explain(Linear(weights, base), {"x": x}, units, 2)
    one = weights[2] * (x - base)
    np.testing.assert_allclose(got, [one[0] + one[1], one[2], one[4], one[5]], atol=1e-12)


@pytest.mark.parametrize("base", [0.0, 0.5])
def test_occlusion_of_a_linear_model_is_its_drop(base):
    rng = np.random.default_rng(1)
    weights, x = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 3))
    units = Units(np.array([[0, 0, 1], [2, 2, 1]]), ((0, 0, 2, 1), (2, 0, 3, 2), (0, 1, 2, 2)))
    got = Occlusion().explain(Linear(weights, base), {"x": x}, units, 1)
    drop = weights[1] * (x - base)
    np.testing.assert_allclose(got, [drop[0, 0] + drop[0, 1], drop[0, 2] + drop[1, 2], drop[1, 0] + drop[1, 1]], atol=1e-12)


def test_integrated_gradients_sum_to_what_is_lost_on_a_curved_model():
    rng = np.random.default_rng(2)
    door = Linear(rng.normal(size=(1, 8)), base=0.1, power=3)
    x, units = {"x": rng.normal(size=8)}, Units(np.arange(8), places(8))
    scores = IntegratedGradients().explain(door, x, units, 0)
    gone = door.hide(x, units, np.ones(8, dtype=bool), "base", None)
    lost = np.subtract(*door.log_prob([x, gone], [0, 0]))
    assert scores.sum() == pytest.approx(lost, rel=2e-3)


def test_one_unit_and_targets_of_more_than_one_number():
    class Span(Linear):
        def log_prob(self, examples, targets):
            assert targets == [(0, 7)] * len(examples)
            return super().log_prob(examples, [start for start, _ in targets])

    got = Occlusion().explain(Span(np.array([[2.0]])), {"x": np.array([3.0])}, Units(np.array([0]), places(1)), (0, 7))
    assert got.tolist() == [6.0]


def test_each_knows_the_way_that_made_it():
    assert Occlusion.way == 0
    assert IntegratedGradients.way is None
