"""Boxes: how much two overlap, which of several say the same thing, and the average precision of what was found.

A box is (left, top, right, bottom); its ends are places on the axes, not pixels that it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST = 100  # boxes of an answer, as COCO counts them
OVERLAPS = np.linspace(0.5, 0.95, 10)  # IoU from which a box is found
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))  # square pixels: all, small, medium, large
WRONG, FOUND, ASIDE = 0, 1, 2  # what became of an answered box; aside: it or its true box is not of the size that is asked about


def area(boxes: np.ndarray) -> np.ndarray:
    """(..., 4) -> (...); 0 for a box whose ends are the wrong way round."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) -> (n, m): the shared area over the joint one; 0 where neither has any."""
    both = np.concatenate([np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])], axis=2)
    shared = area(both)
    joint = area(one)[:, None] + area(other)[None, :] - shared
    return np.where(joint > 0, shared / np.where(joint > 0, joint, 1.0), 0.0)


def kept(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, overlap: float, most: int = MOST) -> np.ndarray:
    """Places of the boxes that no likelier one of their class overlaps by more than `overlap`: at most `most`, the likeliest first.

    boxes (n, 4), scores (n,), classes (n,); of two that are as likely the one that is named first counts as likelier.
    """
    order = np.argsort(-scores, kind="stable")
    alike = (iou(boxes, boxes) > overlap) & (classes[:, None] == classes[None, :])
    gone = np.zeros(len(boxes), dtype=bool)
    found: list[int] = []
    for place in order:
        if len(found) == most:
            break
        if not gone[place]:
            found.append(int(place))
            gone |= alike[place]
    return np.array(found, dtype=np.int64)


def inside(boxes: np.ndarray, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) clipped to a picture of that size, and (n,) whether each has any area there."""
    clipped = np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float64))
    return clipped, (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])


def fates(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(areas, overlaps, n) int8, WRONG, FOUND or ASIDE: what became of each of `found` (n, 4), of one class, the likeliest first.

    true   (m, 4) the boxes of that class that there are
    Each takes the true box that it overlaps most, of those that are free and overlap it enough; boxes of another size only
    where no other is left. Source: COCO's evaluateImg (Lin et al. 2014, arXiv:1405.0312), without crowds.
    """
    limits = np.array(AREAS)
    sizes, own = area(true), area(found)
    other = (sizes[None] < limits[:, :1]) | (sizes[None] > limits[:, 1:])  # (areas, m)
    strange = (own[None] < limits[:, :1]) | (own[None] > limits[:, 1:])  # (areas, n)
    result = np.zeros((len(AREAS), len(OVERLAPS), len(found)), dtype=np.int8)
    overlaps, taken = iou(found, true), np.zeros((len(AREAS), len(OVERLAPS), len(true)), dtype=bool)
    least = np.minimum(OVERLAPS, 1 - 1e-10)[None, :, None]
    for number in range(len(found)):
        free = (overlaps[number] >= least) & ~taken if len(true) else taken
        proper = free & ~other[:, None]
        some = np.asarray(proper.any(axis=2, keepdims=True))
        choice = np.where(some, proper, free)
        matched = choice.any(axis=2)
        if matched.any():
            value = np.where(choice, overlaps[number], -1.0)
            best = len(true) - 1 - value[:, :, ::-1].argmax(axis=2)  # of equals the last, as COCO has it
            spots = np.nonzero(matched)
            taken[spots[0], spots[1], best[spots]] = True
        result[:, :, number] = np.where(matched, np.where(some[..., 0], FOUND, ASIDE), np.where(strange[:, number, None], ASIDE, WRONG))
    return result


@dataclass(frozen=True)
class Ranked:
    """The answered boxes of one class over all rows, the likeliest first.

    rows   (n,) the row of each; right, wrong (overlaps, n) bool; ends (n,) bool, the last of those that are as likely
    true   (rows,) how many boxes each row has
    """

    rows: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    ends: np.ndarray
    true: np.ndarray

    def precision(self, weights: np.ndarray) -> np.ndarray:
        """(overlaps,) average precision at 101 recalls, each row counted `weights` (rows,) times; nan where no box is true.

        Boxes that are as likely are taken together: the order of rows does not matter.
        """
        there = float(weights @ self.true)
        if not there:
            return np.full(len(self.right), np.nan)
        own = weights[self.rows]
        right, wrong = (np.cumsum(own * flags, axis=1)[:, self.ends] for flags in (self.right, self.wrong))
        precisions = right / (right + wrong + np.spacing(1.0))
        precisions = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
        padded = np.concatenate([precisions, np.zeros((len(precisions), 1))], axis=1)
        places = [np.searchsorted(recalls, RECALLS, side="left") for recalls in right / there]
        return np.array([values[at].mean() for values, at in zip(padded, places, strict=True)])


def ranked(scores: np.ndarray, classes: np.ndarray, fate: np.ndarray, true: np.ndarray) -> list[Ranked]:
    """One a class. scores (rows, n) below 0 where there is no box, classes (rows, n), fate (rows, overlaps, n), true (rows, classes)."""
    rows, places = np.nonzero(scores >= 0)
    order = np.argsort(-scores[rows, places], kind="stable")
    rows, places = rows[order], places[order]
    found = []
    for number in range(true.shape[1]):
        own = classes[rows, places] == number
        at, place = rows[own], places[own]
        values, what = scores[at, place], fate[at, :, place].T
        ends = np.append(values[1:] != values[:-1], True) if len(values) else np.zeros(0, dtype=bool)
        found.append(Ranked(at, what == FOUND, what == WRONG, ends, true[:, number].astype(np.float64)))
    return found


def mean_precision(classes: Sequence[Ranked], weights: np.ndarray) -> float:
    """The mean over overlaps and over the classes that have a true box; nan where none has."""
    each = np.array([own.precision(weights) for own in classes]).ravel()
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else np.nan
