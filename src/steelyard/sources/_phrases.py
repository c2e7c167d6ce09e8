"""builtin:phrases: sentences and their translation into a made-up language that puts words in another order, by a seeded function."""

from collections.abc import Iterator, Sequence
from random import Random

ROWS = 2000
_NOUNS = {"cat": "mivo", "dog": "kanu", "bird": "tilo", "horse": "gora", "child": "pemi", "teacher": "sudak", "king": "roval",
          "farmer": "benot", "doctor": "lirat", "fish": "osha"}
_KINDS = {"old": "veka", "young": "nisa", "red": "rubo", "small": "pitu", "happy": "joli", "blind": "zemu", "quiet": "hashi",
          "tall": "doru"}
_ACTS = {"sees": "aspek", "helps": "adjut", "follows": "sekva", "calls": "klamo", "hears": "audir", "loves": "amora", "finds": "trovi"}


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"source", "target"}: who does what to whom; there the verb comes last, and a quality behind its noun."""
    rng = Random(seed)
    for _ in range(count):
        (who, wer), (whom, wen) = _thing(rng), _thing(rng)
        act = _pick(rng, tuple(_ACTS))
        yield {"source": f"the {who} {act} the {whom} .", "target": f"{wer} {wen} {_ACTS[act]} ."}


def _thing(rng: Random) -> tuple[str, str]:
    noun, kind = _pick(rng, tuple(_NOUNS)), _pick(rng, tuple(_KINDS))
    return f"{kind} {noun}", f"{_NOUNS[noun]} {_KINDS[kind]}"


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python
