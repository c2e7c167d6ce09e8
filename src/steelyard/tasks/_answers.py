"""Where answers stand in their context, and the counterweight that looks for a question's words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from steelyard.tasks._words import WORD

Span = tuple[int, int]
NOWHERE: Span = (-1, -1)  # nothing answers
_ENDS = re.compile(r"^\W+|\W+$")
REACH = 12  # words to either side in which a question's words count


def found(context: str, answer: Mapping[str, Any]) -> Span | None:
    """Where an answer stands: as it says, else the nearest place with its text, else so but for case and spaces, else without signs at
    its ends; None where it does not."""
    text, start = str(answer["text"]), int(answer["start"])
    if start >= 0 and context[start : start + len(text)] == text:
        return start, start + len(text)
    for words, flags in ((text, 0), (text, re.IGNORECASE), (_ENDS.sub("", text), 0)):
        pattern = r"\s+".join(map(re.escape, words.split()))
        if pattern and (places := [match.span() for match in re.finditer(pattern, context, flags)]):
            return min(places, key=lambda place: abs(place[0] - max(start, 0)))
    return None


def oddities(row: Mapping[str, Any]) -> dict[str, int]:
    """{"elsewhere", "nowhere", "none"}: answers that stand in their context otherwise than they say, that do not; 1 if there are none."""
    context, answers = row["context"], row["answers"] or []
    exact = sum(context.startswith(one["text"], one["start"]) if one["start"] >= 0 else one["text"] in context for one in answers)
    nowhere = sum(found(context, one) is None for one in answers)
    return {"elsewhere": len(answers) - exact - nowhere, "nowhere": nowhere, "none": int(not answers)}


def wanted(context: str, answers: Sequence[Mapping[str, Any]]) -> Span | None:
    """The answer that is learnt: the one given most often that stands in the context, else None; NOWHERE where there are no answers."""
    if not answers:
        return NOWHERE
    spans = [span for span in (found(context, answer) for answer in answers) if span is not None]
    return Counter(spans).most_common(1)[0][0] if spans else None


Ask = Callable[[str, str], Span]  # question, context -> span


def sliding_window(rows: Iterable[Mapping[str, Any]]) -> Ask:
    """A stretch of words as long as training's answers, where the question's words lie nearest around it and not in it.

    A word counts the more the rarer it is in its context. After the sliding window of Richardson et al. 2013 (MCTest).
    """
    lengths = Counter(len(WORD.findall(answer["text"])) for row in rows for answer in row["answers"][:1])
    lengths.pop(0, None)
    middle = sorted(lengths.elements())
    length = middle[len(middle) // 2] if middle else 1

    def ask(question: str, context: str) -> Span:
        words = [(match.group().casefold(), *match.span()) for match in WORD.finditer(context)]
        if not words:
            return NOWHERE
        counts, asked = Counter(word for word, _, _ in words), {word.casefold() for word in WORD.findall(question)}
        weights = np.array([np.log1p(1 / counts[word]) if word in asked else 0.0 for word, _, _ in words])
        near = 1.0 / (1.0 + np.abs(np.arange(-REACH, REACH + 1)))
        around = np.convolve(weights, near)[REACH : REACH + len(words)]
        size = min(length, len(words))
        inside = np.convolve(weights, np.ones(size), "valid")
        score = np.convolve(around, np.ones(size), "valid") / size - 3 * inside
        best = int(score.argmax())
        return words[best][1], words[best + size - 1][2]

    return ask
