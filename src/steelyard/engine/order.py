"""Which examples are seen at which step: from keys alone, so that a resume needs no state."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from steelyard.math.lengths import padded_length
from steelyard.parts import Key

POOL = 50  # batches that are sorted by length together
ENDLESS = 1 << 40


@dataclass
class Plan:
    """A training's order: epochs of batches, each drawn by the key (seed, epoch).

    count         examples
    batch_size    examples of a batch; the last one of an epoch may be smaller
    batch_tokens  instead: examples of like length, so many that they hold at most so many tokens, padding included
    epochs/steps  how long it lasts; one of the two
    lengths       (examples,) where they differ, or tokens are counted: those of like length come together, so that little is padded
    sets          (weight, its examples) of each set that is mixed; none: every example once an epoch
    """

    count: int
    seed: int
    batch_size: int | None = None
    batch_tokens: int | None = None
    epochs: float | None = None
    steps: int | None = None
    lengths: np.ndarray | None = None
    sets: Sequence[tuple[float, np.ndarray]] = ()
    _starts: list[int] = field(default_factory=lambda: [0])  # the first step of each epoch, as far as it was asked for
    _drawn: tuple[int, list[np.ndarray]] = (-1, [])

    def __post_init__(self) -> None:
        self._buckets = None if self.lengths is None else buckets(self.lengths)
        whole = math.floor(self.epochs or 0)
        self.total = self.steps or max(1, self.start(whole) + math.ceil(round(((self.epochs or 0) - whole) * self.length(whole), 9)))

    def at(self, step: int) -> tuple[int, np.ndarray]:
        """(epoch, the examples) of a step."""
        epoch = self.epoch(step)
        return epoch, self.batches(epoch)[step - self._starts[epoch]]

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to."""
        while self._starts[-1] <= step:
            self.start(len(self._starts))
        return bisect_right(self._starts, step) - 1

    def passed(self, done: int) -> float:
        """Epochs that are done after so many steps."""
        if not done:
            return 0.0
        epoch = self.epoch(done - 1)
        return epoch + (done - self._starts[epoch]) / (self.start(epoch + 1) - self._starts[epoch])

    def examples(self, done: int) -> int:
        """Examples that were seen in so many steps."""
        if not done:
            return 0
        epoch = self.epoch(done - 1)
        return epoch * self.count + sum(map(len, self.batches(epoch)[: done - self._starts[epoch]]))

    def ends_epoch(self, done: int) -> bool:
        """Whether an epoch ends with the step that was done last."""
        return done == self.start(self.epoch(done - 1) + 1)

    def start(self, epoch: int) -> int:
        """The first step of an epoch."""
        while len(self._starts) <= epoch:
            self._starts.append(self._starts[-1] + self.length(len(self._starts) - 1))
        return self._starts[epoch]

    def length(self, epoch: int) -> int:
        """Batches of an epoch."""
        if self.batch_tokens is None or self._buckets is None:
            return -(-self.count // (self.batch_size or 1))
        own = self._buckets if not self.sets else self._buckets[self._examples(epoch)]
        sizes, counts = np.unique(own, return_counts=True)
        return int(sum(-(-int(n) // self._fitting(int(size))) for size, n in zip(sizes, counts, strict=True)))

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The batches of one epoch."""
        if self._drawn[0] != epoch:
            rng = np.random.default_rng(Key(self.seed, epoch).number("order"))
            order = rng.permutation(self._examples(epoch) if self.sets else self.count)
            self._drawn = epoch, self._cut(order, rng)
        return self._drawn[1]

    def _cut(self, order: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        size = self.batch_size or 1
        if self.lengths is None:
            return [order[start : start + size] for start in range(0, len(order), size)]
        if self.batch_tokens is not None and self._buckets is not None:
            batches = []
            for bucket in np.unique(self._buckets[order]):
                own, size = order[self._buckets[order] == bucket], self._fitting(int(bucket))
                batches += [own[start : start + size] for start in range(0, len(own), size)]
        else:
            pools = [order[start : start + POOL * size] for start in range(0, len(order), POOL * size)]
            order = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
            batches = [order[start : start + size] for start in range(0, len(order), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _fitting(self, length: int) -> int:
        return max(1, (self.batch_tokens or 1) // length)

    def _examples(self, epoch: int) -> np.ndarray:
        """(count,) what an epoch of mixed sets consists of: each set's share, taken on from where the epoch before ended.

        A set is gone through in passes, each in an order of its own: no row comes up twice before every other came once.
        """
        whole = sum(weight for weight, _ in self.sets)
        bounds = [round(self.count * sum(w for w, _ in self.sets[:i]) / whole) for i in range(len(self.sets) + 1)]
        chosen = []
        for number, (_, own) in enumerate(self.sets):
            quota = bounds[number + 1] - bounds[number]
            place, end = epoch * quota, (epoch + 1) * quota
            while place < end:
                lap, inside = divmod(place, len(own))
                rng = np.random.default_rng(Key(self.seed, lap).number(f"mix {number}"))
                part = rng.permutation(own)[inside : inside + end - place]
                chosen.append(part)
                place += len(part)
        return np.concatenate(chosen)


def buckets(lengths: np.ndarray) -> np.ndarray:
    """(examples,) the length that each is padded to among its like."""
    sizes, places = np.unique(lengths, return_inverse=True)
    return np.array([padded_length(int(size), ENDLESS) for size in sizes], dtype=np.int64)[places]
