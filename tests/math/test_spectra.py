"""Faster, slower and masked sounds against loops over single values."""

import numpy as np
import torch

from steelyard.math.spectra import MASKS, WIDEST_BAND, WIDEST_TIME, faster, masked


def literal_faster(sound, length, factor, width):
    new = max(1, round(length / factor))
    out = np.zeros((width, *sound.shape[1:]))
    for t in range(new):
        place = min(t * factor, length - 1)
        low = int(np.floor(place))
        high = min(low + 1, length - 1)
        out[t] = sound[low] + (place - low) * (sound[high] - sound[low])
    return out, new


def test_faster_frame_by_frame():
    rng = np.random.default_rng(0)
    for shape in ((3, 20, 4), (3, 20)):
        sounds = rng.normal(size=shape)
        lengths, factors = [20, 13, 1], [0.8, 1.3, 1.0]
        got, new = faster(torch.from_numpy(sounds), torch.tensor(lengths), torch.tensor(factors, dtype=torch.float64), 25)
        for number in range(3):
            wanted, length = literal_faster(sounds[number], lengths[number], factors[number], 25)
            assert int(new[number]) == length
            np.testing.assert_allclose(got[number], wanted, atol=1e-12)


def test_the_same_pace_changes_nothing():
    sounds = torch.randn(2, 9, 3)
    sounds[1, 5:] = 0
    got, new = faster(sounds, torch.tensor([9, 5]), torch.ones(2), 9)
    assert torch.equal(got, sounds) and new.tolist() == [9, 5]


def literal_masked(sound, length, draws):
    out = sound.copy()
    bands, mean = sound.shape[1], sound[:length].mean()
    for number in range(MASKS):
        wide = int(draws[2 * number] * WIDEST_TIME * length)
        start = int(draws[2 * number + 1] * (length - wide + 1))
        out[start : start + wide] = mean
    for number in range(MASKS, 2 * MASKS):
        wide = int(draws[2 * number] * WIDEST_BAND * bands)
        start = int(draws[2 * number + 1] * (bands - wide + 1))
        out[:length, start : start + wide] = mean
    return out


def test_masked_value_by_value():
    rng = np.random.default_rng(1)
    sounds, lengths, draws = rng.normal(size=(4, 50, 16)), [50, 31, 8, 1], rng.random((4, 4 * MASKS))
    for sound, length in zip(sounds, lengths, strict=True):
        sound[length:] = 0
    before = torch.from_numpy(sounds.copy())
    got = masked(before, torch.tensor(lengths), draws)
    for number in range(4):
        np.testing.assert_allclose(got[number], literal_masked(sounds[number], lengths[number], draws[number]), atol=1e-12)
    assert torch.equal(before, torch.from_numpy(sounds)), "the sounds themselves are not touched"
    samples = masked(before[:, :, 0], torch.tensor(lengths), draws)
    assert samples.shape == (4, 50) and 0 < float((samples != before[:, :, 0]).double().mean()) < 2 * WIDEST_TIME


def test_nothing_drawn_hides_nothing():
    sounds = torch.randn(2, 10, 4)
    assert torch.equal(masked(sounds, torch.tensor([10, 10]), np.zeros((2, 4 * MASKS))), sounds)
