"""Whom the model fails: error rates of the declared groups, and what could not be assessed."""

from collections.abc import Mapping
from typing import Any

from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits
from steelyard.report.chapter import Chapter, Table, Text, intervals, join, notices
from steelyard.report.findings import more, told
from steelyard.report.material import Material, entries, mapping, quantity
from steelyard.report.texts import shorten

NOTABLE = ("issue", "inconclusive")  # what passed stands in the tables already
LINES = 30  # groups of one column that are listed


def view(material: Material) -> Chapter:
    """A table of intervals for each column and rate, the spread, and the findings."""
    title, boxes = say("Whom it fails"), notices(material, "bias")
    document = material.answered("bias")
    if document is None:
        return Chapter("groups", title, notices=boxes)
    columns = [{"name": shorten(column, 60), "tables": _tables(column, entries(groups)), "spread": spread(document, column)}
               for column, groups in mapping(document.details.get("columns")).items()]
    lead = say("Groups are compared each with all other rows; whatever was not shown to differ may still differ.")
    return Chapter("groups", title, {"columns": columns, "findings": told(document, NOTABLE), "more": more(document, NOTABLE),
                                     "lead": lead}, boxes)


_RATES = (("error", say("error rate")), ("selection", say("selection rate")), ("fpr", say("false positive rate")),
          ("fnr", say("false negative rate")))


def _tables(column: str, groups: list[dict[str, Any]]) -> list[Table]:
    found = []
    for key, rate in _RATES:
        lines = [line for group in groups if (line := _line(group, key)) is not None]
        if not lines:
            continue
        worst = 1 if key == "selection" else -1  # a low selection rate is the worse one
        lines.sort(key=lambda line: (line[1].value is None, worst * (line[1].value or 0.0)))
        rest = say("and {n} further groups", n=len(lines) - LINES) if len(lines) > LINES else ""
        found.append(intervals(say("{column}: {rate}, with 95% intervals", column=shorten(column, 60), rate=rate),
                               (shorten(column, 60), rate, say("interval")), lines[:LINES], rest))
    return found


def _line(group: Mapping[str, Any], key: str) -> tuple[Text, Quantity, Text, str] | None:
    """One group by one rate, with its difference to all others and whether that could be assessed."""
    rate = quantity(group.get(key))
    if rate is None:
        return None
    compared = mapping(mapping(group.get("compared")).get(key))
    remarks: list[Text] = []
    if (difference := quantity(compared.get("difference"))) is not None and difference.value is not None:
        remarks.append(say("against the others: {gap}", gap=digits.gap(difference)))
    if key == "selection" and (ratio := quantity(group.get("ratio"))) is not None and ratio.value is not None:
        remarks.append(say("{figure} of the others' rate", figure=digits.brief(ratio)))
    if compared.get("outcome") == "inconclusive":
        remarks.append(say("not assessable"))
    return shorten(group.get("group"), 60), rate, join(remarks), "issue" if compared.get("outcome") == "issue" else "ours"


def spread(document: Evidence, column: str) -> Sentence | None:
    """How far groups lie apart, as counted and corrected for what chance alone would show."""
    found = mapping(mapping(document.details.get("spread")).get(column))
    raw, corrected = _figure(found.get("raw")), _figure(found.get("corrected"))
    if raw is None or corrected is None:
        return None
    return say("Between the best and the worst group lie {raw} points as counted; corrected for chance, {corrected}.", raw=raw,
               corrected=corrected)


def _figure(data: object) -> str | None:
    number = data.get("value", data.get("gap")) if isinstance(data, dict) else data
    return digits.share(float(number)) if isinstance(number, (int, float)) else None
