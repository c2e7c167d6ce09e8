"""inspect: the network layer by layer, with one real batch's values and gradients."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import listing
from steelyard.language import say
from steelyard.run import Run

if TYPE_CHECKING:
    from steelyard.engine.inspect import Inspection, Layer

EXAMPLES = 64  # of the batch that is run, at most
WIDE = 240  # columns where the output is no terminal
FLAGS = {
    "dead": say("dead units"), "exploding values": say("exploding values"), "no gradient": say("no gradient"),
    "vanishing gradient": say("vanishing gradient"), "exploding gradient": say("exploding gradient"), "not finite": say("not finite"),
}


def inspect(source: Run | str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> "Inspection":
    """Look inside a run's model, with rows that it is judged on; or inside a recipe's as it is before training, with training rows.

    Raises InputError.
    """
    if isinstance(source, Run):
        return _of_run(source)
    if not isinstance(source, Mapping) and Path(source).is_dir():
        return _of_run(Run.open(Path(source)))
    return _of_recipe(source, overrides)


def _of_run(run: Run) -> "Inspection":
    import numpy as np
    import torch

    from steelyard.engine import flops
    from steelyard.engine import inspect as engine
    from steelyard.evidence.case import Case
    from steelyard.parts import Key

    case = Case(run)
    size = case.recipe.training.batch_size if case.recipe.training != "none" else None
    some = np.unique(np.linspace(0, len(case.store) - 1, min(size or EXAMPLES, EXAMPLES)).round().astype(np.int64))
    batch = case.task.collate(case.store.take(torch.from_numpy(some)), case.processor, Key(case.seed))
    shapes = flops.on_meta(case.family, case.task, case.model.config)
    return engine.inspect(case.model, shapes, case.task, batch, case.seed)


def _of_recipe(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str]) -> "Inspection":
    import numpy as np
    import torch

    from steelyard.engine import flops, job
    from steelyard.engine import inspect as engine
    from steelyard.engine.prepare import prepare
    from steelyard.engine.shaped import shaped
    from steelyard.parts import Key
    from steelyard.recipe.reader import read

    prepared = prepare(read(recipe, overrides))
    seed = prepared.recipe.seed
    store = prepared.stores["train" if "train" in prepared.stores else "test"]
    first = prepared.plan.at(0)[1][:EXAMPLES] if prepared.recipe.training != "none" else np.arange(min(len(store), EXAMPLES))
    batch = prepared.task.collate(store.take(torch.from_numpy(first)), prepared.processor, Key(seed))
    model = job.first_model(prepared)
    shapes = flops.on_meta(prepared.family, prepared.task, model.config)
    if prepared.recipe.training != "none":
        shapes = shaped(shapes, prepared.family, prepared.recipe)
    return engine.inspect(model, shapes, prepared.task, batch.to(model.device), seed)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard inspect`."""
    parser.add_argument("source", metavar="RECIPE|RUN", help=str(say("a recipe's YAML file, or a run's folder")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("put a value over the recipe's: --set training.epochs=5")))


def main(args: argparse.Namespace) -> int:
    """Look, and print a table and what is wrong in sentences."""
    from steelyard.verbs._output import result

    found = inspect(args.source, args.set)
    result(found.to_json(), "\n".join([_table(found), _total(found), *_flags(found)]))
    return 0


def _table(found: "Inspection") -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in (say("layer"), say("type")):
        table.add_column(str(head), overflow="fold")
    for head in (say("output"), say("parameters"), say("FLOPs per example"), say("values: mean"), say("spread"), say("zeros"), say("dead"),
                 say("gradients: spread"), say("length")):
        table.add_column(str(head), justify="right", no_wrap=head.template != "output")
    table.add_column(str(say("what stands out")), overflow="fold")
    for layer in found.layers:
        flags = ", ".join(str(FLAGS[flag]) for flag in layer.flags)
        table.add_row(layer.name, layer.kind, " x ".join(map(str, layer.shape)), f"{layer.parameters:,}", f"{layer.flops:,.0f}",
                      *_figures(layer), flags, style="yellow" if flags else None)
    terminal = sys.stdout.isatty()
    stream = StringIO()
    console = Console(file=stream, force_terminal=terminal, width=max(80, shutil.get_terminal_size().columns) if terminal else WIDE)
    console.print(table, markup=False, highlight=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip("\n").splitlines())


def _figures(layer: "Layer") -> tuple[str, ...]:
    values, gradients = layer.values, layer.gradients
    dead = "-" if layer.dead is None else f"{layer.dead}/{layer.units}"
    first = (f"{values.mean:.3g}", f"{values.std:.3g}", f"{values.zeros:.0%}") if values else ("-", "-", "-")
    return (*first, dead, f"{gradients.std:.3g}", f"{gradients.norm:.3g}") if gradients else (*first, dead, "-", "-")


def _total(found: "Inspection") -> str:
    return str(say("{parameters:,} parameters ({trained:,} trained), {flops:,.0f} FLOPs of a forward pass per example; one batch of {n}: "
                   "loss {loss:.4g}", parameters=found.parameters, trained=found.trained, flops=found.flops, n=found.examples,
                   loss=found.loss))


def _flags(found: "Inspection") -> list[str]:
    """A sentence for each kind of thing that stands out."""
    where: dict[str, list[str]] = {}
    for layer in found.layers:
        for flag in layer.flags:
            where.setdefault(flag, []).append(layer.name)
    dead, at = sum(layer.dead or 0 for layer in found.layers), {flag: listing(where.get(flag, ()), 6) for flag in FLAGS}
    said = {
        "dead": say("units that give 0 for every example of the batch, so that they learn nothing from it: {n} ({where})", n=dead,
                    where=at["dead"]),
        "exploding values": say("values are very large after {where}: bf16 keeps few of their digits", where=at["exploding values"]),
        "no gradient": say("no gradient reaches {where}: what is before it learns nothing", where=at["no gradient"]),
        "vanishing gradient": say("the gradient at {where} is less than a thousandth of the median layer's",
                                  where=at["vanishing gradient"]),
        "exploding gradient": say("the gradient at {where} is more than a thousand times the median layer's",
                                  where=at["exploding gradient"]),
        "not finite": say("values or gradients at {where} are no numbers: training would stop here", where=at["not finite"]),
    }
    return [str(said[flag]) for flag in where] or [str(say("nothing stands out: no dead units, no vanishing or exploding gradient"))]
