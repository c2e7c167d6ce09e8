"""Gates: the interval's worse end decides, and what is missing never holds."""

import pytest

from steelyard.errors import InputError
from steelyard.evidence.gates import judge
from steelyard.facts import Evidence, Quantity, unmeasured
from steelyard.language import in_language, say
from steelyard.recipe.gates import parse

QUALITY = Evidence(evidence="quality", of={}, signature="", quantities={
    "accuracy": Quantity(value=0.874, low=0.851, high=0.894, n=872, how="Wilson 95%", better="higher"),
    "log-loss": Quantity(value=0.4, low=0.35, high=0.45, unit="nats", how="bootstrap"),
    "roc-auc": unmeasured(say("only one class")),
    "wide": Quantity(value=0.5, low=None, high=0.9, how="one-sided"),
})
COST = Evidence(evidence="cost", of={}, signature="", quantities={
    "time": Quantity(value=1500.0, unit="s", how="measured"),
    "energy": Quantity(value=90.0, low=30.0, high=200.0, unit="J", how="modelled"),
})
BIAS = Evidence(evidence="bias", of={}, signature="", refused=say("no group is large enough ({n} rows)", n=7))
DOCUMENTS = {"quality": QUALITY, "cost": COST, "bias": BIAS}


def verdict(text, stale=None):
    """(holds, why) of one gate."""
    (one,) = judge([parse(text, "here")], DOCUMENTS, stale)
    with in_language("en"):
        return one.holds, str(one.why)


@pytest.mark.parametrize(("text", "holds"), [
    ("quality.accuracy >= 0.85", True), ("quality.accuracy >= 0.851", True), ("quality.accuracy > 0.851", False),
    ("quality.accuracy >= 0.86", False), ("quality.accuracy >= 0.86 value", True), ("quality.accuracy >= 85%", True),
    ("quality.accuracy <= 0.88", False), ("quality.accuracy <= 0.88 value", True), ("quality.accuracy < 0.894", False),
    ("quality.accuracy <= 0.894", True), ("quality.log-loss < 0.46", True), ("quality.log-loss < 0.42 nats", False),
    ("cost.time <= 30 min", True), ("cost.time <= 20 min", False), ("cost.time <= 1500", True), ("cost.time < 1500 s", False),
    ("quality.wide >= 0.5", True), ("quality.wide <= 0.8", False),
])
def test_the_worse_end_decides(text, holds):
    assert verdict(text)[0] is holds


@pytest.mark.parametrize(("text", "why"), [
    ("quality.accuracy >= 0.85", "the interval's worse end is 0.851, the value 0.874; asked is >= 0.85"),
    ("quality.accuracy >= 0.85 value", "the value is 0.874; asked is >= 0.85 of the value alone"),
    ("cost.time <= 30 min", "the value is 1500 s, without an interval (measured); asked is <= 1800 s"),
    ("explanation.deletion > 0", "there is no evidence explanation; `steelyard weigh RUN --only explanation` finds it"),
    ("bias.gap <= 5%", "the evidence bias was refused: no group is large enough (7 rows)"),
    ("quality.roc-auc >= 0.5", "quality.roc-auc was not measured: only one class"),
])
def test_the_reason_is_said(text, why):
    assert verdict(text)[1] == why


def test_what_has_no_number_does_not_hold():
    for text in ("explanation.deletion > 0", "bias.gap <= 5%", "quality.roc-auc >= 0"):
        assert verdict(text)[0] is False


@pytest.mark.parametrize(("text", "why"), [
    ("quality.acuracy >= 0.5", 'gate "quality.acuracy >= 0.5": the evidence quality has no acuracy; did you mean accuracy? '
                               "(it has: accuracy, log-loss, roc-auc, wide)"),
    ("quality.accuracy >= 5 min", 'gate "quality.accuracy >= 5 min": it is in s, but quality.accuracy is in share'),
    ("quality.roc-auc >= 5 min", 'gate "quality.roc-auc >= 5 min": it is in s, but quality.roc-auc is in share'),
])
def test_a_gate_that_could_never_hold_is_wrong_input(text, why):
    with in_language("en"), pytest.raises(InputError) as caught:
        judge([parse(text, "here")], DOCUMENTS)
    assert str(caught.value) == why


def test_stale_evidence_does_not_hold():
    assert verdict("quality.accuracy >= 0.5", {"quality": say("measured on other weights")}) == (False, "measured on other weights")
    assert verdict("cost.time <= 30 min", {"quality": say("measured on other weights")})[0] is True


def test_modelled_quantities_cannot_be_gated():
    with pytest.raises(InputError, match=r'gate "cost.energy <= 1 kWh": cost.energy is modelled'):
        verdict("cost.energy <= 1 kWh")


def test_no_gates():
    assert judge([], DOCUMENTS) == []
