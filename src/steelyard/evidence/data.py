"""What is wrong with the data: every audit of the catalogue over the run's splits."""

from typing import TYPE_CHECKING, Any

from steelyard import catalog
from steelyard.engine.exclude import finding as excluded
from steelyard.facts import Evidence, Finding, Quantity, unmeasured
from steelyard.language import say
from steelyard.parts import Audit, Splits

if TYPE_CHECKING:
    from steelyard.evidence.case import Case

ACROSS, WITHIN, EMPTY = "data/duplicates-across-splits", "data/duplicates-within-splits", "data/empty-rows"


def audited(splits: Splits) -> list[Finding]:
    """The findings of every audit, in the audits' order by name."""
    parts: list[type[Audit]] = list(catalog.every("audits"))
    return [finding for part in parts for finding in part().ask(splits)]


def weigh(case: "Case") -> Evidence:
    """Findings, and as quantities: rows per split, rows that could not be read, duplicates, the score with and without them."""
    splits = case.splits
    findings = [*excluded(case.manifest["data"].get("excluded", ())), *case.task.noticed(splits.rows), *audited(splits)]
    bad = case.manifest["data"].get("bad_rows", [])
    quantities = {f"rows.{split}": _counted(len(rows)) for split, rows in splits.rows.items()}
    quantities["bad-rows"] = _counted(len(bad), "lower")
    quantities |= _from_findings({finding.code: finding.details for finding in findings})
    details: dict[str, Any] = {"rows": {split: len(rows) for split, rows in splits.rows.items()}, "bad_rows": bad[:20]}
    return Evidence(evidence="data", of=case.of, signature=case.signature(f"{len(catalog.names('audits'))} audits"), quantities=quantities,
                    findings=findings, details=details)


def _counted(number: int, better: str = "") -> Quantity:
    return Quantity(value=float(number), low=float(number), high=float(number), n=number, unit="rows", how="counted", better=better)


def _from_findings(details: dict[str, Any]) -> dict[str, Quantity]:
    """The figures that a gate may lean on; an audit that does not apply gives its reason instead."""
    alone = unmeasured(say("there is only one split"), "rows")
    across, within, empty = (details.get(code, {}) for code in (ACROSS, WITHIN, EMPTY))
    found = {"duplicates-across-splits": _counted(across["rows"], "lower") if "rows" in across else alone}
    if "normalised" in within:
        found["duplicates-within-splits"] = _counted(sum(within["normalised"].values()), "lower")
    if "rows" in empty:
        found["empty-rows"] = _counted(sum(empty["rows"].values()), "lower")
    for name, key in (("score-with-duplicates", "with"), ("score-without-duplicates", "without")):
        if key in across:
            found[name] = Quantity.from_json(across[key])
    return found
