"""A leak through pretraining: rows of the judged split that a run was trained on which the model comes from."""

from typing import Any

import numpy as np

from steelyard.audits import _look as look
from steelyard.facts import Finding
from steelyard.language import say
from steelyard.math.traces import Trace, blocks
from steelyard.parts import Audit, Splits

CODE = "data/rows-that-ancestors-trained-on"


class Ancestors(Audit):
    """Which judged rows did an earlier run of the chain train on?"""

    name = "ancestors"
    help = "judged rows that a run was trained on which the model comes from (model.from), whole or as part of a longer text"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding; details: `runs` {name: {whole, part}}, `unknown` rows too short for the sample of windows, the score with and
        without the rows, where answers are known.
        """
        about = look.judged(splits)
        if not splits.ancestors:
            return [Finding(CODE, "not applicable", say("the model comes from no other run"))]
        if about is None:
            return [Finding(CODE, "not applicable", say("there is only one split"))]
        known = {name: held for name, held in splits.ancestors.items() if held is not None}
        silent = [name for name, held in splits.ancestors.items() if held is None]
        if not known:
            return [Finding(CODE, "inconclusive", say("the model comes from {runs}, which kept no trace of its training rows",
                                                      runs=", ".join(silent)))]
        return [_judge(splits, about, known, silent)]


def _judge(splits: Splits, about: str, known: dict[str, Trace], silent: list[str]) -> Finding:
    rows, places = splits.rows[about], 0
    flags = {name: np.zeros((3, len(rows)), dtype=bool) for name in known}  # whole, part, unknown
    for block in blocks(look.identities(splits, about)):
        here = slice(places, places + len(block))
        there = np.array([bool(text) for text in block])
        for name, held in known.items():
            flags[name][:, here] = np.stack(held.find(block)) & there
        places += len(block)
    hit = np.any([found[0] | found[1] for found in flags.values()], axis=0)
    number, of = int(hit.sum()), len(hit)
    details: dict[str, Any] = {
        "about": about, "rows": number, "of": of, "without_trace": silent,
        "unknown": int((np.any([found[2] for found in flags.values()], axis=0) & ~hit).sum()),
        "runs": {name: {"whole": int(found[0].sum()), "part": int(found[1].sum())} for name, found in flags.items()}}
    runs = ", ".join(name for name, found in flags.items() if found[:2].any())
    if not number:
        return Finding(CODE, "inconclusive" if silent else "passed",
                       say("no {split} row was trained on by {runs}, which the model comes from", split=about, runs=", ".join(known)),
                       details=details)
    values: dict[str, Any] = {"n": number, "of": of, "split": about, "share": number / of, "runs": runs}
    why = say("{n} of {of} {split} rows ({share:.1%}) were trained on by {runs}, which the model comes from: what is known by heart is "
              "no test", **values)
    if about in splits.right:
        right = np.asarray(splits.right[about], dtype=np.float64)
        whole, without = look.score(right), look.score(right[~hit])
        details |= {"with": whole.to_json(), "without": without.to_json()}
        if whole.value is not None and without.value is not None:
            why = say("{n} of {of} {split} rows ({share:.1%}) were trained on by {runs}, which the model comes from: the score is "
                      "{whole:.1%} with them and {without:.1%} without", **values, whole=whole.value, without=without.value)
    return Finding(CODE, "issue", why, look.origins(rows, hit.nonzero()[0]), details)


PART = Ancestors
