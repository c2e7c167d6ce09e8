"""train: a recipe's model is trained, saved and weighed."""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard.errors import InputError, Interrupted
from steelyard.language import say
from steelyard.run import Run


def train(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), out: str | Path = "runs", quiet: bool = False,
          evidence: bool = True) -> Run:
    """Train the recipe (a file or a dict) in a new folder of `out`, then weigh it. Raises InputError, OutsideError, Interrupted."""
    from steelyard.engine.look import look
    from steelyard.engine.signals import stoppable
    from steelyard.recipe.reader import read

    asked = read(recipe, overrides)
    if asked.training == "none":
        raise InputError(say("{where}: none: there is nothing to train; `steelyard weigh RECIPE` judges the model as it is",
                             where=asked.where("training")))
    Run.room(Path(out))
    with stoppable():
        data = look(asked)
        from steelyard.engine import job  # which loads torch: what is wrong with recipe and data was said before

        run = job.begin(asked, Path(out), quiet, data)
        return _weighed(run, quiet) if evidence else run


def resume(run: str | Path, quiet: bool = False, recipe: str | Path | Mapping[str, Any] | None = None,
           overrides: Sequence[str] = ()) -> Run:
    """Go on with a training that was interrupted, then weigh it.

    recipe, overrides   may differ from the run's in what says nothing about the weights: gates, evidence, how often is logged and saved
    Raises InputError, OutsideError, Interrupted.
    """
    from steelyard.recipe.reader import read

    opened = Run.open(Path(run))
    given = opened.recipe_file if recipe is None and overrides else recipe
    asked = None if given is None else read(given, overrides)
    from steelyard.engine import job
    from steelyard.engine.signals import stoppable

    with stoppable():
        return _weighed(job.resume(opened, quiet, asked), quiet)


def extend(run: str | Path, epochs: float, out: str | Path = "runs", quiet: bool = False) -> Run:
    """Train a finished run on for so many epochs, as a new run in `out`, then weigh it. Raises InputError, OutsideError, Interrupted."""
    opened = Run.open(Path(run))
    if not 0 < epochs < math.inf:
        raise InputError(say("--extend: got {got}, want a number of epochs above 0", got=epochs))
    Run.room(Path(out))
    from steelyard.engine import job
    from steelyard.engine.signals import stoppable

    with stoppable():
        return _weighed(job.extend(opened, epochs, Path(out), quiet), quiet)


def _weighed(run: Run, quiet: bool) -> Run:
    from steelyard.verbs.weigh import weigh

    seconds = float(run.manifest()["seconds"]["total"])
    try:
        return weigh(run, seconds=max(60.0, seconds / 10), quiet=quiet)
    except Interrupted as stopped:
        raise Interrupted(say("the model is trained and saved; it was not weighed to the end: `steelyard train --resume {run}` does that",
                              run=run.folder), stopped.code) from stopped


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard train`."""
    parser.add_argument("recipe", nargs="?", help=str(say("a recipe's YAML file")))
    parser.add_argument("--resume", metavar="RUN", help=str(say("go on with this run's training from its newest checkpoint")))
    parser.add_argument("--extend", type=float, metavar="EPOCHS",
                        help=str(say("with --resume: train a finished run on for so many epochs, as a new run")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("put a value over the recipe's: --set training.epochs=5")))
    parser.add_argument("--out", default="runs", metavar="FOLDER", help=str(say("where the run's folder is made (runs)")))


def main(args: argparse.Namespace) -> int:
    """Train, and say what came out."""
    from steelyard.verbs._summary import told

    if args.resume is None:
        if args.recipe is None or args.extend is not None:
            raise InputError(say("steelyard train: give a recipe's file, or --resume RUN, which --extend needs too"))
        run = train(args.recipe, args.set, args.out, args.json)
    elif args.extend is None:
        run = resume(args.resume, args.json, args.recipe, args.set)
    elif args.recipe is not None or args.set:
        raise InputError(say("steelyard train: --extend goes on with the run's own recipe; leave the recipe and --set out"))
    else:
        run = extend(args.resume, args.extend, args.out, args.json)
    told(run, "test")
    return 0
