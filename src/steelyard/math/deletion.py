"""How much an answer suffers when the units that a map points at are hidden, and the maps that a map must beat.

A *map* gives each unit of a row (a word, a patch) a score: higher is more. Numpy only; nothing here knows a model.
"""

from collections.abc import Sequence

import numpy as np

SHARES = (0.1, 0.2, 0.3)  # of a row's units that are hidden

Places = Sequence[tuple[int, ...]]  # of a row's units: (start, end) characters or (left, top, right, bottom) pixels


def counts(num_units: int, shares: Sequence[float] = SHARES) -> np.ndarray:
    """(shares,) int64: how many units each share is, rounded half up; at least 1, at most all."""
    return np.clip((np.asarray(shares) * num_units + 0.5 + 1e-9).astype(np.int64), 1, num_units)  # 0.3 * 5 is below 1.5


def hidden(scores: np.ndarray, ties: np.ndarray, shares: Sequence[float] = SHARES) -> np.ndarray:
    """(maps, shares, units) bool: the units of the highest scores, which are hidden.

    scores  (maps, units) float
    ties    (units,) float: of equal scores the higher one of these goes first. The same for all maps of a row, so that
            equal maps hide the same; drawn, so that a map with many equal scores does not point at the upper left

    Raises ValueError on a score that is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a map has a score that is no finite number")
    order = np.lexsort((np.broadcast_to(-ties, scores.shape), -scores), axis=-1)
    rank = np.argsort(order, axis=-1)
    return np.asarray(rank[:, None, :] < counts(scores.shape[1], shares)[None, :, None])


def effect(full: float, without: np.ndarray) -> np.ndarray:
    """(maps,) nats: how much log probability the answer loses, on average over the shares.

    full     log probability of the answer with everything there
    without  (maps, shares) with the units of `hidden` gone

    Source: deletion as in Samek et al. 2017, arXiv:1509.06321, and Petsiuk et al. 2018, arXiv:1806.07421, at a few shares.
    """
    return np.asarray(full - np.asarray(without, dtype=np.float64).mean(axis=-1))


def unit_norm(scores: np.ndarray) -> np.ndarray:
    """The map with a sum of squares of 1, so that loud rows do not drown the others in a mean; zeros stay."""
    largest = np.abs(scores).max(initial=0.0)
    if largest == 0:
        return np.zeros(len(scores))
    scaled = np.asarray(scores, dtype=np.float64) / largest  # squares of tiny and of huge scores would leave the floats
    return np.asarray(scaled / np.sqrt((scaled**2).sum()))


def positions(places: Places) -> np.ndarray:
    """(units, 1 or 2) in [0, 1]: where a unit lies in its row; words by their number, patches by their middle."""
    if not places or len(places[0]) == 2:
        return (np.arange(len(places))[:, None] + 0.5) / max(1, len(places))
    boxes = np.asarray(places, dtype=np.float64)
    width, height = boxes[:, 2].max(), boxes[:, 3].max()
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2 / width, (boxes[:, 1] + boxes[:, 3]) / 2 / height], axis=1)


def nearest(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(target units,) int64: for each position the number of the nearest one of `source`, the first of several."""
    return np.asarray(((target[:, None, :] - source[None, :, :]) ** 2).sum(axis=2).argmin(axis=1))


def carried(scores: np.ndarray, source: Places, target: Places) -> np.ndarray:
    """(target units,) another row's map, laid over this row by relative position."""
    return np.asarray(scores[nearest(positions(source), positions(target))])


def mean_of_others(maps: Sequence[np.ndarray], places: Sequence[Places]) -> list[np.ndarray]:
    """For each row the mean of all other rows' maps (of unit norm), laid over it by relative position; one row: zeros."""
    at = [positions(one) for one in places]
    shapes = {one.tobytes(): one for one in at}
    scaled = [unit_norm(scores) for scores in maps]
    total = {}
    for key, target in shapes.items():
        index = {other: nearest(source, target) for other, source in shapes.items()}
        total[key] = np.sum([s[index[one.tobytes()]] for s, one in zip(scaled, at, strict=True)], axis=0)
    others = max(1, len(maps) - 1)
    if len(maps) == 1:
        return [np.zeros(len(maps[0]))]
    return [(total[one.tobytes()] - s) / others for s, one in zip(scaled, at, strict=True)]


def permuted(scores: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, units) the same values in another order."""
    return rng.permuted(np.tile(np.asarray(scores, dtype=np.float64), (draws, 1)), axis=1)
