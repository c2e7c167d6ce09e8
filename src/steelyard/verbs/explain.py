"""explain: what one answer depends on, and whether the run's evidence stands behind the method that says so."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.run import Run
from steelyard.verbs import _columns
from steelyard.verbs._output import result, table

if TYPE_CHECKING:
    from rich.text import Text

    from steelyard.parts import Answer

SET = "test"  # the set of rows whose evidence judged the methods
FOR, AGAINST = (214, 120, 30), (70, 120, 200)  # orange and blue: people who see no green or no red tell them apart
FAINT = 0.05  # of the largest score: what stays below is left without colour


@dataclass(frozen=True)
class Said:
    """What one method says of the answer.

    published  whether it beat every control on the run's test rows; None where that was not asked, or of another model
    why        how it fared there
    units      {"place", "score", "spot": where it lies in words, "text" for texts} of each piece, in the row's order; a score above 0
               speaks for the answer
    """

    method: str
    published: bool | None
    why: Sentence
    units: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Explained:
    """An answer, and what each method says it depends on."""

    answer: "Answer"
    line: str
    decision: str | None
    show: Mapping[str, Any]
    said: tuple[Said, ...]


def explain(run: Run | str | Path, given: str | Path | Mapping[str, Any], methods: Sequence[str] = ()) -> Explained:
    """Answer one input (a text, the path of a picture, or a mapping of the task's columns) and explain the answer.

    methods   files of explainers/; none: those of the run's recipe
    Raises InputError.
    """
    from steelyard import catalog
    from steelyard.engine.ask import Asked
    from steelyard.evidence.explanation import explain_row

    opened = run if isinstance(run, Run) else Run.open(Path(run))
    asked = Asked(opened)
    names = tuple(methods) or asked.recipe.evidence.explanation.methods
    explainers = {name: catalog.load("explainers", name, "--method" if methods else "evidence.explanation.methods")() for name in names}
    row = asked.row(given)
    answer = asked.answers([row])[0]
    example = asked.examples(row)[0]
    standing = _standing(opened)
    said = []
    for name, explainer in explainers.items():
        published, why = standing(name)
        units = explain_row(asked.door, row, example, answer, explainer)
        said.append(Said(name, published, why, [{**unit, "spot": str(asked.task.spot(unit["place"]))} for unit in units]))
    if not said[0].units:
        raise InputError(say("the input has no piece that could be hidden: there is nothing to explain"))
    return Explained(answer, asked.task.line(answer, 3), asked.task.decision(answer), asked.task.show(row), tuple(said))


def _standing(run: Run) -> Any:
    """method -> (published, why), as the run's evidence has it."""
    from steelyard.report.material import gather

    material = gather(run, SET)
    document = material.document("explanation")
    missing = say("not judged on this run; `steelyard weigh {run} --only explanation` does it", run=run.folder)

    def standing(method: str) -> tuple[bool | None, Sentence]:
        if document is None:
            return None, missing
        if "explanation" in material.stale:
            return None, material.stale["explanation"]
        found = {finding.code: finding for finding in document.findings}.get(f"explanation/{method}")
        if found is not None:
            return found.outcome == "passed", found.why
        return (False, document.refused) if document.refused is not None else (None, missing)

    return standing


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard explain`."""
    parser.add_argument("run", metavar="RUN", help=str(say("a run's folder")))
    parser.add_argument("input", nargs="?", metavar="TEXT|FILE",
                        help=str(say("one text, the path of one picture or sound, or one row as a JSON object")))
    _columns.arguments(parser)
    parser.add_argument("--method", action="append", default=[], metavar="NAME", help=str(say("a method; none: those of the run's recipe")))
    parser.add_argument("--top", type=int, default=8, metavar="N", help=str(say("how many pieces are listed with their scores (8)")))


def main(args: argparse.Namespace) -> int:
    """The answer, and for each method its standing, the input coloured, and the pieces with the largest scores."""
    if args.top < 1:
        raise InputError(say("--top: got {got}, want 1 or more", got=args.top))
    if (args.input is None) == (not args.columns):
        raise InputError(say("explain wants one input: a text, a file, or columns with --set"))
    found = _explained(Run.open(Path(args.run)), args)
    document = {"answer": found.answer, "decision": found.decision, "methods": [
        {"method": said.method, "published": said.published, "why": str(said.why), "units": list(said.units)} for said in found.said]}
    result(document, _told(found, args.top))
    return 0


def _explained(run: Run, args: argparse.Namespace) -> Explained:
    from steelyard.engine.ask import Asked

    return explain(run, _columns.told(Asked(run), args.columns) if args.columns else args.input, args.method)


def _told(found: Explained, top: int) -> str:
    """For people; with colours where standard output is a terminal that has them."""
    from rich.console import Console

    from steelyard.report.texts import tidy

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as capture:
        console.print(str(say("answer: {answer}", answer=tidy(found.decision or found.line))), markup=False)
        for said in found.said:
            console.print()
            console.print(str(_heading(said)), style="bold", markup=False)
            console.print(str(said.why), style="dim", markup=False)
            text = found.show.get("text")
            console.print(_coloured(str(text), said.units) if text is not None else _grid(said.units))
            console.print(_largest(said.units, top), markup=False)
    return capture.get().rstrip("\n")


def _heading(said: Said) -> Sentence:
    from steelyard.evidence.words import name

    if said.published is None:
        return say("{method}: not judged", method=name(said.method))
    if said.published:
        return say("{method}: published", method=name(said.method))
    return say("{method}: refused, do not lean on it", method=name(said.method))


def _largest(units: Sequence[Mapping[str, Any]], top: int) -> str:
    """The pieces with the largest scores, for and against, with their scores in nats."""
    chosen = sorted(units, key=lambda unit: -abs(unit["score"]))[:top]
    return table([(f"{unit['score']:+.3f}", _name(unit)) for unit in chosen])


def _name(unit: Mapping[str, Any]) -> str:
    """A word by itself; what is none by its place."""
    from steelyard.report.texts import shorten

    return shorten(unit.get("text") or unit["spot"], 60)


def _shade(share: float) -> str:
    """The background of a piece whose score is this share of the largest; "" for hardly anything."""
    if abs(share) < FAINT:
        return ""
    colour = FOR if share > 0 else AGAINST
    mixed = [round(255 + (part - 255) * min(1.0, abs(share))) for part in colour]
    return f"black on rgb({mixed[0]},{mixed[1]},{mixed[2]})"


def _coloured(text: str, units: Sequence[Mapping[str, Any]]) -> "Text":
    from rich.text import Text

    from steelyard.report.texts import tidy

    largest = max(abs(unit["score"]) for unit in units) or 1.0
    whole, done = Text(), 0
    for unit in sorted(units, key=lambda unit: unit["place"]):
        start, end = unit["place"]
        whole.append(tidy(text[done:start]))
        whole.append(tidy(text[max(done, start) : end]), style=_shade(unit["score"] / largest))
        done = max(done, end)
    return whole.append(tidy(text[done:]))


def _grid(units: Sequence[Mapping[str, Any]]) -> "Text":
    """A picture's cells as two characters each: darker for the answer, `-` against it; colours where there are any."""
    from rich.text import Text

    largest = max(abs(unit["score"]) for unit in units) or 1.0
    at = {(unit["place"][1], unit["place"][0]): unit["score"] / largest for unit in units}
    tops, lefts = (sorted({place[axis] for place in at}) for axis in (0, 1))
    whole = Text()
    for top in tops:
        for left in lefts:
            share = at.get((top, left), 0.0)
            sign = "--" if share < -FAINT else "  ░░▒▒▓▓██"[2 * min(4, int(share * 4 + 1)) :][:2] if share > FAINT else "  "
            whole.append(sign, style=_shade(share))
        whole.append("\n")
    whole.rstrip()
    return whole
