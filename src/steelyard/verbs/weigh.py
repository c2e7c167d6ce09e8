"""weigh: every kind of evidence about a run, and its page."""

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say
from steelyard.recipe.evidence import DOCUMENTS
from steelyard.run import Run

ORDER = ("quality", "data", "bias", "explanation", "cost")


def weigh(run: Run | str | Path, only: Sequence[str] | None = None, data: str | None = None, seconds: float = 60.0,
          quiet: bool = False) -> Run:
    """Weigh a run, or a recipe with `training: none`, on its test rows or on those of `data`, and write its page.

    seconds   what explanations may take, beyond answering the rows
    Raises InputError.
    """
    from steelyard.engine.disk import held, tidy
    from steelyard.engine.signals import stoppable
    from steelyard.evidence.case import Case

    opened = run if isinstance(run, Run) else _opened(Path(run))
    for name in only or ():
        if name not in DOCUMENTS:
            raise InputError(say('--only: there is no evidence "{name}"{hint} (there are: {known})', name=name,
                                 hint=did_you_mean(name, DOCUMENTS), known=listing(DOCUMENTS)))
    if opened.manifest().get("state") == "training":
        raise InputError(say('the training of "{run}" is not finished; go on with `steelyard train --resume {run}`', run=opened.folder))
    with stoppable(), held(opened.folder):
        tidy(opened.folder)
        case = Case(opened, data, seconds)
        wanted = only or case.recipe.evidence.only or DOCUMENTS
        for name in (name for name in ORDER if name in wanted):
            start = time.perf_counter()
            document = import_module(f"steelyard.evidence.{name}").weigh(case)
            took = time.perf_counter() - start
            opened.write_evidence(dataclasses.replace(document, seconds=took), case.about if name not in ("data", "cost") or data else "")
            if not quiet:
                print(say("weighed {name} in {seconds:.1f} s", name=name, seconds=took), file=sys.stderr, flush=True)
        _pages(opened, case.about)
        if "quality" in wanted and case.about == "test":
            _board(opened)
        opened.update({"state": "finished"})
    return opened


def _opened(path: Path) -> Run:
    """A run's folder, or a recipe that judges a model as it is."""
    if path.is_dir():
        return Run.open(path)
    from steelyard.engine import job
    from steelyard.recipe.reader import read

    recipe = read(path)
    if recipe.training != "none":
        raise InputError(say("{where}: this recipe trains; train it with `steelyard train`, or say `training: none` to judge model.from "
                             "as it is", where=recipe.where("training")))
    return job.adopt(recipe, Path("runs"))


def _pages(run: Run, about: str) -> None:
    from steelyard.report import card, page
    from steelyard.run import write_text

    page.write(run, about)
    if about == "test":
        write_text(run.card_file, card.card(run))


def _board(run: Run) -> None:
    """The test metrics, for TensorBoard's HPARAMS tab: of the run, and of its further seeds."""
    from steelyard.engine import log, seeds

    manifest, quality = run.manifest(), run.evidence("test")["quality"]
    if not manifest.get("steps"):
        return  # nothing was trained here: there is no log
    log.last(run, {f"test/{name}": quantity.value for name, quantity in quality.quantities.items()}, int(manifest["steps"]))
    for number, result in enumerate(manifest.get("seeds", ()), start=1):
        values = {f"test/{name}": q.seeds.values[number] for name, q in quality.quantities.items() if q.seeds is not None}
        log.last(seeds.place(run, int(result["seed"])), values, int(result["steps"]))


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard weigh`."""
    parser.add_argument("run", metavar="RUN|RECIPE", help=str(say("a run's folder, or a recipe with `training: none`")))
    parser.add_argument("--only", action="append", metavar="NAME[,NAME]", help=str(say("only these: {names}", names=", ".join(DOCUMENTS))))
    parser.add_argument("--data", metavar="FILE", help=str(say("judge it on these rows instead of the test rows")))


def main(args: argparse.Namespace) -> int:
    """Weigh, and say what came out."""
    from steelyard.evidence.case import set_name
    from steelyard.verbs._summary import told

    run = weigh(args.run, [name for names in args.only or () for name in names.split(",")], args.data, quiet=args.json)
    told(run, set_name(args.data))
    return 0
