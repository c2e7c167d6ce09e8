"""builtin:answers: questions about animals, each with its answer, by a seeded function."""

from collections.abc import Iterator, Sequence
from random import Random

ROWS = 2000
_ANIMALS = {"horse": ("stable", "hay"), "bee": ("hive", "nectar"), "wolf": ("forest", "meat"), "seal": ("sea", "fish"),
            "mole": ("ground", "worms"), "camel": ("desert", "thorns"), "goat": ("mountains", "herbs"), "frog": ("pond", "flies")}
_KINDS = ("old", "young", "white", "brown", "small", "quiet", "tame", "hungry")


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"prompt", "text"}: which animal it is stands in the question only, and the answer follows from it."""
    rng = Random(seed)
    for _ in range(count):
        animal, kind = _pick(rng, tuple(_ANIMALS)), _pick(rng, _KINDS)
        place, food = _ANIMALS[animal]
        if rng.random() < 0.5:
            yield {"prompt": f"where does the {kind} {animal} live ?", "text": f" the {kind} {animal} lives in the {place} ."}
        else:
            yield {"prompt": f"what does the {kind} {animal} eat ?", "text": f" the {kind} {animal} eats {food} ."}


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python
