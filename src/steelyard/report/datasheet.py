"""The data: how many rows of what, the audits' findings, and rows that could not be read."""

from typing import Any

from steelyard.language import Sentence, say
from steelyard.report import svg
from steelyard.report.chapter import Chapter, Text, notices
from steelyard.report.digits import share
from steelyard.report.findings import more, told
from steelyard.report.material import Material, entries, mapping, sentence
from steelyard.report.names import name
from steelyard.report.texts import shorten

LABELS = 30  # that the picture of the balance lists
BAD = 10  # quarantined rows that are listed


def view(material: Material) -> Chapter:
    """Rows a split, balance, findings, quarantined rows."""
    document = material.document("data")
    data = material.section("data")
    bad = entries(data.get("bad_rows"))
    balance = _balance(material)
    return Chapter("datasheet", say("The data and its leaks"), {
        "splits": [(name(split), f"{int(n):,}") for split, n in sorted(mapping(data.get("rows")).items(), key=_order)],
        "balance": balance, "findings": told(document) if document else [], "more": more(document) if document else "",
        "bad": [(shorten(entry.get("origin", ""), 80), sentence(entry.get("why")) or "") for entry in bad[:BAD]],
        "heads": {"caption": say("Rows"), "split": say("split"), "rows": say("rows"), "balance": say("Rows of each label"),
                  "label": say("label"),
                  "part": say("share"), "bad": say("Rows set aside because they could not be read ({n})", n=len(bad)),
                  "where": say("where"),
                  "why": say("why"), "findings": say("What the audits found"), "balance_of": say("in “{set}”", set=name(material.about))},
    }, notices(material, "data"))


def _order(split: tuple[str, Any]) -> int:
    known = ("train", "validation", "test")
    return known.index(split[0]) if split[0] in known else len(known)


def _balance(material: Material) -> list[tuple[Text, Any, str]]:
    """Label, bar, count: of the set that was judged, from its confusion matrix's rows."""
    document = material.answered("quality")
    per_class = mapping(document.details.get("per_class")) if document else {}
    counts = [(label, int(mapping(found).get("n", 0))) for label, found in per_class.items()]
    total, most = sum(n for _, n in counts), max((n for _, n in counts), default=0)
    if not total:
        return []
    counts.sort(key=lambda pair: -pair[1])
    lines: list[tuple[Text, Any, str]] = [
        (shorten(label, 60), svg.bar(n / most, f"{label}: {n:,}"), f"{n:,} ({share(n / total)}%)") for label, n in counts[:LABELS]]
    rest: Sentence | str = say("{n} further labels", n=len(counts) - LABELS) if len(counts) > LABELS else ""
    return [*lines, (rest, "", f"{sum(n for _, n in counts[LABELS:]):,}")] if rest else lines
