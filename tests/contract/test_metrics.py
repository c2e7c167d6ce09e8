"""What every metric must hold: no row, one row, any order of rows, and an interval around its value."""

import numpy as np
import pytest

from steelyard import catalog
from steelyard.parts import Metric


def classes(n: int, seed: int = 0):
    """Four classes; the guess is the likeliest."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 4, n)
    logits = rng.normal(size=(n, 4)) + 1.5 * np.eye(4)[target]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {"target": target, "guess": probs.argmax(axis=1), "probs": probs.astype(np.float32)}


MADE = {"classes": classes}  # the tasks' outputs -> statistics of that form
USES = sorted({(metric, task.output) for task in catalog.every("tasks") for metric in task.metrics})


@pytest.fixture(params=USES, ids="-".join)
def use(request):
    metric, output = request.param
    return catalog.load("metrics", metric, "test")(), MADE[output]


def take(statistics, chosen):
    return {name: values[chosen] for name, values in statistics.items()}


@pytest.mark.parametrize("name", catalog.names("metrics"))
def test_it_says_what_it_is(name):
    part = catalog.load("metrics", name, "test")
    assert part.name == name and issubclass(part, Metric) and part.help and part.unit and part.better in ("higher", "lower", "")


def test_no_rows(use):
    metric, made = use
    none = take(made(5), slice(0, 0))
    assert np.isnan(metric.value(none))
    quantity = metric.quantity(none)
    assert quantity.value is None and quantity.n == 0 and quantity.why is not None


def test_one_row(use):
    metric, made = use
    quantity = metric.quantity(made(1))
    assert quantity.n == 1 and quantity.unit == metric.unit
    assert (quantity.value is None) == np.isnan(metric.value(made(1)))


def test_the_order_of_rows_does_not_matter(use):
    metric, made = use
    statistics = made(200)
    shuffled = take(statistics, np.random.default_rng(1).permutation(200))
    assert metric.value(shuffled) == pytest.approx(metric.value(statistics), abs=1e-12)


def test_the_interval_holds_the_value_and_narrows(use):
    metric, made = use
    few, many = metric.quantity(made(100)), metric.quantity(made(2000))
    for quantity, n in ((few, 100), (many, 2000)):
        assert quantity.low <= quantity.value <= quantity.high and quantity.n == n and quantity.how
    assert many.high - many.low < few.high - few.low
    assert metric.quantity(made(100)) == few, "the same seed gives the same interval"


def test_clusters_widen_it(use):
    metric, made = use
    copied = take(made(60), np.repeat(np.arange(60), 10))
    narrow, wide = metric.quantity(copied), metric.quantity(copied, clusters=np.repeat(np.arange(60), 10))
    assert wide.value == pytest.approx(narrow.value)
    if wide.low is None:  # too few clusters for this measure: that is said, not guessed
        assert wide.how.startswith("no interval: ")
    else:
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_better_answers_score_better(use):
    metric, made = use
    statistics = made(300)
    perfect = {**statistics, "guess": statistics["target"], "probs": np.eye(4, dtype=np.float32)[statistics["target"]] * 0.97 + 0.0075}
    gain = metric.value(perfect) - metric.value(statistics)
    assert gain > 0 if metric.better == "higher" else gain < 0
