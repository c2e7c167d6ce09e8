"""Connectionist temporal classification (Graves et al. 2006): what a matrix of log probabilities spells, and when.

A path names a token or the blank at every frame; its text is what is left once repeats are merged and blanks dropped.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log1p

import numpy as np

NONE = float("-inf")


def greedy(log_probs: np.ndarray, blank: int) -> tuple[list[int], list[tuple[int, int]]]:
    """The likeliest path's tokens, and for each the frames [start, end) that it lasts.

    log_probs (frames, tokens)
    """
    if not len(log_probs):
        return [], []
    best = log_probs.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], len(best))
    spans = [(int(best[a]), (int(a), int(b))) for a, b in zip(starts, ends, strict=True) if best[a] != blank]
    return [token for token, _ in spans], [span for _, span in spans]


def beam(log_probs: np.ndarray, blank: int, width: int) -> tuple[list[int], float]:
    """(tokens, log probability) of the likeliest text that a prefix beam search of `width` finds; ties go to what was found first.

    A prefix keeps two sums: of its paths that end in a blank, and of those that end in its last token.
    Source: Graves & Jaitly 2014, ICML, algorithm 1; Hannun et al. 2014, arXiv:1408.2873.
    """
    kept: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NONE)}
    for row in log_probs:
        frame = row.tolist()
        best = [token for token in np.argsort(-row, kind="stable")[: width + 3].tolist() if token != blank]
        found: dict[tuple[int, ...], list[float]] = {}
        for prefix, (ended, going) in kept.items():
            whole = _sum(ended, going)
            _add(found, prefix, 0, whole + frame[blank])
            if prefix:
                _add(found, prefix, 1, going + frame[prefix[-1]])
            # Of what a prefix may go on with, only the likeliest can stay in the beam, or what is in it already.
            known = [other[-1] for other in kept if len(other) == len(prefix) + 1 and other[:-1] == prefix]
            for token in dict.fromkeys([*best, *known]):
                _add(found, (*prefix, token), 1, (ended if prefix and token == prefix[-1] else whole) + frame[token])
        order = sorted(found, key=lambda prefix: -_sum(*found[prefix]))[:width]
        kept = {prefix: (found[prefix][0], found[prefix][1]) for prefix in order}
    prefix, sums = next(iter(kept.items()))
    return list(prefix), _sum(*sums)


def _add(found: dict[tuple[int, ...], list[float]], prefix: tuple[int, ...], place: int, value: float) -> None:
    sums = found.setdefault(prefix, [NONE, NONE])
    sums[place] = _sum(sums[place], value)


def _sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b)): ten times as fast as numpy's for two numbers."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == NONE else high + log1p(exp(low - high))


def needed(tokens: Sequence[int]) -> int:
    """Frames that the tokens take at least: one each, and a blank between equal neighbours."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))


def align(log_probs: np.ndarray, tokens: Sequence[int], blank: int) -> list[tuple[int, int]]:
    """The frames [start, end) of each token on the likeliest path that spells them (Viterbi).

    Raises ValueError where there are fewer frames than `needed`.
    """
    if len(log_probs) < needed(tokens):
        raise ValueError(f"{len(log_probs)} frames cannot spell {len(tokens)} tokens")
    if not tokens:
        return []
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    skips = np.zeros(len(states), dtype=bool)  # from one token to the next, unless they are equal
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), NONE)
    score[:2] = log_probs[0, states[:2]]
    moves = np.zeros((len(log_probs), len(states)), dtype=np.int8)
    for number, frame in enumerate(log_probs[1:], start=1):
        options = np.stack([score, np.append(NONE, score[:-1]), np.where(skips, np.append([NONE, NONE], score[:-2]), NONE)])
        moves[number] = options.argmax(axis=0)
        score = options.max(axis=0) + frame[states]
    state = len(states) - (2 if score[-2] > score[-1] else 1)
    path = [state]
    for number in range(len(log_probs) - 1, 0, -1):
        state -= int(moves[number, state])
        path.append(state)
    frames = np.array(path[::-1])
    places = [np.flatnonzero(frames == 2 * number + 1) for number in range(len(tokens))]
    return [(int(own[0]), int(own[-1]) + 1) for own in places]
