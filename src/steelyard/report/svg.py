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
    parts = [_line(f"{scale.at(tick)}%", 0, f"{scale.at(tick)}%", 28, "mark") for tick in scale.ticks]
    if low is not None and high is not None:
        left, right = f"{scale.at(low)}%", f"{scale.at(high)}%"
        parts += [_line(left, 14, right, 14, "whisker"), _line(left, 9, left, 19, "whisker"), _line(right, 9, right, 19, "whisker")]
    if value is not None:
        parts.append(Markup('<circle cx="{}%" cy="14" r="5"/>').format(scale.at(value)))
    return _picture("".join(parts), title, f"strip {tone}", height=28)


def ruler(scale: Axis, labels: Sequence[str]) -> Markup:
    """The numbers under a column of strips; hidden from those who listen, who have the values."""
    parts = []
    for tick, label in zip(scale.ticks, labels, strict=True):
        parts.append(Markup('<text x="{}%" y="12" text-anchor="middle">{}</text>').format(scale.at(tick), label))
    return Markup('<svg class="ruler" width="100%" height="16" aria-hidden="true">{}</svg>').format(Markup("").join(parts))


def bar(part: float, title: object, tone: str = "ours") -> Markup:
    """A bar whose length is a share of the width."""
    width = round(100 * min(1.0, max(0.0, part)), 3)
    return _picture(Markup('<rect class="rail" x="0" y="9" width="100%" height="10" rx="2"/>'
                           '<rect class="fill" x="0" y="9" width="{}%" height="10" rx="2"/>').format(width), title, f"strip {tone}", height=28)


def confusion(labels: Sequence[str], counts: Sequence[Sequence[float]], title: object, across: object, down: object) -> Markup:
    """Rows are what is true, columns what was answered; a cell is the darker the larger its share of its row.

    labels  one a class; counts  (classes, classes)
    """
    cell, margin, top = 40, 108, 108
    size = cell * len(labels)
    parts = [Markup('<text class="side" x="{}" y="14" text-anchor="middle">{}</text>').format(margin + size / 2, across),
             Markup('<text class="side" transform="translate(12 {}) rotate(-90)" text-anchor="middle">{}</text>').format(top + size / 2, down)]
    for i, label in enumerate(labels):
        short, x = shorten_label(label, 11), margin + cell * i + cell / 2
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(margin - 8, top + cell * i + cell / 2 + 4, short))
        turn = len(short) > 4 or any(len(shorten_label(other, 11)) > 4 for other in labels)
        parts.append(Markup('<text transform="translate({} {}) rotate(-45)" text-anchor="start">{}</text>').format(x - 2, top - 8, short) if turn
                     else Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x, top - 8, short))
    for i, row in enumerate(counts):
        total = sum(row) or 1
        for j, count in enumerate(row):
            parts.append(_cell(margin + cell * j, top + cell * i, cell, count, count / total, i == j))
    width, height = margin + size + 60, top + size + 6
    return _picture(Markup("").join(parts), title, "confusion", width=width, height=height)


def _cell(x: float, y: float, size: float, count: float, part: float, right: bool) -> Markup:
    """One cell: its colour says right or wrong, its strength the share of the row, its number is written out."""
    kind = ("right" if right else "wrong") + (" strong" if part > 0.5 else "")
    number = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x + size / 2, y + size / 2 + 4, f"{count:,.0f}") if count else ""
    return Markup('<g class="cell {}"><rect x="{}" y="{}" width="{}" height="{}" style="--part:{}"/>{}</g>').format(
        kind, x + 1, y + 1, size - 2, size - 2, round(part, 3), number)


def reliability(bins: Sequence[tuple[float, float, float]], title: object, across: object, down: object) -> Markup:
    """Stated certainty against how often right; on the diagonal it means what it says. bins: (certainty, right, n)."""
    left, top, side = 58, 8, 240
    most = max((n for _, _, n in bins), default=1) or 1
    def x(share: float) -> float:
        return round(left + side * share, 2)

    def y(share: float) -> float:
        return round(top + side * (1 - share), 2)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [_line(x(tick), top, x(tick), top + side, "mark"), _line(left, y(tick), left + side, y(tick), "mark"),
                  Markup('<text x="{}" y="{}" text-anchor="middle">{}%</text>').format(x(tick), top + side + 16, round(100 * tick)),
                  Markup('<text x="{}" y="{}" text-anchor="end">{}%</text>').format(left - 6, y(tick) + 4, round(100 * tick))]
    parts.append(_line(x(0), y(0), x(1), y(1), "ideal"))
    for certainty, right, n in bins:
        parts.append(_line(x(certainty), y(certainty), x(certainty), y(right), "whisker"))
        parts.append(Markup('<circle cx="{}" cy="{}" r="{}"/>').format(x(certainty), y(right), round(3 + 6 * math.sqrt(n / most), 2)))
    parts.append(Markup('<text class="side" x="{}" y="{}" text-anchor="middle">{}</text>').format(left + side / 2, top + side + 36, across))
    parts.append(Markup('<text class="side" transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>').format(top + side / 2, down))
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
        parts += [_line("0", y, "100%", y, "mark"),
                  Markup('<text x="-8" y="{}" text-anchor="end">{}</text>').format(y + 4, f"{tick:g}")]
    for tick in wide.ticks:
        if tick <= last:
            parts.append(Markup('<text x="{}%" y="{}" text-anchor="middle">{}</text>').format(wide.at(tick), height + 18, f"{tick:,g}"))
    inner = [Markup('<polyline class="{}" points="{}"/>').format(
        line.tone, " ".join(f"{wide.at(px)},{round(100 - tall.at(py), 3)}" for px, py in line.points)) for line in lines]
    parts.append(Markup('<svg x="0" y="0" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">{}</svg>').format(
        height, Markup("").join(inner)))
    for line in (line for line in lines if len(line.points) <= FEW):
        parts += [Markup('<circle class="{}" cx="{}%" cy="{}" r="3.5"/>').format(line.tone, wide.at(x), round(height * (1 - tall.at(y) / 100), 2))
                  for x, y in line.points]
    parts.append(Markup('<text class="side" x="50%" y="{}" text-anchor="middle">{}</text>').format(height + 38, across))
    return _picture(Markup("").join(parts), title, "curve", height=height + 46)


def heat(url: str, cells: Sequence[tuple[Sequence[float], float]], title: object) -> Markup:
    """A picture with cells over it. cells: ((left, top, right, bottom), score), scores in -1 to 1: for and against."""
    width = max((place[2] for place, _ in cells), default=1) or 1
    height = max((place[3] for place, _ in cells), default=1) or 1
    parts = [Markup('<image href="{}" width="{}" height="{}" preserveAspectRatio="none"/>').format(url, width, height)]
    for place, score in cells:
        if abs(score) >= 0.02:
            parts.append(Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{}"/>').format(
                "for" if score > 0 else "against", place[0], place[1], place[2] - place[0], place[3] - place[1], round(0.75 * abs(score), 3)))
    return Markup('<svg class="heat" role="img" viewBox="0 0 {} {}"><title>{}</title>{}</svg>').format(width, height, tidy(title), Markup("").join(parts))


def shorten_label(label: object, longest: int = 24) -> str:
    """A label short enough for an axis."""
    text = shorten(label, 200)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _line(x1: object, y1: object, x2: object, y2: object, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, x1, y1, x2, y2)


def _picture(inside: str, title: object, kind: str, *, height: float, width: float | None = None) -> Markup:
    shape = Markup('width="100%"') if width is None else Markup('width="{}" viewBox="0 0 {} {}"').format(width, width, height)
    return Markup('<svg class="{}" role="img" {} height="{}"><title>{}</title>{}</svg>').format(kind, shape, height, tidy(title), Markup(inside))
