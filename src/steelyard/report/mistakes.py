"""The worst errors, what is taken for what, and whether stated certainty can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits, svg
from steelyard.report.answers import hidden, shown, words
from steelyard.report.chapter import Chapter, Table, Text, intervals, join, notices
from steelyard.report.material import Material, entries, mapping, quantity
from steelyard.report.names import name
from steelyard.report.texts import shorten

LARGEST = 16  # classes that a matrix can still show
LINES = 30  # classes that a table lists


@dataclass(frozen=True)
class Confused:
    """A true label that was answered as another, and how often."""

    truth: str
    decided: str
    count: str
    part: str


def view(material: Material) -> Chapter:
    """Rows that went most surely wrong, the confusion matrix, the classes, the reliability diagram."""
    title, boxes = say("The worst errors"), notices(material, "quality")
    document = material.answered("quality")
    if document is None:
        return Chapter("mistakes", title, notices=boxes)
    rows = shown(material, document.details.get("worst"))[:12]
    if not material.shows_rows:
        boxes.append(hidden())
    labels, counts = matrix(document)
    return Chapter("mistakes", title, {
        "words": words(), "rows": rows, "lead": say("Wrong, and surest of it: where a label may be wrong, "
                                                                  "or where the model has learnt the wrong thing.")
        if rows else None, "nothing": say("No error to show.") if material.shows_rows and not rows else None,
        "confusion": _confusion(labels, counts), "confused": confused(labels, counts),
        "heads": {"matrix": say("What is taken for what"), "caption": say("The most frequent confusions"), "truth": say("in truth"),
                  "decided": say("answered"),
                  "count": say("rows"), "part": say("of that label's rows"), "classes": say("Label by label"),
                  "reliable": say("Can its certainty be believed?")},
        "classes": classes(document) or parts(document), "reliability": _reliability(document), "calibration": _calibration(document),
    }, boxes)


def matrix(document: Evidence) -> tuple[list[str], list[list[float]]]:
    """Labels and counts where they fit each other, else nothing."""
    labels, counts = document.details.get("labels"), document.details.get("confusion")
    if not isinstance(labels, list) or not isinstance(counts, list) or len(labels) != len(counts):
        return [], []
    return [str(label) for label in labels], [[float(count) for count in row] for row in counts]


def confused(labels: Sequence[str], counts: Sequence[Sequence[float]], most: int = 8) -> list[Confused]:
    """The largest counts off the diagonal."""
    cells = sorted(((count, i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count > 0),
                   key=lambda cell: (-cell[0], cell[1], cell[2]))
    return [Confused(shorten(labels[i], 60), shorten(labels[j], 60), f"{count:,.0f}", digits.share(count / sum(counts[i])) + "%")
            for count, i, j in cells[:most]]


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[float]]) -> Markup | None:
    if not 2 <= len(labels) <= LARGEST:
        return None
    total = sum(map(sum, counts))
    return svg.confusion(labels, counts, say("Confusion matrix of {k} labels over {n:,} rows; {right:,} on the diagonal are right",
                                             k=len(labels), n=round(total), right=round(sum(row[i] for i, row in enumerate(counts)))),
                         say("answered"), say("in truth"))


def classes(document: Evidence) -> Table | None:
    """How often each label is found, the worst first."""
    lines: list[tuple[Text, Quantity, Text, str]] = []
    for label, found in mapping(document.details.get("per_class")).items():
        recall, precision = quantity(mapping(found).get("recall")), quantity(mapping(found).get("precision"))
        if recall is not None:
            remark: Text = say("precision {figure}", figure=digits.brief(precision)) if precision is not None else ""
            lines.append((shorten(label, 60), recall, remark, "ours"))
    if not lines:
        return None
    lines.sort(key=lambda line: (line[1].value is None, line[1].value or 0.0))
    more = say("and {n} further labels with higher recall", n=len(lines) - LINES) if len(lines) > LINES else ""
    return intervals(say("Recall: of the rows that have a label, how many were given it"), (say("label"), name("recall"), say("interval")),
                     lines[:LINES], more)


def parts(document: Evidence) -> Table | None:
    """Each part of what is asked (types of entities, labels of boxes) by its main measure, the worst first."""
    lines: list[tuple[Text, Quantity, Text, str]] = []
    main = ""
    for part, found in mapping(document.details.get("parts")).items():
        measures = {short: told for short, data in mapping(found).items() if (told := quantity(data)) is not None}
        if measures:
            main, *others = measures
            remark = join([say("{n:,} in truth", n=int(_number(mapping(found).get("n")) or 0)),
                           *(say("{measure} {figure}", measure=name(other), figure=digits.brief(measures[other])) for other in others)])
            lines.append((shorten(part, 60), measures[main], remark, "ours"))
    if not lines:
        return None
    lines.sort(key=lambda line: (line[1].value is None, line[1].value or 0.0))
    left = len(lines[LINES:]) + int(_number(document.details.get("parts_left_out")) or 0)
    return intervals(say("One by one, the worst first"), (say("label"), name(main), say("interval")), lines[:LINES],
                     say("and {n} further labels", n=left) if left else "")


def _reliability(document: Evidence) -> Markup | None:
    bins = []
    for entry in entries(document.details.get("reliability")):
        certainty, right, n = (_number(entry.get(key)) for key in ("confidence", "accuracy", "n"))
        if certainty is not None and right is not None and n:
            bins.append(svg.Bin(certainty, right, n, _number(entry.get("low")), _number(entry.get("high"))))
    if not bins:
        return None
    return svg.reliability(bins, say("Reliability diagram: {bins}", bins="; ".join(
        f"{digits.share(one.certainty)}% → {digits.share(one.right)}% (n = {one.n:,.0f})" for one in bins)),
        say("stated certainty"), say("share that is right"))


def _number(data: Any) -> float | None:
    return float(data) if isinstance(data, (int, float)) else None


def _calibration(document: Evidence) -> Sentence | None:
    found = document.quantities.get("calibration_error", document.quantities.get("calibration-error"))
    if found is None:
        return None
    return say("Dots on the diagonal mean what they say; the larger the dot, the more rows. Calibration error: {figure}.",
               figure=digits.full(found))
