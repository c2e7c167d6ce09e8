"""Judging maps: does hiding what a map points at cost the answer more than hiding what each control points at?

A map is worth publishing only where it beats every control under every way of hiding. Which control catches what:

nothing            hiding what the map points at costs the answer nothing at all
permuted           the values are right, the places are not: random maps
another-row        a map that says nothing of this row: blobs, priors, the training set's variance
mean-of-others     the same, without the other row's noise
mean x NAME        such a prior times the row's ink, length, rarity...
surface:NAME       the row's own ink, edges, length, rarity, the prior of position that its task names, and (of pictures) what is
                   unusual in it, alone, times the spread and over it: the training set's variance, and whatever rises with it
random-twin        everything that a model of this shape with random weights gives too, so all that ignores the model
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.math import deletion
from steelyard.math.intervals import mean
from steelyard.parts import Door, Example, Explainer, Row, Target, Units

DRAWS = 3  # of the controls that are drawn: permuted and another-row; their effects are averaged
MOST_BYTES = 64 * 2**20  # of hidden examples in one call of the door
MOST_EXAMPLES = 4096

Maps = Sequence[np.ndarray]  # (units,) a row


@dataclass(frozen=True)
class Subject:
    """A row that is explained: its number in the judged set, its first example, and the answer as a target."""

    index: int
    row: Row
    example: Example
    units: Units
    target: Target


@dataclass(frozen=True)
class Candidate:
    """Maps that want to be published: a method's, one a subject.

    twin  the same method's maps of the random-weight twin
    ways  the ways of hiding that judge: never the one that made the maps
    """

    maps: Maps
    twin: Maps
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One comparison: effect of the map minus effect of the control, mean over n rows, with its 95% interval (nats)."""

    way: str
    control: str
    difference: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, object]:
        """JSON values, in the order of the fields."""
        return {"way": self.way, "control": self.control, "difference": self.difference, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True)
class Verdict:
    """What came out for one candidate.

    effects  way -> (rows,) nats
    table    a line for each way and control
    """

    effects: Mapping[str, np.ndarray]
    table: tuple[Line, ...]

    @property
    def published(self) -> bool:
        """Every control is beaten under every way: no lower bound at or below zero."""
        return bool(self.table) and all(line.low > 0 for line in self.table)

    def worst(self, way: str | None = None) -> Line:
        """The line with the smallest lower bound, of one way or of all. Raises ValueError where there is none."""
        return min((line for line in self.table if way in (None, line.way)), key=lambda line: line.low)


def explain(explainer: Explainer, door: Door, subjects: Sequence[Subject]) -> list[np.ndarray]:
    """The method's maps, (units,) a subject. Raises ValueError where the method gives another shape."""
    maps = []
    for subject in subjects:
        scores = np.asarray(explainer.explain(door, subject.example, subject.units, subject.target), dtype=np.float64)
        if scores.shape != (len(subject.units),):
            raise ValueError(f"{explainer.name} gave scores of shape {scores.shape} for {len(subject.units)} units")
        maps.append(scores)
    return maps


def unusual(subjects: Sequence[Subject]) -> dict[str, list[np.ndarray]]:
    """How far each unit is from the mean of all subjects at its place, in units of their spread to the power of 1, 0 and -1.

    For inputs that are all of one shape and divided in one way (pictures); for others nothing. It says what about a row is
    out of the ordinary, and where rows differ at all: a good guess at what any model leans on, made without one.
    """
    of = subjects[0].units.of
    if any(one.units.of.shape != of.shape or (one.units.of != of).any() for one in subjects):
        return {}
    fields = [name for name, array in subjects[0].example.items() if array.ndim >= of.ndim > 1 and array.shape[-of.ndim :] == of.shape]
    if not fields or any(one.example[name].shape != subjects[0].example[name].shape for one in subjects for name in fields):
        return {}
    inside = of >= 0
    sizes = np.bincount(of[inside], minlength=len(subjects[0].units))
    found: dict[str, list[np.ndarray]] = {"unusual": [], "unusual x spread": [], "unusual / spread": []}
    planes = [np.stack([one.example[name] for one in subjects]).reshape(len(subjects), -1, *of.shape) for name in fields]
    values = np.concatenate(planes, axis=1)
    usual, spread = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    for own in values:
        far = np.abs(own - usual)
        weighted = {"unusual": far, "unusual x spread": far * spread, "unusual / spread": far / (spread + spread.mean() / 10 + 1e-12)}
        for name, at in weighted.items():
            found[name].append(np.bincount(of[inside], weights=at.mean(axis=0)[inside], minlength=len(sizes)) / np.maximum(sizes, 1))
    return found


def judge(door: Door, subjects: Sequence[Subject], candidates: Mapping[str, Candidate], surfaces: Mapping[str, Maps],
          seed: int) -> dict[str, Verdict]:
    """Judge every candidate against every control, on the same rows and the same hidden shares.

    surfaces  Task.surface of the subjects; `unusual` is added
    seed      draws the permutations and breaks ties
    """
    names = list(candidates)
    surfaces = {**surfaces, **unusual(subjects)}
    tables = {(f"surface:{name}", ""): [scores[None] for scores in maps] for name, maps in surfaces.items()}
    for number, name in enumerate(names):
        rng = np.random.default_rng([seed, number])
        own = controls(candidates[name], [subject.units for subject in subjects], surfaces, rng)
        tables |= {(control, name): maps for control, maps in own.items()}
    effects: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for way in dict.fromkeys(way for candidate in candidates.values() for way in candidate.ways):
        asked = {key: maps for key, maps in tables.items() if not key[1] or way in candidates[key[1]].ways}
        effects[way] = _effects(door, subjects, way, asked, np.random.default_rng([seed, len(names)]))
    return {name: _verdict(name, candidates[name], effects) for name in names}


def controls(candidate: Candidate, units: Sequence[Units], surfaces: Mapping[str, Maps],
             rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Name -> (draws, units) a row: the map itself, as "map", and the controls that are made of it."""
    maps, places = candidate.maps, [one.places for one in units]
    general = deletion.mean_of_others(maps, places)
    made = {
        "map": [scores[None] for scores in maps],
        "permuted": [deletion.permuted(scores, DRAWS, rng) for scores in maps],
        "another-row": _of_others(maps, places, rng),
        "mean-of-others": [scores[None] for scores in general],
        "random-twin": [scores[None] for scores in candidate.twin],
    }
    for name, scores in surfaces.items():
        made[f"mean x {name}"] = [_rising(scores[row])[None] * general[row] for row in range(len(maps))]
    return made


def _rising(scores: np.ndarray) -> np.ndarray:
    """From 0 at the lowest score to 1 at the highest; all equal: all 1."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def _of_others(maps: Maps, places: Sequence[deletion.Places], rng: np.random.Generator) -> list[np.ndarray]:
    """(draws, units) a row: other rows' maps, never the row's own."""
    n = len(maps)
    steps = rng.choice(np.arange(1, n), size=min(DRAWS, n - 1), replace=False) if n > 1 else np.zeros(1, dtype=np.int64)
    shuffled = rng.permutation(n)
    place_of = np.argsort(shuffled)
    others = [[shuffled[(place_of[row] + step) % n] for step in steps] for row in range(n)]
    return [np.stack([deletion.carried(maps[other], places[other], places[row]) for other in others[row]]) for row in range(n)]


def _effects(door: Door, subjects: Sequence[Subject], way: str, tables: Mapping[tuple[str, str], list[np.ndarray]],
             rng: np.random.Generator) -> dict[tuple[str, str], np.ndarray]:
    """Key -> (rows,) nats, averaged over draws: what each map's hidden units cost the answer."""
    full = door.log_prob([one.example for one in subjects], [one.target for one in subjects])
    found = {key: np.empty(len(subjects)) for key in tables}
    waiting: list[tuple[int, np.ndarray, list[Example]]] = []  # row, where each hidden choice of a map stands, the choices

    def ask() -> None:
        examples = [example for _, _, some in waiting for example in some]
        targets = [subjects[row].target for row, _, some in waiting for _ in some]
        parts = np.split(door.log_prob(examples, targets), np.cumsum([len(some) for _, _, some in waiting])[:-1])
        for (row, places, _), log_prob in zip(waiting, parts, strict=True):
            lost = deletion.effect(full[row], log_prob[places])
            ends = np.cumsum([len(maps[row]) for maps in tables.values()])
            for key, some in zip(tables, np.split(lost, ends[:-1]), strict=True):
                found[key][row] = some.mean()
        waiting.clear()

    size = 0
    for row, subject in enumerate(subjects):
        chosen = deletion.hidden(np.concatenate([maps[row] for maps in tables.values()]), rng.random(len(subject.units)))
        once, places = _distinct(chosen)
        waiting.append((row, places, [door.task.hide(subject.example, subject.units, one, way, door.processor) for one in once]))
        size += len(once) * sum(array.nbytes for array in subject.example.values())
        if size > MOST_BYTES or sum(len(some) for _, _, some in waiting) > MOST_EXAMPLES:
            ask()
            size = 0
    if waiting:
        ask()
    return found


def _distinct(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distinct, units) and (maps, shares) numbers into it: many maps hide the same units, which are asked about once."""
    flat = chosen.reshape(-1, chosen.shape[-1])
    _, first, where = np.unique(np.packbits(flat, axis=1), axis=0, return_index=True, return_inverse=True)
    return flat[first], where.reshape(chosen.shape[:-1])


def _verdict(name: str, candidate: Candidate, effects: Mapping[str, Mapping[tuple[str, str], np.ndarray]]) -> Verdict:
    table = []
    for way in candidate.ways:
        own = effects[way]["map", name]
        beaten = {"nothing": np.zeros(len(own))}
        beaten |= {control: values for (control, whose), values in effects[way].items() if whose in ("", name) and control != "map"}
        table += [_line(way, control, own - values) for control, values in beaten.items()]
    return Verdict({way: effects[way]["map", name] for way in candidate.ways}, tuple(table))


def _line(way: str, control: str, differences: np.ndarray) -> Line:
    value, low, high = mean(differences)
    if np.ptp(differences) == 0:  # equal on every row, so no interval: a control that hides just the same is not beaten
        low = high = value
    return Line(way, control, value, low, high, len(differences))
