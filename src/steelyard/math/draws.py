"""Random numbers that hang on a key and on the example's own number alone: never on its batch, nor on what was drawn before."""

import numpy as np

_STRIDE = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd
_WORD = (1 << 64) - 1


def uniform(key: int, numbers: np.ndarray, count: int) -> np.ndarray:
    """(n, count) float64 in [0, 1), 53 random bits each; the same (key, number, place) gives the same value in any company.

    key       any whole number; its lowest 64 bits count
    numbers   (n,) int64, which example each row of the result is for
    count     how many values an example gets

    A generator a number: SplitMix64, seeded by a mix of key and number. Source: Steele, Lea & Flood 2014, OOPSLA,
    doi:10.1145/2660193.2660195, with the constants of Vigna's reference.
    """
    start = _mixed(np.array([key & _WORD], dtype=np.uint64))
    seeds = _mixed(start + _STRIDE * np.asarray(numbers, dtype=np.int64).astype(np.uint64))
    places = _STRIDE * np.arange(1, count + 1, dtype=np.uint64)
    bits: np.ndarray = _mixed(seeds[:, None] + places) >> np.uint64(11)
    return bits * 2.0**-53


def _mixed(words: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: uint64 to uint64, one to one."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = words ^ (words >> np.uint64(31))
    return mixed
