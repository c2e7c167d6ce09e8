"""The names of classes, as kinds of labels take them."""

import math
import unicodedata
from decimal import Decimal
from numbers import Integral, Real

import numpy as np

from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue

LONGEST = 200  # characters; what is longer is a text in the wrong column


def name_of(raw: object) -> str:
    """A label's text: whole numbers without a point, truth as "true" and "false", outer spaces gone, in NFC.

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
