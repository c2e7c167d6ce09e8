"""The order of the examples, and how much of it is done at which step: from keys alone, so that a resume needs no state."""

from __future__ import annotations

import math

import numpy as np

from steelyard.parts import Key

POOL = 50  # batches that are sorted by length together


def steps_per_epoch(count: int, batch_size: int) -> int:
    """The last batch of an epoch may be smaller."""
    return -(-count // batch_size)


def total_steps(count: int, batch_size: int, epochs: float | None, steps: int | None) -> int:
    """Optimiser steps of a whole training."""
    return steps if steps is not None else math.ceil((epochs or 1) * steps_per_epoch(count, batch_size))


def epoch_order(count: int, batch_size: int, key: Key, lengths: np.ndarray | None = None) -> list[np.ndarray]:
    """The batches of one epoch: every example once, drawn by the key.

    lengths   (examples,) where they differ: within pools of 50 batches examples of like length come together, so that
              little is padded; the order of the batches is drawn again
    """
    rng = np.random.default_rng(key.number("order"))
    order = rng.permutation(count)
    if lengths is not None:
        pools = [order[start : start + POOL * batch_size] for start in range(0, count, POOL * batch_size)]
        order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [order[start : start + batch_size] for start in range(0, count, batch_size)]
    if lengths is not None:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return batches
