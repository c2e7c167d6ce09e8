"""Texts in capitals only."""

from steelyard.facts import Finding
from steelyard.language import say
from steelyard.parts import Audit, Splits

CODE = "data/shouting"


class Shouting(Audit):
    """Are there texts that shout?"""

    name = "shouting"
    help = "texts in capitals only"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding; up to 20 rows are named."""
        texts = [column.name for column in splits.inputs() if column.kind == "text"]
        if not texts:
            return [Finding(CODE, "not applicable", say("no input is text"))]
        loud = [rows.origin(i) for rows in splits.rows.values() for i, text in enumerate(rows.column(texts[0])) if text.isupper()]
        if loud:
            return [Finding(CODE, "issue", say("{n} rows shout", n=len(loud)), loud[:20])]
        return [Finding(CODE, "passed", say("no row shouts"))]


PART = Shouting
