"""The gates of the recipe: which hold, and why."""

from dataclasses import dataclass

from steelyard.errors import InputError
from steelyard.evidence.gates import Judgement, judge
from steelyard.language import Sentence, say
from steelyard.report import digits
from steelyard.report.chapter import Chapter, Notice
from steelyard.report.material import Material


@dataclass(frozen=True)
class Gate:
    """One gate, judged; `holds` is None where it could not be."""

    text: str
    holds: bool | None
    why: Sentence | str


def view(material: Material) -> Chapter:
    """Every gate with its judgement."""
    title = say("Gates")
    if material.complaint is not None:
        return Chapter("gates", title, notices=[Notice("refused", material.complaint)])
    if material.recipe is None or not material.recipe.gates:
        none = say("The recipe sets no gates. A line such as `{example}` under `gates:` makes `steelyard gate RUN` "
                   "exit with 3 where it does not hold.", example=example(material))
        return Chapter("gates", title, notices=[Notice("note", none)])
    judged = gates(material)
    held = sum(gate.holds is True for gate in judged)
    lead = say("All {n} gates hold.", n=len(judged)) if held == len(judged) else say("{held} of {n} gates hold.", held=held, n=len(judged))
    return Chapter("gates", title, {"lead": lead, "gates": judged, "words": {"holds": say("holds"), "fails": say("does not hold")}})


def example(material: Material) -> str:
    """A gate on the run's main measure."""
    document = material.answered("quality")
    main = str(document.details.get("metric", "accuracy")) if document is not None else "accuracy"
    measured = document.quantities.get(main) if document is not None else None
    return f"quality.{main} <= 0.15" if measured is not None and measured.better == "lower" else f"quality.{main} >= 0.85"


def gates(material: Material) -> list[Gate]:
    """Judged one by one, so that a gate that cannot be judged does not hide the others."""
    found = []
    for gate in material.recipe.conditions() if material.recipe else ():
        try:
            found += [Gate(gate.text, one.holds, _why(one)) for one in judge([gate], material.documents, material.stale)]
        except InputError as error:
            found.append(Gate(gate.text, None, error.sentence))
    return found


def _why(one: Judgement) -> Sentence | str:
    """What was compared, in the digits of the page; where nothing was, why not."""
    if one.quantity is None or one.got is None:
        return one.why
    if one.gate.by == "interval" and one.quantity.low is not None:
        return say("{figure}: the worse end of the interval counts", figure=digits.full(one.quantity))
    return digits.full(one.quantity)
