"""Findings of a document as a page tells them: issues first, each with its mark and where it was seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.facts import Evidence, Finding
from steelyard.language import Sentence, say
from steelyard.report import digits
from steelyard.report.chapter import Text
from steelyard.report.material import quantity
from steelyard.report.texts import shorten

_ORDER = ("issue", "inconclusive", "passed", "not applicable")
PLACES = 5
MOST = 30  # findings of one document


@dataclass(frozen=True)
class Told:
    """One finding. kind: "issue", "open", "passed" or "none", the class of its mark."""

    kind: str
    outcome: Sentence
    why: Text
    code: str
    rows: Text
    figures: Sequence[Text]


def told(document: Evidence, outcomes: Sequence[str] = _ORDER) -> list[Told]:
    """The first findings of these outcomes, issues before all else, in their own order otherwise."""
    chosen = [finding for finding in document.findings if finding.outcome in outcomes]
    return [_told(finding) for finding in sorted(chosen, key=lambda finding: _ORDER.index(finding.outcome))[:MOST]]


def more(document: Evidence, outcomes: Sequence[str] = _ORDER) -> Text:
    """How many findings `told` leaves to the document, or nothing."""
    left = len(document.findings) - len(told(document, outcomes))
    return say("and {n} further findings in evidence/", n=left) if left > 0 else ""


def _told(finding: Finding) -> Told:
    outcome = {"issue": say("issue"), "passed": say("passed"), "inconclusive": say("open"),
               "not applicable": say("does not apply")}[finding.outcome]
    kind = {"issue": "issue", "passed": "passed", "inconclusive": "open", "not applicable": "none"}[finding.outcome]
    rows: Text = ""
    if finding.rows:
        places = ", ".join(shorten(row, 80) for row in finding.rows[:PLACES])
        many = len(finding.rows) > PLACES
        rows = say("seen at {places} and elsewhere", places=places) if many else say("seen at {places}", places=places)
    return Told(kind, outcome, finding.why, finding.code, rows, _figures(finding))


def _figures(finding: Finding) -> list[Text]:
    """The score with the rows in question and without them, where the audit asked for both."""
    with_, without = quantity(finding.details.get("with")), quantity(finding.details.get("without"))
    if with_ is None or without is None:
        return []
    return [say("with them: {figure}", figure=digits.full(with_)), say("without them: {figure}", figure=digits.full(without))]
