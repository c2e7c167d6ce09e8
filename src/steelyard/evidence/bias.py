"""Whom the model fails: error rates, and selection where a label is good for the person, per group of the declared columns.

Each group is compared with all other rows, over the whole family of comparisons with Holm's correction: in an audit where nothing
differs, the chance of any claim is at most 5%. Only a group that fares worse is an issue. A statement never says that there is no
bias: it says within what limits a gap lies, or that these rows cannot show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.errors import InputError, listing, unknown
from steelyard.evidence._rates import LEAST, Comparison, Rate, compare, gap, own_rate, ratio_to_rest
from steelyard.facts import Evidence, Finding, Outcome, Quantity, unmeasured
from steelyard.language import Sentence, say
from steelyard.math.multiple import holm
from steelyard.math.spread import Spread, spread

if TYPE_CHECKING:
    from steelyard.evidence.case import Case

ALPHA = 0.05
CLOSE = 0.1  # a gap whose interval lies within -/+ this is called small enough to have been looked for
LISTED = 200  # groups of a column in the document, the largest
MISSING = "(missing)"


@dataclass(frozen=True)
class Verdict:
    """A comparison after the correction."""

    one: Comparison
    adjusted: float
    outcome: Outcome


def _worse(one: Comparison) -> bool:
    """Whether the group fares worse than the rest, chance or not."""
    return one.difference > 0 if one.rate.higher else one.difference < 0


def weigh(case: "Case") -> Evidence:
    """The judged rows by the columns of `evidence.bias.groups`. Raises InputError for a column or a label that is not there."""
    settings = case.recipe.evidence.bias
    known = [name for name in case.rows.names if not name.startswith("_")]
    if not settings.groups:
        return Evidence(evidence="bias", of=case.of, signature=case.signature(), refused=_undeclared(case, known))
    for name in settings.groups:
        if name not in case.rows.names:
            raise unknown(str(say("column")), name, known, "evidence.bias.groups")
    rates = rates_of(case.right, case.decided, case.truths, settings.positive)
    columns = {name: _groups(case.rows.column(name)) for name in dict.fromkeys(settings.groups)}
    verdicts = judge(columns, rates, case.clusters)
    tested = sum(not np.isnan(verdict.adjusted) for verdict in verdicts)
    if not tested:
        return Evidence(evidence="bias", of=case.of, signature=case.signature(),
                        refused=say("no column of {columns} has two groups of {least} rows or more: nothing can be compared",
                                    columns=", ".join(columns), least=LEAST))
    spreads = {name: found for name, groups in columns.items() if (found := _spread(groups, rates[0], case.seed)) is not None}
    signature = case.signature(f"Holm over {_family(verdicts)} comparisons, each group with the rest")
    return Evidence(evidence="bias", of=case.of, signature=signature,
                    quantities=_quantities(verdicts, spreads), findings=_findings(verdicts),
                    details=_details(verdicts, spreads, settings.positive))


def _undeclared(case: "Case", known: Sequence[str]) -> Sentence:
    task = {column.name for column in case.splits.columns}
    if extra := [name for name in known if name not in task]:
        return say("no groups are declared; name columns whose values are groups in evidence.bias.groups (the rows have: {columns})",
                   columns=listing(extra))
    return say("no groups are declared, and the rows have no column beside inputs and label that could tell groups; add one to the data "
               "and "
               "name it in evidence.bias.groups")


def _groups(values: Sequence[object]) -> np.ndarray:
    return np.array([MISSING if value is None or not str(value).strip() else str(value) for value in values], dtype=str)


def rates_of(right: np.ndarray, decided: Sequence[str | None], truths: Sequence[str | None], positive: Sequence[str]) -> list[Rate]:
    """The error rate; with `positive` labels also selection, false positive and false negative rate. right (rows,) in [0, 1].

    Raises InputError where no row bears or gets one of those labels.
    """
    right = np.asarray(right, dtype=np.float64)
    rates = [Rate("error", np.isfinite(right), 1 - right)]
    if not positive:
        return rates
    there = {label for label in (*decided, *truths) if label is not None}
    for label in positive:
        if label not in there:
            raise InputError(say('evidence.bias.positive: no row has or gets the label "{label}" (there are: {known})',
                                 label=label, known=listing(sorted(there))))
    chosen = np.array([label in positive for label in decided], dtype=bool)
    answered = np.array([label is not None for label in decided], dtype=bool)
    worthy = np.array([label in positive for label in truths], dtype=bool)
    known = answered & np.array([label is not None for label in truths], dtype=bool)
    hit, missed = chosen.astype(np.float64), (~chosen).astype(np.float64)
    return [*rates, Rate("selection", answered, hit, higher=False), Rate("fpr", known & ~worthy, hit), Rate("fnr", known & worthy, missed)]


def judge(columns: dict[str, np.ndarray], rates: Sequence[Rate], clusters: np.ndarray | None) -> list[Verdict]:
    """Every group of every column by every rate, with Holm's correction over all of them. columns: name -> (rows,) str."""
    found = [one for name, groups in columns.items() for rate in rates for one in compare(name, groups, rate, clusters)]
    counted = np.array([one.p for one in found], dtype=np.float64)
    twin_of = _twins(found)
    counted[list(twin_of)] = np.nan  # of two groups each is the other's rest: one question, asked once
    adjusted = holm(counted)
    for twin, first in twin_of.items():
        adjusted[twin] = adjusted[first]
    return [Verdict(one, float(p), _outcome(one, float(p))) for one, p in zip(found, adjusted, strict=True)]


def _twins(found: Sequence[Comparison]) -> dict[int, int]:
    """Place of a comparison -> place of the one that it mirrors, in columns of two groups."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(found):
        places.setdefault((one.column, one.rate.name), []).append(place)
    return {pair[1]: pair[0] for pair in places.values() if len(pair) == 2}


def _outcome(one: Comparison, adjusted: float) -> Outcome:
    low, high = one.ends
    if not np.isnan(adjusted) and adjusted < ALPHA:
        return "issue" if _worse(one) else "passed"
    return "passed" if not np.isnan(adjusted) and max(-low, high) <= CLOSE else "inconclusive"


def _family(verdicts: Sequence[Verdict]) -> int:
    mirrored = _twins([verdict.one for verdict in verdicts])
    return sum(not np.isnan(verdict.adjusted) and place not in mirrored for place, verdict in enumerate(verdicts))


_SAID = {  # by rate: worse than chance, better than chance, looked for and not seen, not assessable
    "error": (
        say("{column} = {group}: wrong in {own:.1%} of {n} rows, all others in {rest:.1%}: {gap:.1f} points more [{low:.1f}, "
            "{high:.1f}]"),
        say("{column} = {group}: wrong in {own:.1%} of {n} rows, all others in {rest:.1%}: served better than the others"),
        say("{column} = {group}: wrong in {own:.1%} of {n} rows, all others in {rest:.1%}: the gap lies within [{low:.1f}, {high:.1f}] "
            "points"),
        say("{column} = {group}: wrong in {own:.1%} of {n} rows, all others in {rest:.1%}: not assessable, so few rows show gaps of "
            "{visible:.1f} points or more")),
    "selection": (
        say("{column} = {group}: chosen in {own:.1%} of {n} rows, all others in {rest:.1%}: {gap:.1f} points [{low:.1f}, {high:.1f}]"),
        say("{column} = {group}: chosen in {own:.1%} of {n} rows, all others in {rest:.1%}: more often than the others"),
        say("{column} = {group}: chosen in {own:.1%} of {n} rows, all others in {rest:.1%}: the gap lies within [{low:.1f}, {high:.1f}] "
            "points"),
        say("{column} = {group}: chosen in {own:.1%} of {n} rows, all others in {rest:.1%}: not assessable, so few rows show gaps of "
            "{visible:.1f} points or more")),
    "fpr": (
        say("{column} = {group}: false positives in {own:.1%} of {n} rows, in {rest:.1%} of all others: {gap:.1f} points more "
            "[{low:.1f}, {high:.1f}]"),
        say("{column} = {group}: false positives in {own:.1%} of {n} rows, in {rest:.1%} of all others: fewer than the others"),
        say("{column} = {group}: false positives in {own:.1%} of {n} rows, in {rest:.1%} of all others: the gap lies within [{low:.1f}, "
            "{high:.1f}] "
            "points"),
        say("{column} = {group}: false positives in {own:.1%} of {n} rows, in {rest:.1%} of all others: not assessable, so few rows "
            "show gaps of "
            "{visible:.1f} points or more")),
    "fnr": (
        say("{column} = {group}: false negatives in {own:.1%} of {n} rows, in {rest:.1%} of all others: {gap:.1f} points more "
            "[{low:.1f}, {high:.1f}]"),
        say("{column} = {group}: false negatives in {own:.1%} of {n} rows, in {rest:.1%} of all others: fewer than the others"),
        say("{column} = {group}: false negatives in {own:.1%} of {n} rows, in {rest:.1%} of all others: the gap lies within [{low:.1f}, "
            "{high:.1f}] "
            "points"),
        say("{column} = {group}: false negatives in {own:.1%} of {n} rows, in {rest:.1%} of all others: not assessable, so few rows "
            "show gaps of "
            "{visible:.1f} points or more")),
}


def _findings(verdicts: Sequence[Verdict]) -> list[Finding]:
    """One a comparison; of two groups only the one that fares worse; the groups too small to compare together."""
    found = []
    mirrored = _twins([verdict.one for verdict in verdicts])
    left_out = {first if not _worse(verdicts[first].one) else twin for twin, first in mirrored.items()}
    errors = [verdict.one for verdict in verdicts if verdict.one.rate.name == "error"]
    small = {(one.column, one.group) for one in errors if one.own.n < LEAST}
    for place, verdict in enumerate(verdicts):
        one = verdict.one
        if place not in left_out and (one.column, one.group) not in small and one.rest.n:
            found.append(Finding(f"bias/{one.rate.name}/{one.column}={one.group}", verdict.outcome, _said(verdict)))
    for column in dict.fromkeys(column for column, _ in small):
        groups = sorted(group for name, group in small if name == column)
        found.append(Finding(f"bias/small-groups/{column}", "inconclusive",
                             say("{column}: {n} groups have fewer than {least} rows and are not assessable: {groups}", column=column,
                                 n=len(groups), least=LEAST, groups=listing(groups, 6)), details={"groups": groups[:LISTED]}))
    return found


def _said(verdict: Verdict) -> Sentence:
    one = verdict.one
    worse, better, within, blind = _SAID[one.rate.name]
    low, high = one.ends
    sentence = {"issue": worse, "inconclusive": blind, "passed": within}[verdict.outcome]
    if verdict.outcome == "passed" and verdict.adjusted < ALPHA:
        sentence = better
    shares = {"own": one.own.share, "rest": one.rest.share}
    points = {"gap": one.difference, "low": low, "high": high, "visible": one.smallest_gap}
    return Sentence(sentence.template, {"column": one.column, "group": one.group, "n": one.own.n, **shares,
                                        **{name: 100 * value for name, value in points.items()}})


def _spread(groups: np.ndarray, rate: Rate, seed: int) -> Spread | None:
    names, of = np.unique(groups[rate.of], return_inverse=True)
    n = np.bincount(of, minlength=len(names))
    hits = np.minimum(np.rint(np.bincount(of, weights=rate.hit[rate.of], minlength=len(names))), n)
    kept = n >= LEAST
    return spread(hits[kept].astype(np.int64), n[kept].astype(np.int64), seed)


def _worst(verdicts: Sequence[Verdict]) -> Comparison | None:
    """The group with the highest error rate among those that were compared."""
    errors = [verdict.one for verdict in verdicts if verdict.one.rate.name == "error" and verdict.one.own.n >= LEAST]
    return max(errors, key=lambda one: one.own.share, default=None)


def _quantities(verdicts: Sequence[Verdict], spreads: dict[str, Spread]) -> dict[str, Quantity]:
    found = {}
    if (worst := _worst(verdicts)) is not None:
        found["worst-error"] = own_rate(worst)
    how = "no interval: largest minus smallest group's error rate, sampling noise taken out"
    for name, one in spreads.items():
        found[f"gap.{name}"] = Quantity(value=one.gap, how=how, better="lower", n=_rows(verdicts, name))
        found[f"raw-gap.{name}"] = Quantity(value=one.raw_gap, how="no interval: as counted, noise included", better="lower",
                                            n=_rows(verdicts, name))
    widest = max(spreads, key=lambda name: spreads[name].gap, default=None)
    found["gap"] = found[f"gap.{widest}"] if widest is not None else unmeasured(
        say("no column has two groups of {least} rows or more", least=LEAST))
    return found


def _rows(verdicts: Sequence[Verdict], column: str) -> int:
    return sum(verdict.one.own.n for verdict in verdicts if verdict.one.column == column and verdict.one.rate.name == "error")


def _details(verdicts: Sequence[Verdict], spreads: dict[str, Spread], positive: Sequence[str]) -> dict[str, Any]:
    """`columns` {column: [groups]}, `spread` {column: figures}, `worst`, `reference` ("rest": all other rows), `positive`."""
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    for verdict in verdicts:
        one, name = verdict.one, verdict.one.rate.name
        empty: dict[str, Any] = {"group": one.group, "n": 0, "outcome": "inconclusive", "compared": {}}
        entry = columns.setdefault(one.column, {}).setdefault(one.group, empty)
        entry[name] = own_rate(one).to_json()
        entry["compared"][name] = {"difference": gap(one).to_json(), "p": _number(one.p), "p_holm": _number(verdict.adjusted),
                                   "smallest_gap": _number(one.smallest_gap), "outcome": verdict.outcome}
        if name == "error":
            entry |= {"n": one.own.n, "difference": gap(one).to_json(), "outcome": verdict.outcome}
        if name == "selection":
            entry["ratio"] = ratio_to_rest(one).to_json()
    details: dict[str, Any] = {
        "columns": {name: sorted(groups.values(), key=lambda entry: -entry["n"])[:LISTED] for name, groups in columns.items()},
        "groups": {name: len(groups) for name, groups in columns.items()}, "reference": "rest", "positive": list(positive),
        "spread": {name: {"raw": one.raw_gap, "corrected": one.gap, "by_chance": one.by_chance, "p": one.p_value}
                   for name, one in spreads.items()}}
    if (worst := _worst(verdicts)) is not None:
        details["worst"] = {"column": worst.column, "group": worst.group, "error": own_rate(worst).to_json(), "n": worst.own.n}
    return details


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
