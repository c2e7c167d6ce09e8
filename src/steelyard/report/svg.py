"""Pictures as inline SVG: their colours come from the page's style, their text does not shrink on a phone.

A length across the picture is a share of its width ("37.5%"), so a strip is as wide as its column; curves lie in an inner picture
that is stretched. Everything has role="img" and a title that says in words what is seen.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from steelyard.report.texts import shorten, tidy

FEW = 20  # points of a line that are drawn as dots too


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with marks at `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, number: float) -> float:
        """Where a number lies, in percent of the width; what lies outside is put at the edge."""
        return round(min(100.0, max(0.0, 100 * (number - self.low) / (self.high - self.low))), 3)


def axis(numbers: Iterable[float], within: tuple[float, float] | None = None, most: int = 5) -> Axis:
    """Round marks around all numbers; `within` are ends that cannot be passed (0 and 1 for shares)."""
    finite = [number for number in numbers if math.isfinite(number)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-12:
        low, high = low - (abs(low) * 0.05 or 0.5), high + (abs(high) * 0.05 or 0.5)
    raw = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(i * step, 12) for i in range(first, last + 1)]
    if within:
        ticks = [tick for tick in ticks if within[0] - 1e-12 <= tick <= within[1] + 1e-12]
    low, high = min([*ticks, low]), max([*ticks, high])
    return Axis(low, high, tuple(ticks))


def strip(scale: Axis, value: float | None, low: float | None, high: float | None, title: object, tone: str = "ours") -> Markup:
    """One interval: a dot with whiskers over faint marks."""
    parts = [_line(f"{scale.at(tick)}%", 0, f"{scale.at(tick)}%", 28, "mark" if tick else "mark zero") for tick in scale.ticks]
    if low is not None and high is not None:
        left, right = f"{scale.at(low)}%", f"{scale.at(high)}%"
        parts += [_line(left, 14, right, 14, "whisker"), _line(left, 9, left, 19, "whisker"), _line(right, 9, right, 19, "whisker")]
    if value is not None:
        parts.append(_dot(f"{scale.at(value)}%", 14, 5))
    return _picture(Markup("").join(parts), title, f"strip {tone}", height=28)


def ruler(scale: Axis, labels: Sequence[str]) -> Markup:
    """The numbers under a column of strips; hidden from those who listen, who have the values."""
    parts = [_text(label, f"{scale.at(tick)}%", 12, "middle") for tick, label in zip(scale.ticks, labels, strict=True)]
    return Markup('<svg class="ruler" width="100%" height="16" aria-hidden="true">{}</svg>').format(Markup("").join(parts))


def bar(part: float, title: object, tone: str = "ours") -> Markup:
    """A bar whose length is a share of the width."""
    width = round(100 * min(1.0, max(0.0, part)), 3)
    rail = Markup('<rect class="rail" x="0" y="9" width="100%" height="10" rx="2"/>')
    fill = Markup('<rect class="fill" x="0" y="9" width="{}%" height="10" rx="2"/>').format(width)
    return _picture(rail + fill, title, f"strip {tone}", height=28)


def confusion(labels: Sequence[str], counts: Sequence[Sequence[float]], title: object, across: object, down: object) -> Markup:
    """Rows are what is true, columns what was answered; a cell is the darker the larger its share of its row.

    labels  one a class; counts  (classes, classes)
    """
    cell, short = 40, [shorten_label(label, 11) for label in labels]
    size, longest = cell * len(labels), max(map(len, short))
    turn = longest > 4
    margin, top = 36 + 7 * longest, 108 if turn else 46
    parts = [_text(across, margin + size / 2, 14, "middle", "side"), _turned(down, 12, top + size / 2, -90, "middle", "side")]
    for i, label in enumerate(short):
        x = margin + cell * i + cell / 2
        parts.append(_text(label, margin - 8, top + cell * i + cell / 2 + 4, "end"))
        parts.append(_turned(label, x - 2, top - 8, -45, "start") if turn else _text(label, x, top - 8, "middle"))
    for i, row in enumerate(counts):
        total = sum(row) or 1
        for j, count in enumerate(row):
            parts.append(_cell(margin + cell * j, top + cell * i, cell, count, count / total, i == j))
    return _picture(Markup("").join(parts), title, "confusion", width=margin + size + (60 if turn else 6), height=top + size + 6)


def _cell(x: float, y: float, size: float, count: float, part: float, right: bool) -> Markup:
    """One cell: its colour says right or wrong, its strength the share of the row, its number is written out."""
    kind = ("right" if right else "wrong") + (" strong" if part > 0.5 else "")
    number = _text(f"{count:,.0f}", x + size / 2, y + size / 2 + 4, "middle") if count else Markup("")
    return Markup('<g class="cell {}"><rect x="{}" y="{}" width="{}" height="{}" style="--part:{}"/>{}</g>').format(
        kind, x + 1, y + 1, size - 2, size - 2, round(part, 3), number)


@dataclass(frozen=True)
class Bin:
    """Answers of about one certainty: its mean, the share that is right with its interval, how many."""

    certainty: float
    right: float
    n: float
    low: float | None = None
    high: float | None = None


def reliability(bins: Sequence[Bin], title: object, across: object, down: object) -> Markup:
    """Stated certainty against how often right; on the diagonal it means what it says."""
    left, top, side = 58, 8, 240
    most = max((one.n for one in bins), default=1) or 1

    def x(share: float) -> float:
        return round(left + side * share, 2)

    def y(share: float) -> float:
        return round(top + side * (1 - share), 2)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [_line(x(tick), top, x(tick), top + side, "mark"), _line(left, y(tick), left + side, y(tick), "mark"),
                  _text(f"{tick:.0%}", x(tick), top + side + 16, "middle"), _text(f"{tick:.0%}", left - 6, y(tick) + 4, "end")]
    parts.append(_line(x(0), y(0), x(1), y(1), "ideal"))
    for one in bins:
        if one.low is not None and one.high is not None:
            parts.append(_line(x(one.certainty), y(one.low), x(one.certainty), y(one.high), "whisker"))
        parts.append(_dot(x(one.certainty), y(one.right), round(3 + 6 * math.sqrt(one.n / most), 2)))
    parts += [_text(across, left + side / 2, top + side + 36, "middle", "side"), _turned(down, 11, top + side / 2, -90, "middle", "side")]
    return _picture(Markup("").join(parts), title, "square ours", width=left + side + 14, height=top + side + 44)


@dataclass(frozen=True)
class Line:
    """One line of a curve: its name, its points (x, y), and which style it has ("ours", "other")."""

    name: object
    points: Sequence[tuple[float, float]]
    tone: str = "ours"


def curve(lines: Sequence[Line], title: object, across: object) -> Markup:
    """Lines over a common x from 0; the picture is as wide as its place, its text keeps its size."""
    points = [point for line in lines for point in line.points]
    last = max(max(x for x, _ in points), 1e-9)
    wide, tall = Axis(0.0, last, axis([0.0, last]).ticks), axis([y for _, y in points])
    height, parts = 200, []
    for tick in tall.ticks:
        y = round(height * (1 - tall.at(tick) / 100), 2)
        parts += [_line("0", y, "100%", y, "mark"), _text(f"{tick:g}", -8, y + 4, "end")]
    parts += [_text(f"{tick:,g}", f"{wide.at(tick)}%", height + 18, "middle") for tick in wide.ticks if tick <= last]
    inner = [Markup('<polyline class="{}" points="{}"/>').format(
        line.tone, " ".join(f"{wide.at(px)},{round(100 - tall.at(py), 3)}" for px, py in line.points)) for line in lines]
    parts.append(Markup('<svg x="0" y="0" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">{}</svg>').format(
        height, Markup("").join(inner)))
    for line in (line for line in lines if len(line.points) <= FEW):
        parts += [_dot(f"{wide.at(x)}%", round(height * (1 - tall.at(y) / 100), 2), 3.5, line.tone) for x, y in line.points]
    parts.append(_text(across, "50%", height + 38, "middle", "side"))
    return _picture(Markup("").join(parts), title, "curve", height=height + 46)


def heat(url: str, cells: Sequence[tuple[Sequence[float], float]], title: object) -> Markup:
    """A picture with cells over it. cells: ((left, top, right, bottom), score), scores in -1 to 1: for and against."""
    width = max((place[2] for place, _ in cells), default=1) or 1
    height = max((place[3] for place, _ in cells), default=1) or 1
    parts = [Markup('<image href="{}" width="{}" height="{}" preserveAspectRatio="none"/>').format(url, width, height)]
    for (left, top, right, bottom), score in cells:
        if abs(score) >= 0.02:
            parts.append(Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{}"/>').format(
                "for" if score > 0 else "against", left, top, right - left, bottom - top, round(0.75 * abs(score), 3)))
    return Markup('<svg class="heat" role="img" viewBox="0 0 {} {}"><title>{}</title>{}</svg>').format(
        width, height, tidy(title), Markup("").join(parts))


def shorten_label(label: object, longest: int = 24) -> str:
    """A label short enough for an axis."""
    text = shorten(label, 200)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _dot(x: object, y: object, radius: float, kind: str = "") -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(kind, x, y, radius)


def _text(words: object, x: object, y: object, anchor: str, kind: str = "") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, tidy(words))


def _turned(words: object, x: float, y: float, degrees: int, anchor: str, kind: str = "") -> Markup:
    return Markup('<text class="{}" transform="translate({} {}) rotate({})" text-anchor="{}">{}</text>').format(
        kind, x, y, degrees, anchor, tidy(words))


def _line(x1: object, y1: object, x2: object, y2: object, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, x1, y1, x2, y2)


def _picture(inside: Markup, title: object, kind: str, *, height: float, width: float | None = None) -> Markup:
    shape = Markup('width="100%"') if width is None else Markup('width="{}" viewBox="0 0 {} {}"').format(width, width, height)
    return Markup('<svg class="{}" role="img" {} height="{}"><title>{}</title>{}</svg>').format(kind, shape, height, tidy(title),
        Markup(inside))
