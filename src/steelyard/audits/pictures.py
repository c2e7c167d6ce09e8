"""What pictures need before they are alike: print colours, 16 bits, a palette, transparency, the camera's rotation, further frames."""

from collections import Counter
from contextlib import suppress
from functools import reduce

from steelyard.audits import _look as look
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math.pictures import NEEDS, BadPicture, needs
from steelyard.parts import Audit, Splits

CODE = "data/pictures-converted"

_DONE: dict[str, Sentence] = {
    "print colours": say("print colours (CMYK) turned to RGB"),
    "16 bits": say("16 bits scaled to 8"),
    "one bit": say("one bit spread to black and white"),
    "palette": say("a palette looked up"),
    "transparency": say("transparency laid over white"),
    "rotation": say("turned upright as the camera was held (EXIF)"),
    "several frames": say("only the first of several frames used"),
}


class Pictures(Audit):
    """How many pictures had to be converted, and how?"""

    name = "pictures"
    help = "pictures in print colours, with 16 bits, a palette, transparency, a rotation or several frames: handled, and counted"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding; details: `converted`, {split: {what: rows}}. Frames that are left out make it an issue: they are lost."""
        columns = [column.name for column in splits.inputs() if column.kind == "image"]
        if not columns:
            return [Finding(CODE, "not applicable", say("no input is a picture"))]
        counts: dict[str, Counter[str]] = {}
        seen: list[str] = []
        converted = total = 0
        for split in look.order(splits):
            counts[split] = Counter()
            rows = splits.rows[split]
            for place, found in enumerate(_needs(row, columns) for block in look.blocks(rows, columns) for row in block):
                counts[split].update(found)
                converted, total = converted + bool(found), total + 1
                if found and len(seen) < look.SHOWN:
                    seen.append(rows.origin(place))
        whole = sum(counts.values(), Counter[str]())
        details = {"converted": {split: dict(counter) for split, counter in counts.items()}, "rows": converted}
        if not converted:
            return [Finding(CODE, "passed", say("none of the {n} pictures had to be converted", n=total), details=details)]
        kinds = reduce(lambda left, right: say("{left}; {right}", left=left, right=right),
                       (say("{what}: {n}", what=_DONE[name], n=whole[name]) for name in NEEDS if whole[name]))
        return [Finding(CODE, "issue" if whole["several frames"] else "passed",
                        say("{n} of {of} pictures were converted ({kinds})", n=converted, of=total, kinds=kinds), seen, details)]


def _needs(row: dict[str, object], columns: list[str]) -> set[str]:
    found: set[str] = set()
    for name in columns:
        value = row[name]
        if isinstance(value, bytes):
            with suppress(BadPicture):  # it passed when it was read, by another Pillow: decoding it will say what is wrong
                found.update(needs(value))
    return found


PART = Pictures
