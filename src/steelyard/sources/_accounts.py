"""builtin:accounts: short accounts of a day, each with a summary of who met whom, and where, by a seeded function."""

from collections.abc import Iterator, Sequence
from random import Random

ROWS = 2000
_WHO = ("the king", "the teacher", "the farmer", "the doctor", "the judge", "the pilot", "the baker", "the singer")
_WHOM = ("an old horse", "a red cat", "a blind dog", "a white goat", "a grey parrot", "a young fox", "a small snake", "a tame bear")
_WHERE = ("brenburg", "calville", "dormouth", "eldfield", "fenhaven", "garburg", "holville", "tamouth")
_WEATHER = ("it rained all day .", "the sun was out .", "snow fell at noon .", "a cold wind blew .", "there was fog .")
_FOOD = ("lunch was soup .", "plums were cheap .", "nobody had bread .", "dinner came late .", "tea was served .")


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"text", "summary"}: three sentences in any order, of which one matters."""
    rng = Random(seed)
    for _ in range(count):
        who, whom, where = _pick(rng, _WHO), _pick(rng, _WHOM), _pick(rng, _WHERE)
        parts = sorted((f"{who} met {whom} near {where} .", _pick(rng, _WEATHER), _pick(rng, _FOOD)), key=lambda _: rng.random())
        yield {"text": " ".join(parts), "summary": f"{where} : {who} and {whom}"}


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python
