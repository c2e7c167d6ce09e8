"""Section `gates`: conditions that a run must hold, such as "quality.accuracy >= 0.85" or "cost.time <= 30 min"."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from pydantic import AfterValidator

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.recipe._section import complaint
from steelyard.recipe.evidence import DOCUMENTS

Operator = Literal[">=", "<=", ">", "<"]
_FORM = re.compile(
    r"""(?P<document>[a-z]+)\.(?P<quantity>[^<>=≥≤]+?)\s*(?P<op>>=|<=|>|<|≥|≤)\s*
    (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    (?:\s*(?P<unit>[%％]|(?!(?:value|interval)$)[A-Za-zµ]+))?(?:\s+(?P<by>value|interval))?""",
    re.VERBOSE,
)
# unit as written, in lower case -> (unit of the quantity, how many of them)
UNITS = {
    "%": ("share", 0.01),
    "％": ("share", 0.01),
    "ms": ("s", 0.001),
    "s": ("s", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86400.0),
    "kib": ("MiB", 2.0**-10),
    "mib": ("MiB", 1.0),
    "gib": ("MiB", 2.0**10),
    "kb": ("MiB", 1e3 / 2**20),
    "mb": ("MiB", 1e6 / 2**20),
    "gb": ("MiB", 1e9 / 2**20),
    "j": ("J", 1.0),
    "kj": ("J", 1e3),
    "wh": ("J", 3600.0),
    "kwh": ("J", 3.6e6),
    "g": ("g", 1.0),
    "kg": ("g", 1e3),
    "nats": ("nats", 1.0),
    "bits": ("bits", 1.0),
    "rows": ("rows", 1.0),
}


@dataclass(frozen=True)
class Gate:
    """document.quantity op number, held by the interval's worse end unless `by` is "value".

    number   in `unit`; unit "" is the quantity's own
    text     as the person wrote it
    """

    document: str
    quantity: str
    op: Operator
    number: float
    unit: str = ""
    by: Literal["interval", "value"] = "interval"
    text: str = ""


def parse(text: str, where: str) -> Gate:
    """One condition. Raises InputError, its sentence beginning with `where`."""
    found = _FORM.fullmatch(" ".join(text.split()))
    if not found:
        raise InputError(say('{where}: got "{got}", want a condition such as "quality.accuracy >= 0.85", "cost.time <= 30 min" or '
                             '"bias.gap <= 5% value"', where=where, got=text))
    if found["document"] not in DOCUMENTS:
        raise InputError(say('{where}: got "{got}", but there is no evidence "{name}" (there are: {known})',
                             where=where, got=text, name=found["document"], known=", ".join(DOCUMENTS)))
    unit, factor = "", 1.0
    if found["unit"]:
        if found["unit"].lower() not in UNITS:
            raise InputError(say('{where}: got "{got}", but "{name}" is no unit (there are: {known})',
                             where=where, got=text, name=found["unit"],
                                 known="%, ms, s, min, h, d, KiB, MiB, GiB, MB, GB, J, kWh, g, kg, nats, rows"))
        unit, factor = UNITS[found["unit"].lower()]
    number = float(found["number"]) * factor
    if not math.isfinite(number):
        raise InputError(say('{where}: got "{got}", want a finite number', where=where, got=text))
    op = cast(Operator, {"≥": ">=", "≤": "<="}.get(found["op"], found["op"]))
    by: Literal["interval", "value"] = "value" if found["by"] == "value" else "interval"
    return Gate(found["document"], found["quantity"].strip(), op, number, unit, by, text)


def _parsable(text: str) -> str:
    try:
        parse(text, "{where}")
    except InputError as error:
        raise complaint("", error.sentence) from error
    return text


Condition = Annotated[str, AfterValidator(_parsable)]
