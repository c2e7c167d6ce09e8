"""How often the 95% intervals cover, by simulation: 93 to 97% at n >= 100 and rates of 0.1 to 0.9; conservative ones more.

The fast form draws some hundred samples a case, the long one 10,000 (`pytest -m long -s tests/math/test_coverage.py` prints the
figures; those written beside the cases are from 10,000). A population is a large finite pool whose own value is the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from steelyard.facts import Quantity
from steelyard.math import intervals
from steelyard.math.calibration import overconfidence
from steelyard.math.multiple import two_proportions_p
from steelyard.math.resample import bootstrap
from steelyard.metrics.accuracy import Accuracy
from steelyard.metrics.calibration_error import CalibrationError
from steelyard.metrics.log_loss import LogLoss
from steelyard.metrics.macro_f1 import MacroF1
from steelyard.metrics.roc_auc import RocAuc
from steelyard.parts import Metric, Statistics

FAST, LONG = 300, 10_000
LEAST, MOST = 0.93, 0.97
RATES = (0.1, 0.3, 0.5, 0.7, 0.9)


def holds(covered: float, repetitions: int, conservative: bool) -> bool:
    """Within the limits, but for 3.5 standard errors of the simulation itself."""
    slack = 3.5 * (0.95 * 0.05 / repetitions) ** 0.5
    return covered >= LEAST - slack and (conservative or covered <= MOST + slack)


# ---------------------------------------------------------------- counts: vectorised, always in full

@pytest.mark.parametrize("n", [100, 200, 1000])
def test_wilson(n: int) -> None:
    """Exact, by the binomial distribution: the least over 801 rates is 0.9328 at n = 100, the mean 0.9503."""
    from scipy.stats import binom

    counts = np.arange(n + 1)
    low, high = intervals.wilson(counts, np.full(n + 1, n))
    covered = [binom.pmf(counts, n, p)[(low <= p) & (p <= high)].sum() for p in np.linspace(0.1, 0.9, 801)]
    assert min(covered) >= LEAST and max(covered) <= MOST


@pytest.mark.parametrize("sizes", [(100, 100), (100, 400), (1000, 150)])
def test_newcombe_and_ratio(sizes: tuple[int, int]) -> None:
    """Over 25 pairs of rates: newcombe 0.939 to 0.956, ratio 0.945 to 0.956."""
    rng, repetitions = np.random.default_rng(1), 10_000
    for p1 in RATES:
        for p2 in RATES:
            s1, s2 = rng.binomial(sizes[0], p1, repetitions), rng.binomial(sizes[1], p2, repetitions)
            low, high = intervals.newcombe(s1, sizes[0], s2, sizes[1])
            assert holds(float(((low <= p1 - p2) & (p1 - p2 <= high)).mean()), repetitions, conservative=False)
            low, high = intervals.ratio(s1, sizes[0], s2, sizes[1])
            assert holds(float(((low <= p1 / p2) & (p1 / p2 <= high)).mean()), repetitions, conservative=False)


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_paired_difference(n: int) -> None:
    """Conservative where the two models rarely differ (to 0.988 at n = 100); the least is 0.935."""
    rng, repetitions = np.random.default_rng(2), 20_000
    for only_a, only_b in ((0.09, 0.09), (0.081, 0.031), (0.039, 0.0), (0.125, 0.125), (0.81, 0.01), (0.007, 0.027), (0.02, 0.02)):
        draws = rng.multinomial(n, [only_a, only_b, 1 - only_a - only_b], repetitions)
        low, high = intervals.bonett_price(draws[:, 0], draws[:, 1], n)
        assert holds(float(((low <= only_a - only_b) & (only_a - only_b <= high)).mean()), repetitions, conservative=True)


def test_two_proportions_p() -> None:
    """No more than 5.7% false alarms, exact over all tables of 100 and 60 rows (0.3 to 5.6% at these rates)."""
    from scipy.stats import binom

    rejected = np.array([[two_proportions_p(s1, 100, s2, 60) <= 0.05 for s2 in range(61)] for s1 in range(101)])
    for p in (0.01, 0.05, 0.1, 0.3, 0.5, 0.9, 0.98):
        chance = np.outer(binom.pmf(np.arange(101), 100, p), binom.pmf(np.arange(61), 60, p))
        assert chance[rejected].sum() <= 0.057


# ---------------------------------------------------------------- metrics, on pools of rows

def pool(classes: int, strength: float, temperature: float = 1.0, hard: float = 0.0, prior: tuple[float, ...] = (),
         size: int = 60_000) -> Statistics:
    """A population: logits of noise, the true class's raised by `strength` but in a share of `hard` rows, then sharpened."""
    rng = np.random.default_rng(3)
    target = rng.choice(classes, size, p=prior or None)
    logits = rng.normal(size=(size, classes))
    logits[np.arange(size), target] += strength * (rng.random(size) >= hard)
    raised = np.exp(temperature * (logits - logits.max(axis=1, keepdims=True)))
    probs = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    return {"target": target, "guess": probs.argmax(axis=1), "probs": probs}


def calibrated(size: int = 60_000) -> Statistics:
    """A population of two classes whose probabilities are true."""
    rng = np.random.default_rng(4)
    second = rng.beta(0.7, 0.7, size)
    probs = np.stack([1 - second, second], axis=1).astype(np.float32)
    return {"target": (rng.random(size) < second).astype(np.int64), "guess": probs.argmax(axis=1), "probs": probs}


@dataclass(frozen=True)
class Case:
    """A metric, a population, a sample's size; and what 10,000 samples gave."""

    metric: Metric
    population: Callable[[], Statistics]
    n: int
    measured: float
    conservative: bool = False


RARE = (0.02, 0.05, 0.13, 0.2, 0.2, 0.4)
CASES = {
    "f1, 2 classes, accuracy 0.92": Case(MacroF1(), lambda: pool(2, 2), 100, 0.9606),
    "f1, 2 classes, one of 10%": Case(MacroF1(), lambda: pool(2, 2, prior=(0.1, 0.9)), 100, 0.9677, True),
    "f1, 2 classes, worse than chance": Case(MacroF1(), lambda: pool(2, -1.8), 100, 0.9668),
    "f1, 3 classes": Case(MacroF1(), lambda: pool(3, 1, prior=(0.6, 0.3, 0.1)), 150, 0.9518),
    "f1, 6 classes, rare ones": Case(MacroF1(), lambda: pool(6, 3, prior=RARE), 500, 0.9638, True),
    "f1, 10 classes, accuracy 0.9": Case(MacroF1(), lambda: pool(10, 3), 200, 0.9595),
    "f1, 10 classes, accuracy 0.34": Case(MacroF1(), lambda: pool(10, 1), 200, 0.9525),
    "f1, 10 classes, n = 1000": Case(MacroF1(), lambda: pool(10, 3), 1000, 0.9574),
    "auc, 0.5": Case(RocAuc(), lambda: pool(2, 0), 100, 0.9583),
    "auc, 0.76": Case(RocAuc(), lambda: pool(2, 0.7), 100, 0.959),
    "auc, 0.92, one class of 10%": Case(RocAuc(), lambda: pool(2, 1.4, prior=(0.9, 0.1)), 200, 0.9815, True),
    "auc, 0.1": Case(RocAuc(), lambda: pool(2, -1.3), 100, 0.9685, True),
    "auc, some rows at random": Case(RocAuc(), lambda: pool(2, 3, hard=0.2), 100, 0.9794, True),
    "auc, 3 classes": Case(RocAuc(), lambda: pool(3, 1), 100, 0.9638, True),
    "auc, 6 classes, rare ones, some at random": Case(RocAuc(), lambda: pool(6, 2, hard=0.1, prior=RARE), 500, 0.9786, True),
    "auc, 10 classes, accuracy 0.9": Case(RocAuc(), lambda: pool(10, 3), 200, 0.9786, True),
    "auc, 10 classes, accuracy 0.2": Case(RocAuc(), lambda: pool(10, 0.5), 200, 0.9617, True),
    "log loss, 2 classes, accuracy 0.5": Case(LogLoss(), lambda: pool(2, 0), 100, 0.9533),
    "log loss, 2 classes, accuracy 0.76": Case(LogLoss(), lambda: pool(2, 1), 100, 0.9508),
    "log loss, 2 classes, accuracy 0.92": Case(LogLoss(), lambda: pool(2, 2), 100, 0.9485),
    "log loss, accuracy 0.92, much too sure": Case(LogLoss(), lambda: pool(2, 2, temperature=8), 100, 0.9737, True),
    "log loss, 10 classes, accuracy 0.9, too sure": Case(LogLoss(), lambda: pool(10, 3, temperature=3), 100, 0.956, True),
    "log loss, accuracy 0.1": Case(LogLoss(), lambda: pool(2, -1.8), 100, 0.9525),
    "log loss, n = 1000": Case(LogLoss(), lambda: pool(2, 2, temperature=3), 1000, 0.953),
    "calibration, perfect": Case(CalibrationError(), calibrated, 100, 0.9938, True),
    "calibration, perfect, n = 1000": Case(CalibrationError(), calibrated, 1000, 0.9827, True),
    "calibration, too sure": Case(CalibrationError(), lambda: pool(2, 1, temperature=4), 300, 0.9911, True),
    "calibration, 10 classes, unsure": Case(CalibrationError(), lambda: pool(10, 3), 300, 0.9987, True),
    "calibration, 10 classes, n = 1000": Case(CalibrationError(), lambda: pool(10, 1, temperature=2), 1000, 0.9762, True),
}


def inside(quantity: Quantity, truth: float) -> bool | None:
    """Whether the interval covers; None where there is no interval."""
    return None if quantity.low is None or quantity.high is None else quantity.low <= truth <= quantity.high


def covered_share(case: Case, repetitions: int) -> float:
    """Of `repetitions` samples those that have an interval and cover; at least nine in ten have one."""
    population, rng = case.population(), np.random.default_rng(5)
    truth, hits = case.metric.value(population), []
    for _ in range(repetitions):
        rows = rng.integers(0, len(population["target"]), case.n)
        hits.append(inside(case.metric.quantity({name: column[rows] for name, column in population.items()}), truth))
    known = [hit for hit in hits if hit is not None]
    assert len(known) >= 0.9 * repetitions
    return float(np.mean(known))


@pytest.mark.parametrize("name", CASES)
def test_metric(name: str) -> None:
    covered = covered_share(CASES[name], FAST)
    assert holds(covered, FAST, CASES[name].conservative), covered


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_metric_in_full(name: str) -> None:
    covered = covered_share(CASES[name], LONG)
    print(f"\n{name}, n = {CASES[name].n}: {covered:.4f}")
    assert holds(covered, LONG, CASES[name].conservative), covered
    assert covered == pytest.approx(CASES[name].measured, abs=0.01)  # another method would show


# ---------------------------------------------------------------- means and clusters

def clustered(rng: np.random.Generator, number: int, size: int, rate: float, likeness: float) -> tuple[np.ndarray, np.ndarray]:
    """right (rows,) and clusters (rows,): each cluster has its own rate, of intraclass correlation `likeness`."""
    total = (1 - likeness) / likeness
    rates = rng.beta(rate * total, (1 - rate) * total, number)
    clusters = np.repeat(np.arange(number), size)
    return rng.random(len(clusters)) < rates[clusters], clusters


CLUSTERED = {  # (clusters, rows each, rate, likeness) -> measured
    (30, 20, 0.9, 0.2): 0.954,
    (30, 20, 0.5, 0.2): 0.9579,
    (10, 30, 0.8, 0.1): 0.9593,
    (100, 5, 0.9, 0.3): 0.9611,
    (15, 20, 0.9, 0.2): 0.9532,
}


def share_of_clusters(design: tuple[int, int, float, float], repetitions: int, blind: bool = False) -> float:
    """How often the accuracy's interval covers; `blind` forgets the clusters."""
    rng, hits = np.random.default_rng(6), []
    for _ in range(repetitions):
        right, clusters = clustered(rng, *design)
        statistics = {"target": np.ones(len(right), dtype=np.int64), "guess": right.astype(np.int64)}
        hits.append(inside(Accuracy().quantity(statistics, None if blind else clusters), design[2]))
    return float(np.mean([bool(hit) for hit in hits]))


@pytest.mark.parametrize("design", CLUSTERED)
def test_clusters(design: tuple[int, int, float, float]) -> None:
    assert holds(share_of_clusters(design, FAST), FAST, conservative=True)


def test_rows_that_are_no_rows_of_their_own_cover_too_little() -> None:
    """Forgetting the clusters (30 of 20) is what the other form is for: some 65%."""
    assert share_of_clusters((30, 20, 0.7, 0.2), FAST, blind=True) < 0.75


@pytest.mark.long
@pytest.mark.parametrize("design", CLUSTERED)
def test_clusters_in_full(design: tuple[int, int, float, float]) -> None:
    covered = share_of_clusters(design, LONG)
    print(f"\nclusters {design}: {covered:.4f}")
    assert covered == pytest.approx(CLUSTERED[design], abs=0.01) and holds(covered, LONG, conservative=True)


def group_statistics(rng: np.random.Generator, number: int, size: int) -> tuple[Statistics, np.ndarray]:
    """Three classes, clusters whose rows are easy or hard together."""
    clusters = np.repeat(np.arange(number), size)
    target = rng.integers(0, 3, len(clusters))
    logits = rng.normal(size=(len(clusters), 3))
    logits[np.arange(len(clusters)), target] += 1.2 + rng.normal(size=number)[clusters]
    raised = np.exp(logits)
    probs = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    return {"target": target, "guess": probs.argmax(axis=1), "probs": probs}, clusters


def metric_of_clusters(metric: Metric, repetitions: int) -> float:
    rng = np.random.default_rng(7)
    truth, hits = metric.value(group_statistics(rng, 40_000, 5)[0]), []
    for _ in range(repetitions):
        statistics, clusters = group_statistics(rng, 30, 20)
        hits.append(bool(inside(metric.quantity(statistics, clusters), truth)))
    return float(np.mean(hits))


@pytest.mark.parametrize("metric", [MacroF1(), RocAuc(), LogLoss()], ids=lambda metric: metric.name)
def test_metric_of_clusters(metric: Metric) -> None:
    """30 clusters of 20; measured: macro-f1 0.954, roc-auc 0.9574, log-loss 0.9547."""
    assert holds(metric_of_clusters(metric, FAST), FAST, conservative=True)


@pytest.mark.long
@pytest.mark.parametrize("metric", [MacroF1(), RocAuc(), LogLoss()], ids=lambda metric: metric.name)
def test_metric_of_clusters_in_full(metric: Metric) -> None:
    covered = metric_of_clusters(metric, LONG)
    print(f"\n{metric.name} of clusters: {covered:.4f}")
    assert holds(covered, LONG, conservative=True)


@pytest.mark.parametrize("rate", RATES)
def test_overconfidence(rate: float) -> None:
    """Confidence minus accuracy; 0.945 to 0.953."""
    rng, hits = np.random.default_rng(8), []
    for _ in range(4000):
        confidence = rng.beta(20 * rate, 20 * (1 - rate), 100)
        _, low, high = overconfidence(confidence, rng.random(100) < rate)
        hits.append(low <= 0 <= high)
    assert holds(float(np.mean(hits)), 4000, conservative=False)


def bootstrap_share(repetitions: int) -> float:
    """A standard deviation of 100 normal values; measured over 4,000: 0.936."""
    rng, hits = np.random.default_rng(10), []
    for repetition in range(repetitions):
        values = rng.normal(size=100)

        def spread(rows: np.ndarray, values: np.ndarray = values) -> float:
            return float(values[rows].std())

        low, high = bootstrap(spread, 100, repetitions=300, seed=repetition)
        hits.append(low <= 1 <= high)
    return float(np.mean(hits))


@pytest.mark.long
def test_bootstrap_in_full() -> None:
    covered = bootstrap_share(4000)
    print(f"\nbootstrap of a standard deviation: {covered:.4f}")
    assert covered > 0.92
