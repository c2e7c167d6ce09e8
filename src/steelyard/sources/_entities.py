"""builtin:entities: sentences about made-up people, places and firms, by a seeded function; some names are of two types."""

from collections.abc import Iterator, Sequence
from random import Random

ROWS = 1200
_FIRST = ("Anna", "Boris", "Clara", "Deniz", "Emil", "Farah", "Goran", "Hanna", "Ivan", "Jia", "Karim", "Lena")
_HEADS = ("Bren", "Cal", "Dor", "Eld", "Fen", "Gar", "Hol", "Kest", "Lun", "Mar", "Nor", "Oster", "Pell", "Quin", "Ros", "Tam", "Ves")
_PLACE, _LAST, _FIRM = ("burg", "ville", "mouth", "field", "haven"), ("sen", "ovic", "ini", "ard", "wright"), ("ex", "ora", "tec", "ium")
_FORMS = ("Ltd", "Group", "Bank", "Motors", "Foods")
_EITHER = ("Jordan", "Lincoln", "Florence", "Paris", "Chester")  # of a person or of a place: only the sentence tells
_SAYINGS = (
    "{person} moved from {place} to {place} last spring .", "{firm} will open an office in {place} .",
    "The mayor of {place} met {person} on Monday .", "{person} , who works for {firm} , was born in {place} .",
    "Shares of {firm} fell after {person} resigned .", "It rained in {place} all week .", "{person} and {person} were late again .",
    "A train from {place} hit a cow .", "{firm} bought {firm} for nine million .", "Nobody knows why {person} left {firm} .",
    "The soup was cold and the waiter was rude .", "Yesterday {person} sang in {place} .", "They drove to {place} through the snow .",
    "The court ruled against {firm} .", "We asked {person} about it twice .", "The weather will stay dry until Friday .",
)


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"words", "tags" (IOB2: person, place, firm)}, the same for the same seed in every Python."""
    rng = Random(seed)
    for _ in range(count):
        words: list[str] = []
        tags: list[str] = []
        for piece in _pick(rng, _SAYINGS).split():
            kind = piece[1:-1] if piece.startswith("{") else ""
            own = _name(rng, kind) if kind else [piece]
            words += own
            tags += [f"{'I' if place else 'B'}-{kind}" if kind else "O" for place in range(len(own))]
        yield {"words": words, "tags": tags}


def _name(rng: Random, kind: str) -> list[str]:
    if kind != "firm" and rng.random() < 0.2:
        return [_pick(rng, _EITHER)]
    head = _pick(rng, _HEADS)
    if kind == "place":
        return (["New"] if rng.random() < 0.2 else []) + [head + _pick(rng, _PLACE)]
    if kind == "firm":
        return [head + _pick(rng, _FIRM)] + ([_pick(rng, _FORMS)] if rng.random() < 0.6 else [])
    return ([_pick(rng, _FIRST)] if rng.random() < 0.7 else []) + [head + _pick(rng, _LAST)]


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python
