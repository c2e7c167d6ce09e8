"""Counterweights of tagging that know words by heart: names seen in training, and words mostly seen in entities."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from steelyard.math.tagging import Entity

Tagged = tuple[Sequence[str], Sequence[Entity]]  # a row's words and its entities
Finder = Callable[[Sequence[str]], list[Entity]]  # words -> entities


def gazetteer(rows: Iterable[Tagged]) -> Finder:
    """Every name of the training rows, as the type that it had most often; the longest match first, from left to right."""
    seen: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for words, entities in rows:
        for kind, start, stop in entities:
            seen[tuple(word.casefold() for word in words[start:stop])][kind] += 1
    known = {name: counts.most_common(1)[0][0] for name, counts in seen.items()}
    longest = max(map(len, known), default=0)

    def find(words: Sequence[str]) -> list[Entity]:
        low, found, place = [word.casefold() for word in words], [], 0
        while place < len(low):
            length = next((n for n in range(min(longest, len(low) - place), 0, -1) if tuple(low[place : place + n]) in known), 0)
            if length:
                found.append((known[tuple(low[place : place + length])], place, place + length))
            place += max(1, length)
        return found

    return find


def word_list(rows: Iterable[Tagged]) -> Finder:
    """The words that stood in an entity at least half of the times, as its commonest type; neighbours of a type are one entity."""
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for words, entities in rows:
        total.update(word.casefold() for word in words)
        for kind, start, stop in entities:
            for word in words[start:stop]:
                inside[word.casefold()][kind] += 1
    listed = {word: counts.most_common(1)[0][0] for word, counts in inside.items() if 2 * sum(counts.values()) >= total[word]}

    def find(words: Sequence[str]) -> list[Entity]:
        found: list[Entity] = []
        for place, word in enumerate(words):
            if (kind := listed.get(word.casefold())) is None:
                continue
            if found and found[-1][2] == place and found[-1][0] == kind:
                found[-1] = (kind, found[-1][1], place + 1)
            else:
                found.append((kind, place, place + 1))
        return found

    return find
