import numpy as np
import pytest
import torch

from steelyard.math.augment import cutout, flip, mixup, shift, smaller
from steelyard.math.draws import uniform

SHAPES = [(5, 3, 6, 4), (1, 1, 1, 1), (2, 1, 3, 1), (0, 3, 4, 4)]


def case(shape, count, seed=0):
    pictures = torch.from_numpy(np.random.default_rng(seed).normal(size=shape))
    return pictures, uniform(seed, np.arange(shape[0]), count)


def mirrored(place, size):
    """Step by step from 0, turning at both ends."""
    at, forward = 0, 1
    for _ in range(abs(place)):
        if not 0 <= at + forward < size:
            forward = -forward
        at = at + forward if size > 1 else 0
    return at


def each(shape):
    n, channels, height, width = shape
    return [(i, c, y, x) for i in range(n) for c in range(channels) for y in range(height) for x in range(width)]


@pytest.mark.parametrize("shape", SHAPES)
def test_flip(shape):
    pictures, draws = case(shape, 1)
    result = flip(pictures, draws)
    for i, c, y, x in each(shape):
        assert result[i, c, y, x] == pictures[i, c, y, shape[3] - 1 - x if draws[i, 0] < 0.5 else x]
    assert result.shape == pictures.shape


@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize("pixels", [0, 2, 9])
@pytest.mark.parametrize("shape", SHAPES)
def test_shift(shape, pixels, padding):
    pictures, draws = case(shape, 2)
    result = shift(pictures, draws, pixels, padding)
    height, width = shape[2:]
    for i, c, y, x in each(shape):
        down, right = (int(draw * (2 * pixels + 1)) - pixels for draw in draws[i])
        if padding == "zero":
            inside = 0 <= y - down < height and 0 <= x - right < width
            assert result[i, c, y, x] == (pictures[i, c, y - down, x - right] if inside else 0)
        else:
            assert result[i, c, y, x] == pictures[i, c, mirrored(y - down, height), mirrored(x - right, width)]
    assert result.shape == pictures.shape


def test_every_move_is_as_likely():
    line = torch.arange(5.0).expand(20_000, 1, 1, 5)
    moved = shift(line, uniform(1, np.arange(20_000), 2), 2)[:, 0, 0, 2]
    assert np.abs(np.bincount(moved.long().numpy(), minlength=5) / 20_000 - 0.2).max() < 0.015
    extreme = shift(line[:2], np.array([[0.0, 0.0], [0.0, np.nextafter(1, 0)]]), 2)[:, 0, 0, 2]
    assert extreme.tolist() == [4, 0]


@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_cutout(shape, pixels):
    pictures, draws = case(shape, 2)
    result = cutout(pictures, draws, pixels)
    for i, c, y, x in each(shape):
        top, left = (int(draw * size) - pixels // 2 for draw, size in zip(draws[i], shape[2:], strict=True))
        gone = top <= y < top + pixels and left <= x < left + pixels
        assert result[i, c, y, x] == (0 if gone else pictures[i, c, y, x])


@pytest.mark.parametrize("alpha", [0.2, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_mixup(shape, alpha):
    from scipy.stats import beta

    pictures, draws = case(shape, 2)
    targets = torch.from_numpy(np.random.default_rng(1).dirichlet([1, 1, 1], size=shape[0]))
    blended, soft = mixup(pictures, targets, draws, alpha)
    order = sorted(range(shape[0]), key=lambda i: draws[i, 0])
    for place, i in enumerate(order):
        mate = order[(place + 1) % len(order)]
        share = max(beta.ppf(draws[i, 1], alpha, alpha), 1 - beta.ppf(draws[i, 1], alpha, alpha))
        torch.testing.assert_close(blended[i], share * pictures[i] + (1 - share) * pictures[mate], rtol=0, atol=1e-12)
        torch.testing.assert_close(soft[i], share * targets[i] + (1 - share) * targets[mate], rtol=0, atol=1e-12)
    assert blended.shape == pictures.shape and soft.shape == targets.shape


@pytest.mark.parametrize("size", [1, 3, 5, 6])
def test_smaller(size):
    """Pillow's filter is the reference: the same triangle, by other hands."""
    from PIL import Image

    pictures = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 7, 12)).astype(np.float32))
    reduced = smaller(pictures, size)
    height = max(1, round(7 * size / 12))
    for i in range(2):
        for channel in range(3):
            theirs = np.asarray(Image.fromarray(pictures[i, channel].numpy()).resize((size, height), Image.Resampling.BILINEAR))
            torch.testing.assert_close(reduced[i, channel], torch.from_numpy(theirs.copy()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_small_enough_stays(shape):
    pictures, _ = case(shape, 1)
    assert torch.equal(smaller(pictures, 6), pictures)
    assert smaller(torch.zeros(0, 3, 8, 8), 4).shape == (0, 3, 8, 8)


def test_ties_and_types():
    pictures = torch.arange(12, dtype=torch.uint8).reshape(2, 1, 2, 3)
    same = np.zeros((2, 2))
    assert flip(pictures, same).dtype == shift(pictures, same, 1, "zero").dtype == cutout(pictures, same, 1).dtype == torch.uint8
    floats = pictures.float()
    blended, soft = mixup(floats, torch.eye(2), same, 1e-3)  # a tie: the first is paired with the second, and the other way round
    assert torch.equal(blended, floats) and torch.equal(soft, torch.eye(2))
    assert blended.dtype == torch.float32


def test_what_is_given_stays():
    pictures, draws = case((4, 3, 5, 5), 2)
    before = pictures.clone()
    for result in (flip(pictures, draws), shift(pictures, draws, 0), shift(pictures, draws, 2), cutout(pictures, draws, 3),
                   mixup(pictures, torch.eye(4, dtype=torch.float64), draws, 1.0)[0]):
        result += 1
        assert torch.equal(pictures, before)


def test_fast_enough():
    """On whole batches: far above the 5,000 pictures/s that a loop over pictures would give."""
    import time

    pictures, draws = torch.zeros(1000, 3, 32, 32), uniform(1, np.arange(1000), 2)
    spent = []
    for _ in range(3):
        start = time.process_time()
        cutout(shift(flip(pictures, draws), draws, 2), draws, 8)
        spent.append(time.process_time() - start)
    assert 1000 / min(spent) > 5000
