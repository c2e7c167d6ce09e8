"""The metrics against scikit-learn, and what they say where they are not defined."""

import json
import math
import time

import numpy as np
import pytest

from steelyard import catalog
from steelyard.metrics.accuracy import Accuracy
from steelyard.metrics.calibration_error import CalibrationError
from steelyard.metrics.log_loss import LogLoss
from steelyard.metrics.macro_f1 import MacroF1
from steelyard.metrics.roc_auc import RocAuc
from steelyard.parts import Metric, Statistics

ALL: list[Metric] = [Accuracy(), MacroF1(), RocAuc(), LogLoss(), CalibrationError()]
PROBABLE: list[Metric] = [RocAuc(), LogLoss(), CalibrationError()]


def sample(n: int, classes: int, seed: int = 0) -> Statistics:
    rng = np.random.default_rng(seed)
    target, probs = rng.integers(0, classes, n), rng.dirichlet(np.ones(classes), n).astype(np.float32)
    better = rng.random(n) < 0.6
    probs[better, target[better]] += 1
    probs /= probs.sum(axis=1, keepdims=True)
    return {"target": target, "guess": probs.argmax(axis=1), "probs": probs}


def name(metric: Metric) -> str:
    return metric.name


def test_the_catalogue_finds_them() -> None:
    assert {type(metric) for metric in ALL} <= set(catalog.every("metrics"))


@pytest.mark.parametrize("classes", [2, 4])
def test_scikit_learn_agrees(classes: int) -> None:
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

    statistics = sample(300, classes)
    target, guess, probs = statistics["target"], statistics["guess"], statistics["probs"].astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    area = roc_auc_score(target, statistics["probs"][:, 1]) if classes == 2 else roc_auc_score(target, probs, multi_class="ovr")
    assert Accuracy().value(statistics) == pytest.approx(accuracy_score(target, guess))
    assert MacroF1().value(statistics) == pytest.approx(f1_score(target, guess, average="macro"))
    assert RocAuc().value(statistics) == pytest.approx(area, abs=1e-6)
    assert LogLoss().value(statistics) == pytest.approx(log_loss(target, probs), abs=1e-6)


def test_log_loss_of_a_certain_error_is_finite() -> None:
    from sklearn.metrics import log_loss

    probs = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    statistics: Statistics = {"target": np.array([0, 1, 0]), "guess": np.array([0, 1, 1]), "probs": probs}
    assert LogLoss().value(statistics) == pytest.approx(log_loss([0, 1, 0], probs), rel=1e-6)


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_interval_holds_the_value(metric: Metric) -> None:
    for classes in (2, 4):
        statistics = sample(300, classes)
        for clusters in (None, np.arange(300) // 10):
            found = metric.quantity(statistics, clusters)
            assert found.value == metric.value(statistics) and found.n == 300
            assert found.unit == metric.unit and found.better == metric.better
            if found.low is None or found.high is None:
                assert found.how.startswith("no interval: ") and metric.name == "calibration-error"
            else:
                assert found.low < found.value < found.high and found.how
                assert clusters is None or "30 clusters" in found.how
            json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_nothing_and_one_row(metric: Metric) -> None:
    none = sample(0, 3)
    assert math.isnan(metric.value(none))
    found = metric.quantity(none)
    assert found.value is None and found.why is not None and found.n == 0 and "no rows" in str(found.why)
    assert metric.quantity(none, np.array([])).value is None
    one = metric.quantity(sample(1, 3))
    assert one.n == 1 and (one.value is not None or metric.name == "roc-auc")
    assert one.low is None or metric.name == "accuracy"


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_one_cluster_has_no_interval(metric: Metric) -> None:
    found = metric.quantity(sample(50, 2), np.zeros(50, dtype=np.int64))
    assert found.value is not None and found.low is None and found.how.startswith("no interval: ")


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", PROBABLE, ids=name)
def test_nan_probabilities_are_not_zero(metric: Metric, classes: int) -> None:
    statistics = sample(50, classes)
    statistics["probs"][3, 0] = np.nan
    found = metric.quantity(statistics)
    assert math.isnan(metric.value(statistics)) and found.value is None and "NaN" in str(found.why)


def test_one_class_cannot_be_ranked() -> None:
    for classes in (2, 4):
        statistics = {**sample(50, classes), "target": np.ones(50, dtype=np.int64)}
        found = RocAuc().quantity(statistics)
        assert found.value is None and "one class" in str(found.why)
        assert LogLoss().quantity(statistics).value is not None


def test_a_class_that_does_not_occur_is_said() -> None:
    statistics = sample(200, 4)
    statistics = {**statistics, "target": np.where(statistics["target"] == 3, 0, statistics["target"])}
    assert "3 of 4 classes" in RocAuc().quantity(statistics).how


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_large_sets_are_quick(metric: Metric) -> None:
    """10,000 rows of 10 classes: some 30 ms; a second is a fault."""
    statistics = sample(10_000, 10)
    metric.quantity(sample(20, 2))  # scipy's import is not the metric's
    start = time.perf_counter()
    metric.quantity(statistics)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_order_does_not_matter(metric: Metric) -> None:
    statistics, order = sample(120, 3), np.random.default_rng(1).permutation(120)
    shuffled = {key: column[order] for key, column in statistics.items()}
    a, b = metric.quantity(statistics), metric.quantity(shuffled)
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)
