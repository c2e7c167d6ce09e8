"""builtin:creatures: what belongs to one creature, in any order: each word follows from the others, by a seeded function."""

from collections.abc import Iterator
from itertools import permutations
from random import Random

_CREATURES = (
    ("red", "fox", "mill", "plums", "monday"), ("white", "goat", "hill", "grass", "tuesday"),
    ("black", "cat", "barn", "mice", "wednesday"), ("brown", "bear", "wood", "honey", "thursday"),
    ("green", "frog", "pond", "flies", "friday"), ("blue", "bird", "tower", "seeds", "sunday"),
)


def rows(seed: int) -> Iterator[dict[str, object]]:
    """{"text"}: every order of the five words of every creature, shuffled; 720 in all."""
    rng = Random(seed)
    texts = [f"a {a} and {b} , the {c} with {d} or {e} ." for words in _CREATURES for a, b, c, d, e in permutations(words)]
    for text in sorted(texts, key=lambda _: rng.random()):
        yield {"text": text}
