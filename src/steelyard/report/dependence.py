"""What the answers depend on: the judgement of each method, and rows with their pieces coloured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits, svg
from steelyard.report.answers import hidden
from steelyard.report.chapter import Chapter, Table, Text, intervals, notices
from steelyard.report.material import Material, entries, mapping
from steelyard.report.names import name
from steelyard.report.texts import picture, shorten, sound, tidy

NEAREST = 6  # controls of a method that are shown
LONGEST = 1_200  # characters of an explained text
_EDGES = " \t\n.,;:!?\"'()[]{}，。；：！？、“”‘’（）《》"  # of a word, where it is named alone
PIECES = 0.15  # of the largest score: what stays below is left without colour


@dataclass(frozen=True)
class Piece:
    """A stretch of text. kind: "for", "against" or "" ; weight in 0 to 1."""

    text: str
    kind: str = ""
    weight: float = 0.0


@dataclass(frozen=True)
class Explained:
    """One row: its text in pieces, or its picture (a sound's, with the sound) with cells over it."""

    origin: str
    answer: str
    pieces: Sequence[Piece]
    plain: str | None
    heat: Markup | None
    strongest: Sentence | None
    sound: str | None = None


@dataclass(frozen=True)
class Method:
    """What was found of one method."""

    name: Text
    published: bool
    why: Text
    table: Table | None


def view(material: Material) -> Chapter:
    """The published rows, the words, and every method beside its controls."""
    title, boxes = say("What its answers depend on"), notices(material, "explanation")
    document = material.document("explanation")
    if document is None:
        return Chapter("dependence", title, notices=boxes)
    told = material.shows_rows and document.refused is None
    rows = [explained(entry) for entry in entries(document.details.get("shown"))] if told else []
    if not material.shows_rows:
        boxes.append(hidden())
    whys = {finding.code.removeprefix("explanation/"): finding.why for finding in document.findings}
    methods = [Method(name(method), bool(mapping(found).get("published")), whys.get(method, ""),
                      _controls(method, entries(mapping(found).get("table"))))
               for method, found in mapping(document.details.get("methods")).items()]
    return Chapter("dependence", title, {
        "rows": rows[:10], "words": _words(document) if told else None, "methods": methods,
        "labels": {"for": say("speaks for the answer"), "against": say("speaks against it"), "answered": say("answered"),
                   "methods": say("How each method was judged"), "published": say("published"), "refused": say("refused"),
                   "words": say("The words that speak most for the answers"), "word": say("word"), "score": say("mean score"),
                   "bar": say("size"),
                   "lead": say("A method is published only where hiding what it points at costs the answer more than every control: "
                               "scores shuffled, another row's map, the input's own surface, a model with random weights.")},
    }, boxes)


def explained(entry: Mapping[str, Any]) -> Explained:
    """A row and its units with scores in [-1, 1] of the largest."""
    show, units = mapping(entry.get("show")), [unit for unit in entries(entry.get("units")) if isinstance(unit.get("place"), list)]
    largest = max((abs(float(unit["score"])) for unit in units), default=0.0) or 1.0
    scores = [(tuple(float(end) for end in unit["place"]), float(unit["score"]) / largest) for unit in units]
    answer, origin = shorten(entry.get("answer", ""), 80), shorten(entry.get("row", ""), 80)
    if isinstance(text := show.get("text"), str):
        spans = [((round(place[0]), round(place[1])), score) for place, score in scores if len(place) == 2]
        top = [shorten(text[a:b].strip(_EDGES), 40) for (a, b), score in sorted(spans, key=lambda span: -span[1])[:3] if score > PIECES]
        return Explained(origin, answer, pieces(text, spans), None, None, say("strongest: {words}", words=", ".join(top)) if top else None)
    image = picture(show.get("image"))
    cells = [(place, score) for place, score in scores if len(place) == 4]
    heat = svg.heat(image, cells, say("{origin}: what speaks for “{answer}”, over the picture", origin=origin,
                                      answer=answer)) if image else None
    return Explained(origin, answer, [], image, heat, None, sound(show.get("audio")))


def pieces(text: str, spans: Sequence[tuple[tuple[int, int], float]], longest: int = LONGEST) -> list[Piece]:
    """The text cut at the spans' ends; a span that overlaps an earlier one, or lies outside, is left without colour."""
    found, done, end = [], 0, min(len(text), longest)
    for (start, stop), score in sorted(spans):
        if start < done or stop > end or stop <= start:
            continue
        if start > done:
            found.append(Piece(tidy(text[done:start])))
        kind = "" if abs(score) < PIECES else "for" if score > 0 else "against"
        found.append(Piece(tidy(text[start:stop]), kind, round(abs(score), 3)))
        done = stop
    if done < len(text):
        found.append(Piece(shorten(text[done:], max(0, end - done))))
    return found


def _words(document: Evidence) -> list[tuple[str, Markup, str]] | None:
    """The words that speak most for the answers: word, bar, mean score."""
    words = [(shorten(entry.get("word"), 60), float(entry.get("score", 0.0))) for entry in entries(document.details.get("words"))][:12]
    most = max((score for _, score in words), default=0.0)
    if most <= 0:
        return None
    return [(word, svg.bar(score / most, f"{word}: {digits.significant(score)}"), digits.significant(score)) for word, score in words]


def _controls(method: str, table: list[dict[str, Any]]) -> Table | None:
    """The method's effect less each control's, in nats: published where every interval lies right of 0."""
    lines: list[tuple[Text, Quantity, Text, str]] = []
    for line in sorted(table, key=lambda line: float(line.get("low") or 0.0))[:NEAREST]:
        difference = Quantity(value=line.get("difference"), low=line.get("low"), high=line.get("high"), n=int(line.get("n", 0)),
                              unit="nats", how="t 95%")
        beaten = line.get("low") is not None and float(line["low"]) > 0
        lines.append((say("{control} ({way})", control=name(line.get("control", "")), way=name(line.get("way", ""))), difference,
                      "" if beaten else say("not beaten"), "ours" if beaten else "issue"))
    if not lines:
        return None
    left = len(table) - NEAREST
    return intervals(say("{method}: what hiding its choice costs beyond each control", method=name(method)),
                     (say("control"), say("difference in nats"), say("interval")), lines,
                     say("and {n} further comparisons, farther from 0", n=left) if left > 0 else "", around=(0.0,))
