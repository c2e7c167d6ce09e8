"""Rows that say nothing: no letter or digit in any input."""

from steelyard.audits import _look as look
from steelyard.facts import Finding
from steelyard.language import say
from steelyard.parts import Audit, Splits

CODE = "data/empty-rows"


class Empty(Audit):
    """Are there rows without a letter or digit?"""

    name = "empty"
    help = "rows without a letter or digit"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding; details: `rows`, the number per split."""
        if not any(column.kind == "text" for column in splits.inputs()):
            return [Finding(CODE, "not applicable", say("only text can be without a letter or digit, and no input here is text"))]
        found = {split: look.keys(splits, split).empty.nonzero()[0] for split in look.order(splits)}
        number, of = sum(map(len, found.values())), sum(len(splits.rows[split]) for split in found)
        seen = [origin for split, places in found.items() for origin in look.origins(splits.rows[split], places)][: look.SHOWN]
        details = {"rows": {split: len(places) for split, places in found.items()}}
        if not number:
            return [Finding(CODE, "passed", say("every one of the {n} rows holds a letter or digit", n=of), details=details)]
        return [Finding(CODE, "issue", say("{n} of {of} rows hold no letter or digit: nothing can be learnt from them or said about them",
                                           n=number, of=of), seen, details)]


PART = Empty
