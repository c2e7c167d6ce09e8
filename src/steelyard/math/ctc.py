"""Connectionist temporal classification (Graves et al. 2006): what a matrix of log probabilities spells, and when.

A path names a token or the blank at every frame; its text is what is left once repeats are merged and blanks dropped.
"""

from collections.abc import Sequence

import numpy as np

NONE = -np.inf


def greedy(log_probs: np.ndarray, blank: int) -> tuple[list[int], list[tuple[int, int]]]:
    """The likeliest path's tokens, and for each the frames [start, end) that it lasts.

    log_probs (frames, tokens)
    """
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
    for frame in log_probs:
        tokens = [int(token) for token in np.argsort(-frame, kind="stable")[: width + 1] if token != blank]  # no other can be in the beam
        found: dict[tuple[int, ...], list[float]] = {}
        for prefix, (ended, open_) in kept.items():
            whole = np.logaddexp(ended, open_)
            _add(found, prefix, 0, whole + frame[blank])
            if prefix:
                _add(found, prefix, 1, open_ + frame[prefix[-1]])
            for token in tokens:
                before = ended if prefix and token == prefix[-1] else whole  # a repeat wants a blank between
                _add(found, (*prefix, token), 1, before + frame[token])
        best = sorted(found, key=lambda prefix: -np.logaddexp(*found[prefix]))[:width]
        kept = {prefix: (found[prefix][0], found[prefix][1]) for prefix in best}
    prefix, sums = next(iter(kept.items()))
    return list(prefix), float(np.logaddexp(*sums))


def _add(found: dict[tuple[int, ...], list[float]], prefix: tuple[int, ...], place: int, value: float) -> None:
    sums = found.setdefault(prefix, [NONE, NONE])
    sums[place] = float(np.logaddexp(sums[place], value))


def needed(tokens: Sequence[int]) -> int:
    """Frames that the tokens take at least: one each, and a blank between equal neighbours."""
    return len(tokens) + sum(a == b for a, b in zip(tokens, tokens[1:], strict=False))


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
