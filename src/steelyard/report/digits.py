"""Numbers as a person reads them: as many digits as the interval bears out, and a unit of handy size."""

import math

from steelyard.facts import Quantity
from steelyard.language import Sentence, say

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SCALES = {  # unit -> (size, name), largest first
    "MiB": ((2**40, "EiB"), (2**30, "PiB"), (2**20, "TiB"), (2**10, "GiB"), (1, "MiB"), (2**-10, "KiB")),
    "FLOP": ((1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"), (1, "FLOP")),
    "J": ((3.6e6, "kWh"), (3.6e3, "Wh"), (1, "J")),
    "g": ((1e6, "t"), (1e3, "kg"), (1, "g"), (1e-3, "mg")),
}

_UNITS = {"nats": say("nats"), "bits": say("bits"), "rows/s": say("rows/s"), "examples/s": say("examples/s"), "tokens/s": say("tokens/s"),
          "ms": say("ms")}
COUNTS = ("", "count", "rows")  # units that are not written out


def significant(number: float, digits: int = 3) -> str:
    """3 significant digits, thousands set off by commas; powers of ten where the number is very large or small."""
    size = abs(number)
    if number == 0 or not math.isfinite(number):
        return "0" if number == 0 else str(number)
    if size >= 1e9 or size < 1e-4:
        mantissa, power = f"{number:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10{str(int(power)).translate(_RAISED)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{number:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(number: float, width: float | None = None, strict: bool = True) -> str:
    """0.8741 -> "87.4"; without the sign. `width` of the interval decides on the digits; `strict`: what is not all is never 100.0."""
    decimals = 1 if width is None else 0 if width >= 0.4 else 2 if width < 0.002 else 1
    text = f"{100 * number:.{decimals}f}"
    if not strict:
        return text
    while ((text in ("100", "100.0", "100.00") and number != 1) or (float(text) == 0 and number != 0)) and decimals < 4:
        decimals += 1
        text = f"{100 * number:.{decimals}f}"
    return text


def duration(seconds: float) -> str:
    """"0.42 s", "8.3 s", "2 min 15 s", "3 h 05 min", "2 d 04 h"."""
    if seconds < 60:
        return str(say("{number} s", number=significant(seconds, 2 if seconds < 10 else 3)))
    whole = round(seconds)
    if whole < 3600:
        return str(say("{minutes} min {seconds:02d} s", minutes=whole // 60, seconds=whole % 60))
    if whole < 48 * 3600:
        return str(say("{hours} h {minutes:02d} min", hours=whole // 3600, minutes=whole % 3600 // 60))
    return str(say("{days} d {hours:02d} h", days=whole // 86400, hours=whole % 86400 // 3600))


def amount(number: float, unit: str) -> str:
    """A number with its unit, in a size that reads well: 0.874 "share" -> "87.4%", 1331 "MiB" -> "1.3 GiB"."""
    if unit == "share":
        return share(number) + "%"
    if unit == "s":
        return duration(number)
    if unit in SCALES:
        size, name = _scale(abs(number), unit)
        return f"{significant(number / size)} {name}"
    if unit in COUNTS:
        return f"{number:,.0f}" if number == round(number) else significant(number)
    return f"{significant(number)}{_unit(unit)}"


def _unit(unit: str) -> str:
    """The unit after its number; a ratio has none."""
    return "" if unit == "ratio" else f" {_UNITS.get(unit, unit)}"


def _scale(size: float, unit: str) -> tuple[float, str]:
    """The largest size that the number reaches, or the smallest."""
    return next((pair for pair in SCALES[unit] if size >= pair[0]), SCALES[unit][-1])


def _bare(number: float, quantity: Quantity, strict: bool = False) -> str:
    """A value or an end without its unit, as exact as the interval is wide; with the unit where that has sizes of its own."""
    width = None if quantity.low is None or quantity.high is None else quantity.high - quantity.low
    sign, size = "−" if number < 0 else "", abs(number)
    if quantity.unit == "share":
        return sign + share(size, width, strict)
    if quantity.unit in SCALES or quantity.unit in ("s", *COUNTS):
        return sign + amount(size, quantity.unit)
    if width is None or width <= 0 or not 1e-6 < width < 1e9:
        return sign + significant(size)
    return f"{sign}{size:,.{max(0, 1 - math.floor(math.log10(width)))}f}"


def ends(quantity: Quantity) -> Sentence | None:
    """The interval alone: "85.1 to 89.4", without a unit that the value bears; None where there is none."""
    if quantity.low is None or quantity.high is None:
        return None
    if quantity.unit in SCALES:  # both in the size of the larger: "0.27 to 1.92 Wh"
        size, unit = _scale(max(abs(quantity.low), abs(quantity.high)), quantity.unit)
        digits = 2 if quantity.how.startswith("modelled") else 3
        low, high = (f"{'−' if end < 0 else ''}{significant(abs(end) / size, digits)}" for end in (quantity.low, quantity.high))
        return say("{low} to {high}", low=low, high=f"{high} {unit}")
    return say("{low} to {high}", low=_bare(quantity.low, quantity), high=_bare(quantity.high, quantity))


def value(quantity: Quantity) -> str | Sentence:
    """The value alone, with its unit; where there is none, that; the range where only that is known."""
    if quantity.value is None:
        between = ends(quantity)
        return between if between is not None else say("not measured")
    if quantity.unit == "share":
        return _bare(quantity.value, quantity, strict=True) + "%"
    if quantity.unit in SCALES or quantity.unit in ("s", *COUNTS):
        return _bare(quantity.value, quantity)
    return f"{_bare(quantity.value, quantity)}{_unit(quantity.unit)}"


def brief(quantity: Quantity) -> Sentence | str:
    """"87.4% (85.1 to 89.4)"."""
    between = ends(quantity)
    if quantity.value is None or between is None:
        return value(quantity)
    return say("{value} ({between})", value=value(quantity), between=between)


def full(quantity: Quantity) -> Sentence | str:
    """"87.4% (85.1 to 89.4), n = 872", or why there is no number."""
    if quantity.value is None and quantity.low is None:
        return say("not measured: {why}", why=quantity.why) if quantity.why else say("not measured")
    return say("{brief}, n = {n:,}", brief=brief(quantity), n=quantity.n) if quantity.n else brief(quantity)


def over_seeds(quantity: Quantity) -> Sentence | None:
    """"mean of 3 seeds 96.6% (96.2 to 97.0)"; None for one training."""
    seeds = quantity.seeds
    if seeds is None:
        return None
    figure = brief(Quantity(value=seeds.mean, low=seeds.low, high=seeds.high, unit=quantity.unit))
    return say("mean of {n} seeds {figure}", n=seeds.n, figure=figure)


def with_seeds(quantity: Quantity, figure: Sentence | str) -> Sentence | str:
    """A figure of the quantity, and beside it what several seeds gave."""
    spread = over_seeds(quantity)
    return figure if spread is None else say("{figure}; {spread}", figure=figure, spread=spread)


def gap(quantity: Quantity) -> Sentence | str:
    """A difference: "+12.3 points (10.1 to 14.5)" for shares, else with a sign and its interval."""
    if quantity.value is None:
        return full(quantity)
    sign, between = "+" if quantity.value > 0 else "", ends(quantity)
    if quantity.unit == "share":
        size = sign + _bare(quantity.value, quantity)
        return say("{size} points ({between})", size=size, between=between) if between is not None else say("{size} points", size=size)
    size = sign + str(value(quantity))
    return say("{value} ({between})", value=size, between=between) if between is not None else size
