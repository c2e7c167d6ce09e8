"""Pictures: where things lie, and that they are pictures with words for those who do not see them."""

import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from steelyard.report import svg

HOSTILE = '"><script>x</script>'


def parsed(picture: Markup) -> ET.Element:
    """Well-formed, with role and title."""
    root = ET.fromstring(str(picture))
    assert root.get("role") == "img"
    assert root.find("title") is not None and root.findtext("title")
    return root


@pytest.mark.parametrize(("numbers", "within", "ticks"), [
    ([0.2, 0.97], (0.0, 1.0), (0.2, 0.4, 0.6, 0.8, 1.0)), ([0.81, 0.95], (0.0, 1.0), (0.8, 0.85, 0.9, 0.95)),
    ([], None, (0.0, 0.25, 0.5, 0.75, 1.0)), ([3.0, 3.0], None, (2.8, 2.9, 3.0, 3.1, 3.2)),
    ([-0.07, 0.5], None, (-0.2, 0.0, 0.2, 0.4, 0.6)), ([0.0, float("nan"), 10.0], None, (0.0, 2.5, 5.0, 7.5, 10.0)),
])
def test_axis_marks_are_round_and_hold_every_number(numbers: list[float], within: tuple[float, float] | None,
                                                    ticks: tuple[float, ...]) -> None:
    scale = svg.axis(numbers, within)
    assert scale.ticks == pytest.approx(ticks)
    assert all(0 <= scale.at(number) <= 100 for number in numbers if number == number)


def test_a_strip_has_its_dot_and_whiskers_where_they_belong() -> None:
    root = parsed(svg.strip(svg.Axis(0.0, 1.0, (0.0, 0.5, 1.0)), 0.25, 0.1, 0.4, "ours"))
    circle = root.find("circle")
    assert circle is not None and circle.get("cx") == "25.0%"
    whiskers = [(line.get("x1"), line.get("x2")) for line in root.iter("line") if line.get("class") == "whisker"]
    assert whiskers == [("10.0%", "40.0%"), ("10.0%", "10.0%"), ("40.0%", "40.0%")]
    assert not [line for line in parsed(svg.strip(svg.Axis(0.0, 1.0, ()), 0.5, None, None, "t")).iter("line")
                if line.get("class") == "whisker"]


def test_a_confusion_matrix_writes_every_count() -> None:
    root = parsed(svg.confusion(["cat", HOSTILE], [[7, 1], [0, 1234]], "two labels", "answered", "is"))
    words = [text.text for text in root.iter("text")]
    assert {"7", "1", "1,234"} <= set(words) and "0" not in words
    assert len([cell for cell in root.iter("g") if "right" in (cell.get("class") or "")]) == 2


def test_reliability_curve_bar_and_heat_are_well_formed() -> None:
    root = parsed(svg.reliability([svg.Bin(0.9, 0.7, 30, 0.5, 0.85), svg.Bin(0.5, 0.5, 1)], HOSTILE, HOSTILE, HOSTILE))
    small, large = sorted(float(circle.get("r", 0)) for circle in root.iter("circle"))
    assert large == 9 and small < 5
    root = parsed(svg.curve([svg.Line("a", [(10, 2.0), (1000, 0.5)]), svg.Line("b", [(500, 1.0)], "other")], "loss", "step"))
    assert [line.get("points") for line in root.iter("polyline")] == ["1.0,0.0 100.0,75.0",
        "50.0,50.0"] or len(list(root.iter("polyline"))) == 2
    root = parsed(svg.bar(1.7, "too long"))
    assert [rect.get("width") for rect in root.iter("rect")] == ["100%", "100.0%"]
    root = parsed(svg.heat("data:image/png;base64,AAAA", [((0, 0, 2, 2), 1.0), ((2, 0, 4, 2), -0.5), ((0, 2, 2, 4), 0.0)], HOSTILE))
    assert root.get("viewBox") == "0 0 4 4"
    assert [rect.get("class") for rect in root.iter("rect")] == ["for", "against"]


def test_one_point_and_constant_curves_do_not_divide_by_zero() -> None:
    parsed(svg.curve([svg.Line("a", [(0, 1.0)])], "t", "step"))
    parsed(svg.curve([svg.Line("a", [(0, 1.0), (10, 1.0)])], "t", "step"))
    parsed(svg.heat("data:image/png;base64,AAAA", [], "t"))
