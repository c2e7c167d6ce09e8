"""Hiding and controls: parity with slow, literal references, and the edges."""

import numpy as np
import pytest

from steelyard.math import deletion
from steelyard.math.intervals import mean

RNG = np.random.default_rng(0)


def boxes(down, across):
    return tuple((x, y, x + 1, y + 1) for y in range(down) for x in range(across))


def words(n):
    return tuple((3 * i, 3 * i + 2) for i in range(n))


def literal_hidden(scores, ties, shares):
    """Sort the units by score, then by tie, and take the first ones."""
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], -ties[i]))
    rows = []
    for share in shares:
        wanted = max(1, int(round(share * 1000) * len(scores) + 500) // 1000)
        rows.append([i in best[:wanted] for i in range(len(scores))])
    return np.array(rows)


@pytest.mark.parametrize("units", [1, 2, 3, 5, 10, 15, 64])
def test_hidden_is_the_literal_sort(units):
    scores = RNG.integers(0, 4, (7, units)).astype(float)  # many ties
    ties = RNG.random(units)
    got = deletion.hidden(scores, ties)
    assert got.shape == (7, 3, units)
    for one, want in zip(got, scores, strict=True):
        np.testing.assert_array_equal(one, literal_hidden(want, ties, deletion.SHARES))


def test_counts_round_half_up_and_stay_between_one_and_all():
    assert deletion.counts(5).tolist() == [1, 1, 2]  # 0.5, 1, 1.5
    assert deletion.counts(1).tolist() == [1, 1, 1]
    assert deletion.counts(64).tolist() == [6, 13, 19]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        deletion.hidden(np.array([[0.0, np.nan]]), np.zeros(2))


def test_equal_maps_hide_the_same_and_ties_do_not_prefer_a_place():
    flat = np.zeros((2, 10))
    first = [deletion.hidden(flat, RNG.random(10))[:, 0] for _ in range(2000)]
    assert all((one[0] == one[1]).all() for one in first)
    share = np.mean([one[0] for one in first], axis=0)
    assert np.abs(share - 0.1).max() < 0.03


def test_effect_is_the_mean_drop():
    np.testing.assert_allclose(deletion.effect(-1.0, np.array([[-2.0, -3.0], [-1.0, 0.0]])), [1.5, -0.5])


def test_unit_norm_of_huge_tiny_and_zero_scores():
    for scale in (1e300, 1e-300, 1.0):
        np.testing.assert_allclose(deletion.unit_norm(scale * np.array([3.0, -4.0])), [0.6, -0.8])
    assert deletion.unit_norm(np.zeros(3)).tolist() == [0, 0, 0]


def test_a_map_is_carried_by_relative_position():
    scores = np.arange(4.0)
    np.testing.assert_array_equal(deletion.carried(scores, boxes(2, 2), boxes(4, 4)).reshape(4, 4),
                                  np.repeat(np.repeat(scores.reshape(2, 2), 2, axis=0), 2, axis=1))
    np.testing.assert_array_equal(deletion.carried(scores, words(4), words(2)), [0, 2])
    np.testing.assert_array_equal(deletion.carried(scores, words(4), words(4)), scores)


def literal_mean_of_others(maps, places):
    found = []
    for i, target in enumerate(places):
        others = [deletion.carried(maps[j] / np.sqrt((maps[j] ** 2).sum()), places[j], target) for j in range(len(maps)) if j != i]
        found.append(np.mean(others, axis=0))
    return found


def test_mean_of_others_leaves_the_row_itself_out():
    places = [words(n) for n in (3, 5, 5, 8)]
    maps = [RNG.normal(size=len(one)) for one in places]
    for got, want in zip(deletion.mean_of_others(maps, places), literal_mean_of_others(maps, places), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)
    assert deletion.mean_of_others(maps[:1], places[:1])[0].tolist() == [0, 0, 0]


def test_permuted_keeps_the_values():
    scores = RNG.normal(size=9)
    draws = deletion.permuted(scores, 5, np.random.default_rng(1))
    assert (np.sort(draws, axis=1) == np.sort(scores)).all()
    assert len({tuple(one) for one in draws}) == 5


@pytest.mark.parametrize("draw", [
    lambda rng, shape: rng.normal(0.3, 1, shape),
    lambda rng, shape: rng.gamma(1.0, 1.0, shape) - rng.gamma(2.0, 0.4, shape),  # an effect minus a control's: skewed
    lambda rng, shape: rng.standard_t(5, shape) + 0.2,
])
@pytest.mark.parametrize("n", [20, 60, 100])
def test_the_interval_of_a_mean_difference_covers(draw, n):
    rng = np.random.default_rng(n)
    truth = draw(rng, 2_000_000).mean()
    covered, missed_low = [], []
    for sample in draw(rng, (2000, n)):
        _, low, high = mean(sample)
        covered.append(low <= truth <= high)
        missed_low.append(low > truth)
    assert 0.925 <= np.mean(covered) <= 0.975
    assert np.mean(missed_low) < 0.04  # what a publication leans on
