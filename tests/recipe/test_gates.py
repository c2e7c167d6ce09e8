"""Conditions as people write them."""

import pytest

from steelyard.errors import InputError
from steelyard.recipe.gates import UNITS, Gate, parse


@pytest.mark.parametrize(("text", "gate"), [
    ("quality.accuracy >= 0.85", ("quality", "accuracy", ">=", 0.85, "", "interval")),
    ("quality.accuracy>=85%", ("quality", "accuracy", ">=", 0.85, "share", "interval")),
    ("quality.macro-f1 > .5 value", ("quality", "macro-f1", ">", 0.5, "", "value")),
    ("quality.log loss < 1e-1 nats interval", ("quality", "log loss", "<", 0.1, "nats", "interval")),
    ("cost.time <= 30 min", ("cost", "time", "<=", 1800.0, "s", "interval")),
    ("cost.time <= 30min value", ("cost", "time", "<=", 1800.0, "s", "value")),
    ("cost.peak memory <= 2 GiB", ("cost", "peak memory", "<=", 2048.0, "MiB", "interval")),
    ("cost.peak-memory ≤ 512 MB", ("cost", "peak-memory", "<=", 512e6 / 2**20, "MiB", "interval")),
    ("bias.gap:region <= 5 %", ("bias", "gap:region", "<=", 0.05, "share", "interval")),
    ("cost.energy < 1 kWh", ("cost", "energy", "<", 3.6e6, "J", "interval")),
    ("data.rows  >=\t+100 rows", ("data", "rows", ">=", 100.0, "rows", "interval")),
])
def test_parse(text, gate):
    got = parse(text, "here")
    document, quantity, op, number, unit, by = gate
    assert got == Gate(document, quantity, op, got.number, unit, by, text)
    assert got.number == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(("text", "said"), [
    ("quality.accuracy", "want a condition such as"), ("accuracy >= 0.5", "want a condition such as"),
    ("quality.accuracy == 0.5", "want a condition such as"), ("quality.accuracy >= high", "want a condition such as"),
    ("quality.accuracy >= 0.5 min value now", "want a condition such as"), ("", "want a condition such as"),
    ("quality.accuracy >= nan", "want a condition such as"), ("0.5 <= quality.accuracy", "want a condition such as"),
    ("quality.accuracy >= 0.5 and cost.time < 3", "want a condition such as"),
    ("speed.time < 3 s", 'there is no evidence "speed"'), ("cost.time < 3 fortnights", '"fortnights" is no unit'),
    ("cost.time < 1e999", "want a finite number"),
])
def test_wrong(text, said):
    with pytest.raises(InputError, match=r"^here: got ") as caught:
        parse(text, "here")
    assert said in str(caught.value)


def test_units_have_no_doubt():
    assert all(name == name.lower() and factor > 0 for name, (_, factor) in UNITS.items())
    assert {unit for unit, _ in UNITS.values()} == {"share", "s", "MiB", "J", "g", "nats", "bits", "rows"}
