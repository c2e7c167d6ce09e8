"""The bootstrap: an interval for any function of row indices, rows or whole clusters drawn again."""

from collections.abc import Callable, Iterator

import numpy as np

BLOCKS = 200  # of the delete-a-block jackknife that measures the acceleration


def bootstrap(value: Callable[[np.ndarray], float], n: int, clusters: np.ndarray | None = None,
              repetitions: int = 1000, seed: int = 0) -> tuple[float, float]:
    """(low, high), 95%, bias-corrected and accelerated, of `value(indices)`; the same for the same seed.

    value      (any,) int64 indices of rows, with repeats -> a number; nan where it is undefined
    clusters   (n,) rows of one cluster are drawn together

    nan for fewer than two rows or clusters, and where more than a twentieth of the repetitions are undefined. With 30 clusters or
    fewer it covers less than 95% (tests/math/test_coverage.py); for a share or a mean influence.interval is better.
    Source: Efron 1987, JASA 82:171; clusters as Davison & Hinkley 1997, section 3.8.
    """
    groups = _groups(n, clusters)
    if len(groups) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    values = np.array([value(indices) for indices in _draws(groups, clusters is None, repetitions, rng)], dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 0.95 * repetitions or repetitions < 1:
        return np.nan, np.nan
    levels = _levels(value, groups, values, float(value(np.arange(n))))
    low, high = np.quantile(values, levels)
    return float(low), float(high)


def _groups(n: int, clusters: np.ndarray | None) -> list[np.ndarray]:
    """The rows of each thing that is drawn."""
    if clusters is None:
        return list(np.arange(n)[:, None])
    order = np.argsort(clusters, kind="stable")
    _, starts = np.unique(np.asarray(clusters)[order], return_index=True)
    return np.split(order, starts[1:])


def _draws(groups: list[np.ndarray], single: bool, repetitions: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(repetitions):
        drawn = rng.integers(0, len(groups), len(groups))
        yield drawn if single else np.concatenate([groups[group] for group in drawn])


def _levels(value: Callable[[np.ndarray], float], groups: list[np.ndarray], values: np.ndarray, whole: float) -> np.ndarray:
    """The two quantiles to read, moved for bias and acceleration; plain ones where a jackknife value is undefined."""
    from scipy.special import ndtr, ndtri

    below = np.mean(values < whole) + np.mean(values == whole) / 2  # ties count half: rates have few values
    bias = ndtri(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    left_out = np.array_split(np.arange(len(groups)), min(BLOCKS, len(groups)))
    kept = np.ones(len(groups), dtype=bool)
    jackknife = np.empty(len(left_out))
    for number, block in enumerate(left_out):
        kept[block] = False
        jackknife[number] = value(np.concatenate([groups[group] for group in np.flatnonzero(kept)]))
        kept[block] = True
    pulls = jackknife.mean() - jackknife
    spread = np.square(pulls).sum()
    acceleration = (pulls**3).sum() / (6 * spread**1.5) if np.isfinite(spread) and spread > 0 else 0.0
    moved = bias + np.array([-1.0, 1.0]) * 1.959963984540054
    return np.asarray(ndtr(bias + moved / (1 - acceleration * moved)))
