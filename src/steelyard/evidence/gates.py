"""Whether a run holds its gates: pure, so that the page and the verb say the same."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.errors import InputError, did_you_mean, listing
from steelyard.evidence import words
from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.recipe.gates import Gate

_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Judgement:
    """A gate and what became of it. `got` is the number that was compared, None where there was none."""

    gate: Gate
    holds: bool
    why: Sentence
    got: float | None = None
    quantity: Quantity | None = None


def judge(gates: Sequence[Gate], documents: Mapping[str, Evidence], stale: Mapping[str, Sentence] | None = None) -> list[Judgement]:
    """One judgement a gate, in order; the interval's worse end is compared unless the gate says `value`.

    documents  name -> evidence ("quality", "cost"...)
    stale      name -> why that document is about another model or other data: its gates do not hold
    What is missing, refused or not measured does not hold. Raises InputError where a gate asks for a quantity that its evidence
    does not have, or in another unit, or for a modelled one: it could never hold.
    """
    return [_judged(gate, documents, stale or {}) for gate in gates]


def _judged(gate: Gate, documents: Mapping[str, Evidence], stale: Mapping[str, Sentence]) -> Judgement:
    document = documents.get(gate.document)
    if document is None:
        return Judgement(gate, False, say("there is no evidence {name}; `steelyard weigh RUN --only {name}` finds it", name=gate.document))
    if document.refused is not None:
        return Judgement(gate, False, say("the evidence {name} was refused: {why}", name=gate.document, why=document.refused))
    if gate.document in stale:
        return Judgement(gate, False, stale[gate.document])
    quantity = document.quantities.get(gate.quantity)
    if quantity is None:
        raise InputError(say('gate "{gate}": the evidence {name} has no {quantity}{hint} (it has: {known})', gate=gate.text,
                             name=gate.document, quantity=gate.quantity, hint=did_you_mean(gate.quantity, document.quantities),
                             known=listing(document.quantities, most=40)))
    if "modelled" in quantity.how:
        raise InputError(say('gate "{gate}": {quantity} is modelled, not measured, and cannot be gated; gate a measured quantity',
                             gate=gate.text, quantity=f"{gate.document}.{gate.quantity}"))
    if gate.unit and gate.unit != quantity.unit:
        raise InputError(say('gate "{gate}": it is in {want}, but {quantity} is in {got}', gate=gate.text, want=gate.unit,
                             quantity=f"{gate.document}.{gate.quantity}", got=quantity.unit or "1"))
    if quantity.value is None:
        return Judgement(gate, False, say("{quantity} was not measured: {why}", quantity=f"{gate.document}.{gate.quantity}",
                                          why=quantity.why or say("no reason is given")), quantity=quantity)
    return _compared(gate, quantity, quantity.value)


def _compared(gate: Gate, quantity: Quantity, value: float) -> Judgement:
    end = quantity.low if gate.op in (">=", ">") else quantity.high
    by_end = gate.by == "interval" and end is not None
    got = end if by_end and end is not None else value
    holds = _COMPARISONS[gate.op](got, gate.number)
    shown, want = _written(got, quantity.unit), f"{gate.op} {_written(gate.number, quantity.unit)}"
    if by_end:
        why = say("the interval's worse end is {got}, the value {value}; asked is {want}", got=shown,
                  value=_written(value, quantity.unit), want=want)
    elif gate.by == "value":
        why = say("the value is {got}; asked is {want} of the value alone", got=shown, want=want)
    else:
        why = say("the value is {got}, without an interval ({how}); asked is {want}", got=shown, how=words.how(quantity.how) or "-",
                  want=want)
    return Judgement(gate, holds, why, got, quantity)


def _written(number: float, unit: str) -> str:
    """A number with its unit; enough digits that it cannot look equal to a bound that it misses."""
    return f"{number:.6g}" if unit in ("share", "") else f"{number:.6g} {unit}"
