"""builtin:questions: questions about made-up people, each with a text that answers it, by a seeded function."""

from collections.abc import Iterator, Sequence
from random import Random

ROWS = 1500
_NAMES = ("Anna", "Boris", "Clara", "Deniz", "Emil", "Farah", "Goran", "Hanna", "Ivan", "Jia", "Karim", "Lena")
# Sentences, questions and answers of each kind of fact.
_FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "job": (("{name} works as a {answer} .", "By trade {name} is a {answer} ."),
            ("What is the job of {name} ?", "As what does {name} work ?"),
            ("baker", "pilot", "night nurse", "tax lawyer", "piano tuner", "diver", "beekeeper", "judge")),
    "place": (("{name} lives in {answer} .", "The home of {name} is in {answer} ."),
              ("Where does {name} live ?", "In which town is the home of {name} ?"),
              ("Brenburg", "Calville", "New Dormouth", "Eldfield", "Fenhaven", "Old Garburg", "Holville", "Tamouth")),
    "year": (("{name} was born in {answer} .", "{answer} was the year when {name} was born ."),
             ("When was {name} born ?", "In which year was {name} born ?"), tuple(str(year) for year in range(1931, 2009, 7))),
    "animal": (("{name} keeps a {answer} .", "A {answer} belongs to {name} ."),
               ("What animal does {name} keep ?", "Which animal belongs to {name} ?"),
               ("grey parrot", "tortoise", "cat", "blind horse", "goat", "snake", "dog", "white ferret")),
    "food": (("{name} likes to eat {answer} .", "For lunch {name} has {answer} ."),
             ("What does {name} like to eat ?", "What does {name} have for lunch ?"),
             ("cold soup", "dumplings", "rye bread", "noodles", "fried fish", "plums", "rice", "cheese")),
}


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"question", "context", "answers": [{"text", "start"}]}: a person's facts in any order, and one of them asked for."""
    rng = Random(seed)
    for _ in range(count):
        name = _pick(rng, _NAMES)
        kinds = sorted(_FACTS, key=lambda _: rng.random())[:4]
        asked, context, answers = _pick(rng, kinds), "", []
        for kind in kinds:
            answer = _pick(rng, _FACTS[kind][2])
            sentence = _pick(rng, _FACTS[kind][0])
            begin = len(context) + len(sentence.partition("{answer}")[0].format(name=name))
            if kind == asked:
                answers = [{"text": answer, "start": begin}]
            context += sentence.format(name=name, answer=answer) + " "
        yield {"question": _pick(rng, _FACTS[asked][1]).format(name=name), "context": context.strip(), "answers": answers}


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python
