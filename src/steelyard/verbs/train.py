"""train: a recipe's model is trained, saved and weighed."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.run import Run


def train(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), out: str | Path = "runs", quiet: bool = False,
          evidence: bool = True) -> Run:
    """Train the recipe (a file or a dict) in a new folder of `out`, then weigh it. Raises InputError, OutsideError, Interrupted."""
    from steelyard.engine.look import look
    from steelyard.recipe.reader import read

    asked = read(recipe, overrides)
    if asked.training == "none":
        raise InputError(say("{where}: none: there is nothing to train; `steelyard weigh RECIPE` judges the model as it is",
                             where=asked.where("training")))
    Run.room(Path(out))
    data = look(asked)
    from steelyard.engine import job  # which loads torch: what is wrong with recipe and data was said before

    run = job.begin(asked, Path(out), quiet, data)
    return _weighed(run, quiet) if evidence else run


def resume(run: str | Path, quiet: bool = False) -> Run:
    """Go on with a training that was interrupted, then weigh it."""
    from steelyard.engine import job

    opened = Run.open(Path(run))
    if opened.manifest().get("state") == "training":
        job.resume(opened, quiet)
    elif opened.manifest().get("state") != "trained":
        raise InputError(say('"{run}" is finished: there is nothing to resume', run=opened.folder))
    return _weighed(opened, quiet)


def _weighed(run: Run, quiet: bool) -> Run:
    from steelyard.verbs.weigh import weigh

    seconds = float(run.manifest()["seconds"]["total"])
    return weigh(run, seconds=max(60.0, seconds / 10), quiet=quiet)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard train`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("recipe", nargs="?", help=str(say("a recipe's YAML file")))
    what.add_argument("--resume", metavar="RUN", help=str(say("go on with this run's training from its newest checkpoint")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("put a value over the recipe's: --set training.epochs=5")))
    parser.add_argument("--out", default="runs", metavar="FOLDER", help=str(say("where the run's folder is made (runs)")))


def main(args: argparse.Namespace) -> int:
    """Train, and say what came out."""
    from steelyard.verbs._summary import told

    run = resume(args.resume, args.json) if args.resume else train(args.recipe, args.set, args.out, args.json)
    told(run, "test")
    return 0
