"""What every metric must hold on each task's own statistics: no row, one row, any order, an interval around its value."""

import numpy as np
import pytest

from steelyard import catalog
from steelyard.parts import Metric

USES = sorted((metric, task.name) for task in catalog.every("tasks") for metric in task.metrics)


@pytest.fixture(params=USES, ids="-".join)
def use(request, jobs):
    """Each metric of each task, with statistics as that task measures them."""
    metric, name = request.param
    task = catalog.load("tasks", name, "test")
    return catalog.load("metrics", metric, "test")(), jobs(name, task.tiny["model"]["family"]).statistics


def take(statistics, chosen):
    return {name: values[chosen] for name, values in statistics.items()}


@pytest.mark.parametrize("name", catalog.names("metrics"))
def test_it_says_what_it_is(name):
    part = catalog.load("metrics", name, "test")
    assert part.name == name and issubclass(part, Metric) and part.help and part.unit and part.better in ("higher", "lower", "")


def test_no_rows(use):
    metric, statistics = use
    none = take(statistics, slice(0, 0))
    assert np.isnan(metric.value(none))
    quantity = metric.quantity(none)
    assert quantity.value is None and quantity.n == 0 and quantity.why is not None


def test_one_row(use):
    metric, statistics = use
    one = take(statistics, slice(0, 1))
    quantity = metric.quantity(one)
    assert quantity.n == 1 and quantity.unit == metric.unit
    assert (quantity.value is None) == np.isnan(metric.value(one))


def test_the_order_of_rows_does_not_matter(use):
    metric, statistics = use
    shuffled = take(statistics, np.random.default_rng(1).permutation(len(next(iter(statistics.values())))))
    assert metric.value(shuffled) == pytest.approx(metric.value(statistics), abs=1e-12, nan_ok=True)


def test_the_interval_holds_the_value_and_narrows(use):
    metric, statistics = use
    few, many = metric.quantity(take(statistics, slice(0, 60))), metric.quantity(statistics)
    if many.value is None:  # nothing of the kind in the tiny set (large boxes, say): that is said
        assert many.why is not None and np.isnan(metric.value(statistics))
        return
    assert many.low <= many.value <= many.high and many.how and many.better == metric.better
    assert many.n == len(next(iter(statistics.values())))
    assert metric.quantity(statistics) == many, "the same rows and seed give the same interval"
    if few.low is None:  # too few rows for this measure: that is said, not guessed
        assert few.how.startswith("no interval: ") or few.why is not None
    else:
        assert few.low <= few.value <= few.high and many.high - many.low < few.high - few.low


def test_clusters_widen_it(use):
    metric, statistics = use
    copied = take(statistics, np.repeat(np.arange(60), 10))
    narrow, wide = metric.quantity(copied), metric.quantity(copied, clusters=np.repeat(np.arange(60), 10))
    if narrow.value is None:
        assert wide.value is None
        return
    assert wide.value == pytest.approx(narrow.value)
    if wide.low is None:
        assert wide.how.startswith("no interval: ")
    else:
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
