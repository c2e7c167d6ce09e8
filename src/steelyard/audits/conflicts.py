"""One input under two labels: at most one of them can be right."""

import numpy as np

from steelyard.audits import _look as look
from steelyard.facts import Finding
from steelyard.language import say
from steelyard.parts import Audit, Splits

CODE = "data/conflicting-labels"


class Conflicts(Audit):
    """Does one input stand under two labels?"""

    name = "conflicts"
    help = "the same input under two labels"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding over all splits together; details: `inputs` (how many), `rows` per split, `examples` (origins with labels)."""
        if look.label_column(splits) is None:
            return [Finding(CODE, "not applicable", say("the targets are no labels: one input may rightly have several"))]
        names = look.order(splits)
        split_of = np.concatenate([np.full(len(splits.rows[name]), number) for number, name in enumerate(names)] or [np.zeros(0, int)])
        place_of = np.concatenate([np.arange(len(splits.rows[name])) for name in names] or [np.zeros(0, int)])
        same = np.concatenate([look.keys(splits, name).same for name in names] or [np.zeros(0, np.uint64)])
        empty = np.concatenate([look.keys(splits, name).empty for name in names] or [np.zeros(0, bool)])
        label = np.concatenate([look.labels(splits, name) for name in names] or [np.zeros(0, object)])
        groups = _conflicting(same, label, ~empty & np.array([one is not None for one in label], dtype=bool))
        told = [[f"{splits.rows[names[split_of[row]]].origin(int(place_of[row]))}: {label[row]}" for row in group[:6]]
                for group in groups[: look.SHOWN]]
        rows = [row for group in groups for row in group]
        details = {"inputs": len(groups), "rows": {name: int((split_of[rows] == number).sum()) for number, name in enumerate(names)},
                   "examples": told}
        if not groups:
            return [Finding(CODE, "passed", say("no input stands under two labels"), details=details)]
        seen = [splits.rows[names[split_of[row]]].origin(int(place_of[row])) for row in rows[: look.SHOWN]]
        return [Finding(CODE, "issue", say("{inputs} inputs stand under two labels or more, in {rows} of {of} rows: at most one label "
                                           "of each can be right",
                                           inputs=len(groups), rows=len(rows), of=len(same)), seen, details)]


def _conflicting(same: np.ndarray, label: np.ndarray, usable: np.ndarray) -> list[list[int]]:
    """The rows of each input that has two labels or more, in the order of their first rows."""
    usable_rows = usable.nonzero()[0]
    _, inverse, counts = np.unique(same[usable_rows], return_inverse=True, return_counts=True)
    groups: dict[int, list[int]] = {}
    for row, number in zip(usable_rows, inverse, strict=True):
        if counts[number] > 1:
            groups.setdefault(int(number), []).append(int(row))
    return [group for group in groups.values() if len({label[row] for row in group}) > 1]


PART = Conflicts
