"""gate: whether a run holds its conditions; exit code 3 where one does not."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from steelyard.errors import InputError
from steelyard.evidence.gates import Judgement, judge
from steelyard.language import say
from steelyard.recipe.gates import parse
from steelyard.run import Run


def gate(run: Run | str | Path, further: Sequence[str] = (), about: str = "test") -> list[Judgement]:
    """Judge the gates of the run's recipe, and `further` ones, on the set of rows `about`. Raises InputError."""
    from steelyard.recipe.reader import read
    from steelyard.report.material import gather

    opened = run if isinstance(run, Run) else Run.open(Path(run))
    conditions = [*read(opened.recipe_file).conditions(), *(parse(text, "--gate") for text in further)]
    if not conditions:
        raise InputError(say('"{run}" has no gates; give one, such as --gate "quality.accuracy >= 0.85", or write some into the recipe',
                             run=opened.folder))
    if about not in opened.sets():
        raise InputError(say('"{run}" was not weighed on "{set}" (there are: {known}); `steelyard weigh {run}` does it',
                             run=opened.folder, set=about, known=", ".join(opened.sets()) or "-"))
    material = gather(opened, about)
    return judge(conditions, material.documents, material.stale)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard gate`."""
    parser.add_argument("run", metavar="RUN", help=str(say("a run's folder")))
    parser.add_argument("--gate", action="append", default=[], metavar="GATE",
                        help=str(say('a further condition: --gate "quality.accuracy >= 0.85"')))
    parser.add_argument("--on", default="test", metavar="SET", help=str(say("the set of rows that the run was weighed on (test)")))


def main(args: argparse.Namespace) -> int:
    """Judge, print each gate with its reason, and say by the exit code whether all hold."""
    from steelyard.verbs._output import result

    judged = gate(args.run, args.gate, args.on)
    lines = [f"{say('holds') if one.holds else say('does not hold')}: {one.gate.text}: {one.why}" for one in judged]
    told = [{"gate": one.gate.text, "holds": one.holds, "why": str(one.why), "got": one.got} for one in judged]
    result({"run": str(args.run), "set": args.on, "holds": all(one.holds for one in judged), "gates": told}, "\n".join(lines))
    return 0 if all(one.holds for one in judged) else 3
