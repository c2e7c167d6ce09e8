"""The bill: what was forecast beside what was measured, and what was chosen on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.evidence.words import how
from steelyard.facts import Evidence, Quantity
from steelyard.language import say
from steelyard.report import digits
from steelyard.report.chapter import Chapter, Text, notices
from steelyard.report.material import Material, entries, mapping, quantity, sentence
from steelyard.report.names import name
from steelyard.report.texts import shorten

_CHOICES = {"precision": say("numeric precision"), "threads": say("threads"), "micro-batch": say("micro-batch"),
            "layout": say("memory layout"),
            "compile": say("compilation")}


@dataclass(frozen=True)
class Item:
    """One line of the bill."""

    name: Text
    forecast: Text
    measured: Text
    error: str
    how: str


@dataclass(frozen=True)
class Choice:
    """What was measured and chosen."""

    what: Text
    chosen: str
    why: Text


def view(material: Material) -> Chapter:
    """Forecast beside measured, with the error of each."""
    title, boxes = say("The bill"), notices(material, "cost")
    document = material.answered("cost")
    if document is None:
        return Chapter("bill", title, notices=boxes)
    return Chapter("bill", title, {
        "lines": items(document), "choices": choices(document, material),
        "heads": {"caption": say("Forecast beside measured"), "what": say("what"), "forecast": say("forecast"), "measured": say("measured"),
                  "error": say("measured ÷ forecast"), "how": say("how"), "choices": say("What was measured and chosen on this machine"),
                  "chosen": say("chosen"), "why": say("why")},
    }, boxes)


def items(document: Evidence) -> list[Item]:
    """Every cost that was forecast or measured, in the document's order."""
    forecast = {key: quantity(value) for key, value in mapping(document.details.get("forecast")).items()}
    measured = {key: quantity(value) for key, value in mapping(document.details.get("measured")).items()}
    errors = mapping(document.details.get("error"))
    keys = list(dict.fromkeys([*document.quantities, *measured, *forecast]))
    found = []
    for key in keys:
        ours = measured.get(key) or document.quantities.get(key)
        error = errors.get(key)
        ratio = f"{float(error):.2f}" if isinstance(error, (int, float)) else "–"
        found.append(Item(name(key), _figure(forecast.get(key)), _figure(ours), ratio, _how(ours) if ours else ""))
    return found


def _figure(q: Quantity | None) -> Text:
    if q is None:
        return "–"
    if q.value is None and q.low is None:
        return digits.full(q)
    return digits.ends(q) or digits.value(q) if q.how.startswith("modelled") else digits.brief(q)


def _how(q: Quantity) -> str:
    if q.how.startswith("modelled"):
        return f"{say('modelled')}{q.how.removeprefix('modelled')}"
    return str(how(q.how))


def choices(document: Evidence, material: Material) -> Sequence[Choice]:
    """Precision, layout, threads, micro-batch: the document's details["chosen"], or run.json's reasons."""
    return [Choice(_CHOICES.get(str(entry.get("what", "")).replace("_", "-"), name(entry.get("what", ""))),
                   shorten(entry.get("chosen", ""), 80), sentence(entry.get("why")) or "")
            for entry in entries(document.details.get("chosen")) or entries(material.manifest.get("reasons"))]
