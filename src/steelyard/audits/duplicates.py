"""The same row twice: within a split, and across splits, where it flatters the score."""

from typing import Any

import numpy as np

from steelyard.audits import _look as look
from steelyard.facts import Finding, Quantity
from steelyard.language import Sentence, say
from steelyard.parts import Audit, Splits

WITHIN, ACROSS = "data/duplicates-within-splits", "data/duplicates-across-splits"
MANY = 0.01  # of a split's rows: fewer repetitions within it move no figure


class Duplicates(Audit):
    """Which rows are there twice, letter by letter or but for case, space and punctuation?"""

    name = "duplicates"
    help = "the same row twice, exactly or but for case, space and punctuation, within and across splits"

    def ask(self, splits: Splits) -> list[Finding]:
        """Two findings, within and across splits; the second with the score with and without, where answers are known."""
        return [_within(splits), _across(splits)]


def _within(splits: Splits) -> Finding:
    repeated, exact, seen = {}, {}, []
    for split in look.order(splits):
        keys = look.keys(splits, split)
        places = _repetitions(keys.same, ~keys.empty)
        repeated[split], exact[split] = len(places), len(_repetitions(keys.exact, ~keys.empty))
        seen += look.origins(splits.rows[split], places)
    details = {"normalised": repeated, "exact": exact}
    number, of = sum(repeated.values()), sum(len(splits.rows[split]) for split in repeated)
    if not number:
        return Finding(WITHIN, "passed", say("no row stands twice within a split"), details=details)
    many = any(rows >= MANY * len(splits.rows[split]) for split, rows in repeated.items())
    return Finding(WITHIN, "issue" if many else "passed",
                   say("{n} of {of} rows repeat an earlier row of their split ({exact} of them "
                       "exactly)", n=number, of=of, exact=sum(exact.values())),
                   seen[: look.SHOWN], details)


def _repetitions(keys: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The places of usable rows whose key an earlier usable row has."""
    places = usable.nonzero()[0]
    _, first = np.unique(keys[places], return_index=True)
    return np.delete(places, first)


def _across(splits: Splits) -> Finding:
    names, about = look.order(splits), look.judged(splits)
    if about is None or len(names) < 2:
        return Finding(ACROSS, "not applicable", say("there is only one split"))
    pairs = {f"{later}|{earlier}": _pair(splits, later, earlier)
             for place, later in enumerate(names) for earlier in names[:place]}
    others = [name for name in names if name != about]
    hit = _hit(splits, about, others)
    if not hit.any() and (leaky := [pair for pair, found in pairs.items() if found["normalised"]]):
        about, earlier = leaky[0].split("|")  # test is clean, but validation, which chooses the weights, is not
        others = [earlier]
        hit = _hit(splits, about, others)
    number, of = int(hit.sum()), len(hit)
    details: dict[str, Any] = {"about": about, "pairs": pairs, "rows": number, "of": of, "examples": _examples(splits, about, others, hit)}
    if not number:
        clean = say("no {split} row is also in another split", split=about)
        if any(column.kind == "text" for column in splits.inputs()):
            clean = say("no {split} row is also in another split, whatever its case, space and punctuation", split=about)
        return Finding(ACROSS, "passed", clean, details=details)
    there = [name for name in others if _hit(splits, about, [name]).any()]
    why = say("{n} of {of} {split} rows ({share:.1%}) are also in {others}: what is known by heart is no test",
              n=number, of=of, split=about, share=number / of, others=" + ".join(there))
    if about in splits.right:
        right = np.asarray(splits.right[about], dtype=np.float64)
        whole, without = look.score(right), look.score(right[~hit])
        details |= {"with": whole.to_json(), "without": without.to_json(), "on_duplicates": look.score(right[hit]).to_json()}
        why = _told(why, whole, without)
    return Finding(ACROSS, "issue", why, look.origins(splits.rows[about], hit.nonzero()[0]), details)


def _told(why: Sentence, whole: Quantity, without: Quantity) -> Sentence:
    values = dict(why.values)
    if whole.value is None or without.value is None:
        return say("{n} of {of} {split} rows ({share:.1%}) are also in {others}: without them no row is left to judge by", **values)
    return say("{n} of {of} {split} rows ({share:.1%}) are also in {others}: the score is {whole:.1%} with them and {without:.1%} "
               "without", **values, whole=whole.value, without=without.value)


def _hit(splits: Splits, about: str, others: list[str]) -> np.ndarray:
    """(rows of about,) bool: whether the row is in one of the others."""
    keys = look.keys(splits, about)
    there = np.concatenate([look.keys(splits, name).same[~look.keys(splits, name).empty] for name in others] or [np.zeros(0, np.uint64)])
    return np.asarray(np.isin(keys.same, there) & ~keys.empty)


def _pair(splits: Splits, later: str, earlier: str) -> dict[str, int]:
    """How many rows of `later` are in `earlier`: normalised, exact, and of the normalised those under other labels only."""
    ours, theirs = look.keys(splits, later), look.keys(splits, earlier)
    hit = _hit(splits, later, [earlier])
    found = {"normalised": int(hit.sum()), "exact": int((np.isin(ours.exact, theirs.exact[~theirs.empty]) & ~ours.empty).sum())}
    if look.label_column(splits) is None or not found["normalised"]:
        return found
    labels_there: dict[int, set[str]] = {}
    label = look.labels(splits, earlier)
    for place in np.isin(theirs.same, ours.same[hit]).nonzero()[0]:
        labels_there.setdefault(int(theirs.same[place]), set()).add(label[place])
    label = look.labels(splits, later)
    other = sum(label[place] not in labels_there[int(ours.same[place])] for place in hit.nonzero()[0])
    return {**found, "other_label": other}


def _examples(splits: Splits, about: str, others: list[str], hit: np.ndarray) -> list[list[str]]:
    """[origin of the row, origin of its double] of the first few."""
    told = []
    for place in hit.nonzero()[0][: look.SHOWN]:
        wanted = look.keys(splits, about).same[place]
        for name in others:
            if len(there := (look.keys(splits, name).same == wanted).nonzero()[0]):
                told.append([splits.rows[about].origin(int(place)), splits.rows[name].origin(int(there[0]))])
                break
    return told


PART = Duplicates
