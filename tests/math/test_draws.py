import numpy as np
import pytest

from steelyard.math.draws import uniform

WORD = (1 << 64) - 1


def mixed(word):
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


def literal(key, number, place):
    """SplitMix64 in whole numbers of Python: the value at `place` (from 0) of the generator of (key, number)."""
    golden = 0x9E3779B97F4A7C15
    seed = mixed((mixed(key & WORD) + golden * (number & WORD)) & WORD)
    return (mixed((seed + golden * (place + 1)) & WORD) >> 11) / 2**53


@pytest.mark.parametrize("key", [0, 1, -1, 2**63 - 1, 2**64 + 5, 12345678901234567890])
def test_parity(key):
    numbers = [0, 1, 2, 49_999, 2**62, -3]
    expected = [[literal(key, number, place) for place in range(3)] for number in numbers]
    assert uniform(key, np.array(numbers), 3).tolist() == expected


def test_the_finaliser_is_vignas():
    """The first values of SplitMix64 seeded with 1234567, as Rosetta Code and Vigna's reference have them."""
    state, seen = 1234567, []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        seen.append(mixed(state))
    assert seen == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_company_does_not_matter():
    numbers = np.array([5, 900, 3, 3])
    together = uniform(7, numbers, 4)
    assert all((uniform(7, numbers[i : i + 1], 4)[0] == together[i]).all() for i in range(4))
    assert (together[:, :2] == uniform(7, numbers, 2)).all()
    assert (together[2] == together[3]).all()


def test_edges():
    assert uniform(1, np.array([], dtype=np.int64), 3).shape == (0, 3)
    assert uniform(1, np.arange(4), 0).shape == (4, 0)
    many = uniform(3, np.arange(100_000), 3)
    assert many.dtype == np.float64 and many.min() >= 0 and many.max() < 1


def test_uniform_and_independent():
    """Bins, neighbours in number, place and key: chi-squared within what 1 in a million samples would exceed."""
    many = uniform(11, np.arange(50_000), 4)
    following = uniform(12, np.arange(50_000), 4)
    pairs = [(many[:, 0], many[:, 1]), (many[:-1, 0], many[1:, 0]), (many[:, 0], following[:, 0]), (many[:-1, 1], many[1:, 0])]
    for one, other in pairs:
        seen = np.bincount((one * 16).astype(int) * 16 + (other * 16).astype(int), minlength=256)
        expected = len(one) / 256
        assert 255 - 5.5 * np.sqrt(510) < ((seen - expected) ** 2 / expected).sum() < 255 + 5.5 * np.sqrt(510)
    bits = (many * 2**53).astype(np.uint64)[..., None] >> np.arange(53, dtype=np.uint64) & np.uint64(1)
    assert np.abs(bits.mean(axis=(0, 1)) - 0.5).max() < 5.5 * 0.5 / np.sqrt(200_000)
