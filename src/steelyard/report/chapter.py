"""A chapter of the page: its heading, what is told, and what its template shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from steelyard.facts import Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits, svg
from steelyard.report.material import Material
from steelyard.report.texts import tidy

Text = Sentence | str


@dataclass(frozen=True)
class Notice:
    """A remark in a box. kind: "refused", "stale", "absent" or "note"."""

    kind: str
    text: Text


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    name     its anchor, and its template: templates/<name>.html.jinja
    title    the heading
    view     what the template shows; empty where there is nothing but notices
    notices  boxes before it
    """

    name: str
    title: Sentence
    view: Mapping[str, Any] = field(default_factory=dict)
    notices: Sequence[Notice] = ()


def notices(material: Material, *questions: str) -> list[Notice]:
    """Why a chapter's questions have no answer, or an old one."""
    found = []
    for question in questions:
        if (why := material.absence(question)) is not None:
            found.append(Notice("absent" if material.document(question) is None else "refused", why))
        elif question in material.stale:
            found.append(Notice("stale", material.stale[question]))
    return found


@dataclass(frozen=True)
class Bar:
    """One line of a table of intervals: a name, its number in words, its picture, and a remark."""

    label: Text
    value: Text
    picture: Markup | None
    remark: Text = ""
    tone: str = "ours"


@dataclass(frozen=True)
class Table:
    """Intervals one under another over one axis."""

    caption: Text
    heads: tuple[Text, Text, Text]
    bars: Sequence[Bar]
    ruler: Markup | None
    remark: Text = ""


def intervals(caption: Text, heads: tuple[Text, Text, Text], lines: Sequence[tuple[Text, Quantity, Text, str]], remark: Text = "",
              around: tuple[float, ...] = ()) -> Table:
    """A table of intervals. lines: (label, quantity, remark, tone); a quantity without a value has no picture.

    around  what the axis must show beside the intervals
    """
    numbers = [number for _, q, _, _ in lines for number in (q.value, q.low, q.high) if number is not None]
    is_share = any(q.unit == "share" for _, q, _, _ in lines)
    scale = svg.axis([*numbers, *around], within=(0.0, 1.0) if is_share and all(0 <= number <= 1 for number in numbers) else None)
    unit = next((q.unit for _, q, _, _ in lines), "")
    bars = [Bar(label=label, value=digits.full(q), remark=remark_, tone=tone,
                picture=None if q.value is None else svg.strip(scale, q.value, q.low, q.high, f"{label}: {digits.brief(q)}", tone))
            for label, q, remark_, tone in lines]
    ruler = svg.ruler(scale, [_tick(tick, unit) for tick in scale.ticks]) if numbers else None
    return Table(caption, heads, bars, ruler, remark)


def _tick(number: float, unit: str) -> str:
    return (f"{100 * number:g}%" if unit == "share" else f"{number:,g}").replace("-", "−")


def join(clauses: Sequence[Text]) -> str:
    """Clauses one after another, in the language in force."""
    return str(say("; ")).join(str(clause) for clause in clauses)


def prose(text: Text) -> Markup:
    """A sentence of ours with its `commands` set as such."""
    pieces = tidy(text).split("`")
    if len(pieces) % 2 == 0:  # a backtick that nothing closes
        return escape(tidy(text))
    return Markup("").join(Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces))
