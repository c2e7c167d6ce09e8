"""Numbers as people read them."""

import math

import pytest

from steelyard.facts import Quantity, unmeasured
from steelyard.language import in_language, say
from steelyard.report import digits


@pytest.fixture(autouse=True)
def english():
    """These tests read English."""
    with in_language("en"):
        yield


def test_a_share_stands_with_its_interval_and_n() -> None:
    q = Quantity(value=0.8741, low=0.8513, high=0.8944, n=872, how="Wilson 95%")
    assert str(digits.full(q)) == "87.4% (85.1 to 89.4), n = 872"
    assert str(digits.brief(q)) == "87.4% (85.1 to 89.4)"


@pytest.mark.parametrize(("value", "low", "high", "text"), [
    (0.5, 0.23, 0.77, "50% (23 to 77)"),  # so wide that a decimal says nothing
    (0.9712, 0.9708, 0.9716, "97.12% (97.08 to 97.16)"),
    (1.0, 0.96, 1.0, "100.0% (96.0 to 100.0)"),
    (0.9999, 0.998, 1.0, "99.99% (99.8 to 100.0)"),  # not all
    (0.0002, 0.0, 0.01, "0.02% (0.0 to 1.0)"),  # not none
])
def test_digits_follow_the_interval(value: float, low: float, high: float, text: str) -> None:
    assert str(digits.brief(Quantity(value=value, low=low, high=high))) == text


@pytest.mark.parametrize(("number", "unit", "text"), [
    (0.42, "s", "0.42 s"), (8.34, "s", "8.3 s"), (59.9, "s", "59.9 s"), (135.2, "s", "2 min 15 s"), (3599.7, "s", "1 h 00 min"),
    (3 * 3600 + 5 * 60, "s", "3 h 05 min"), (52 * 3600, "s", "2 d 04 h"), (1331, "MiB", "1.3 GiB"), (0.5, "MiB", "512 KiB"),
    (3.21e13, "FLOP", "32.1 TFLOP"), (0, "FLOP", "0 FLOP"), (9000, "J", "2.5 Wh"), (0.0301, "g", "30.1 mg"),
    (463.2, "rows/s", "463 rows/s"),
    (1254404, "count", "1,254,404"), (0.331, "nats", "0.331 nats"), (2.5e-7, "EUR", "2.50 × 10⁻⁷ EUR"), (0.81, "ratio", "0.81"),
    (0.874, "share", "87.4%"),
])
def test_units_have_a_handy_size(number: float, unit: str, text: str) -> None:
    assert digits.amount(number, unit) == text


def test_other_units_say_their_unit_once() -> None:
    q = Quantity(value=0.331, low=0.2912, high=0.3711, n=872, unit="nats")
    assert str(digits.full(q)) == "0.331 nats (0.291 to 0.371), n = 872"
    assert str(digits.full(Quantity(value=5.0, low=-3.0, high=13.0, unit="nats"))) == "5 nats (−3 to 13)"


def test_a_gap_has_its_sign_and_speaks_of_points() -> None:
    assert str(digits.gap(Quantity(value=0.047, low=0.026, high=0.068))) == "+4.7 points (2.6 to 6.8)"
    assert str(digits.gap(Quantity(value=-0.047, low=-0.09, high=0.01))) == "−4.7 points (−9.0 to 1.0)"
    assert str(digits.gap(Quantity(value=0.0))) == "0.0 points"


def test_what_was_not_measured_says_why_and_never_0() -> None:
    assert str(digits.full(unmeasured(say("there is no such row")))) == "not measured: there is no such row"
    assert str(digits.full(Quantity(value=None))) == "not measured"
    assert str(digits.full(Quantity(value=None, low=5400.0, high=16200.0, unit="J", how="modelled"))) == "1.5 to 4.5 Wh"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 0.0, 1e-300, 1e300, -12.3456])
def test_no_number_breaks_it(number: float) -> None:
    assert digits.significant(number)


def test_chinese() -> None:
    with in_language("zh"):
        assert str(digits.full(Quantity(value=0.8741, low=0.8513, high=0.8944, n=872))) == "87.4%（85.1 至 89.4），n = 872"
        assert digits.duration(135.2) == "2 分 15 秒"
