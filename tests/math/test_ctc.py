"""Paths of CTC against all paths, written out; the prefix beam against one that extends every prefix by every token."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
import torch

from steelyard.math.ctc import align, beam, greedy, needed


def logs(frames, tokens, seed=0):
    scores = np.random.default_rng(seed).normal(0, 1.5, (frames, tokens))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def text(path, blank):
    """What a path spells: repeats merged, blanks dropped."""
    return tuple(token for token, _ in itertools.groupby(path) if token != blank)


def every_text(log_probs, blank):
    """Text -> log of the sum over all its paths, one by one."""
    sums = defaultdict(float)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        sums[text(path, blank)] += np.exp(sum(frame[token] for frame, token in zip(log_probs, path, strict=True)))
    return {spelled: np.log(value) for spelled, value in sums.items()}


def literal_beam(log_probs, blank, width):
    """Every prefix is extended by every token; nothing is pruned before the end of a frame."""
    kept = {(): (1.0, 0.0)}
    for frame in np.exp(log_probs):
        found = defaultdict(lambda: [0.0, 0.0])
        for prefix, (ended, going) in kept.items():
            for token, share in enumerate(frame):
                if token == blank:
                    found[prefix][0] += (ended + going) * share
                elif prefix and token == prefix[-1]:
                    found[prefix][1] += going * share
                    found[(*prefix, token)][1] += ended * share
                else:
                    found[(*prefix, token)][1] += (ended + going) * share
        kept = {prefix: tuple(found[prefix]) for prefix in sorted(found, key=lambda p: -sum(found[p]))[:width]}
    best = max(kept, key=lambda prefix: sum(kept[prefix]))
    return list(best), np.log(sum(kept[best]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_likeliest_text(seed, blank):
    log_probs = logs(5, 4, seed)
    sums = every_text(log_probs, blank)
    tokens, score = beam(log_probs, blank, 200)
    best = max(sums, key=sums.get)
    assert tuple(tokens) == best and score == pytest.approx(sums[best], abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_beam_is_the_literal_one(seed, width):
    log_probs = logs(14, 7, seed)
    tokens, score = beam(log_probs, 0, width)
    wanted, wanted_score = literal_beam(log_probs, 0, width)
    assert tokens == wanted and score == pytest.approx(wanted_score, abs=1e-10)


def test_the_sum_over_paths_is_torch_s():
    log_probs = logs(5, 4, 3)
    for spelled, value in every_text(log_probs, 0).items():
        loss = torch.nn.functional.ctc_loss(torch.from_numpy(log_probs)[:, None], torch.tensor([spelled], dtype=torch.long).reshape(1, -1),
                                            torch.tensor([5]), torch.tensor([len(spelled)]), reduction="sum")
        assert float(loss) == pytest.approx(-value, abs=1e-9)


def test_a_beam_beats_greedy_where_paths_add_up():
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert greedy(log_probs, 0)[0] == []  # the path blank, blank: 0.36
    assert beam(log_probs, 0, 2)[0] == [1]  # three paths: 0.64


def test_greedy_by_hand():
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    log_probs = np.log(np.eye(3)[path] * 0.9 + 0.03)
    assert greedy(log_probs, 0) == ([1, 1, 2], [(1, 3), (4, 5), (5, 7)])
    assert greedy(log_probs[:0], 0) == ([], [])
    assert beam(log_probs[:0], 0, 3) == ([], 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_alignment_is_the_likeliest_path(seed):
    log_probs, wanted = logs(6, 3, seed), (1, 1, 2)
    paths = [path for path in itertools.product(range(3), repeat=6) if text(path, 0) == wanted]
    best = max(paths, key=lambda path: sum(frame[token] for frame, token in zip(log_probs, path, strict=True)))
    places = [(key, [place for place, _ in own]) for key, own in itertools.groupby(enumerate(best), key=lambda pair: pair[1])]
    spans = [(own[0], own[-1] + 1) for key, own in places if key != 0]
    assert align(log_probs, wanted, 0) == spans


def test_edges_of_alignment():
    assert align(logs(3, 3), [], 0) == []
    assert align(logs(3, 3), [1, 1], 0) == [(0, 1), (2, 3)]
    assert align(logs(1, 3), [2], 0) == [(0, 1)]
    with pytest.raises(ValueError, match="2 frames cannot spell 2 tokens"):
        align(logs(2, 3), [1, 1], 0)
    assert [needed(tokens) for tokens in ([], [1], [1, 2], [1, 1, 1])] == [0, 1, 2, 5]
