"""A label: the name of a class."""

import math
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral, Real

import numpy as np
import pyarrow as pa

from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind

LONGEST = 200  # characters; what is longer is a text in the wrong column


class Label(Kind):
    """A class's name, as text: 1, 1.0 and "1" are one label, and so are "pos" and " pos "."""

    name = "label"

    @property
    def arrow(self) -> pa.DataType:
        """Strings."""
        return pa.string()

    def parse(self, raw: object) -> str:
        """The label's text: whole numbers without a point, truth as "true" and "false", outer spaces gone, in NFC.

        Raises BadValue for what is missing, NaN, no single value, or long as no name is.
        """
        if isinstance(raw, str):
            return _name(raw)
        if raw is None:
            raise BadValue(say("the label is missing"))
        if isinstance(raw, (bool, np.bool_)):
            return "true" if raw else "false"
        if isinstance(raw, Integral):
            return str(int(raw))
        if isinstance(raw, (Real, Decimal)):
            return _number(float(raw))
        raise BadValue(say("got {got}, want one label", got=shown(raw)))

    def fits(self, samples: Sequence[object]) -> bool:
        """Few distinct values, all of them short names."""
        labels = []
        for value in samples:
            try:
                labels.append(self.parse(value))
            except BadValue:
                if value is not None and value != "":
                    return False
        return bool(labels) and 2 * len(set(labels)) <= len(labels) + 2 and all(len(label) <= 64 for label in labels)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise BadValue(say("the label is missing (it is {got})", got=value))
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise BadValue(say("the label is missing"))
    if name in ("nan", "NaN"):
        raise BadValue(say("the label is missing (it is {got})", got=name))
    if len(name) > LONGEST:
        raise BadValue(say('"{got}" has {n} characters: too long for a label (at most {most}); is it the text\'s column?',
                           got=shown(name, 30), n=len(name), most=LONGEST))
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise BadValue(say('the label "{got}" holds control characters', got=shown(name)))
    return name


PART = Label
