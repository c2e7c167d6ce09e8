"""forecast: what a training will cost, before it is paid."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError
from steelyard.facts import Quantity
from steelyard.language import Sentence, say

if TYPE_CHECKING:
    from steelyard.engine.forecast import Forecast


def forecast(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, Quantity]:
    """time, memory, flops, examples_per_second, energy, money, co2 of the recipe's training; nothing is kept but the cache.

    Raises InputError.
    """
    return dict(_made(recipe, overrides).quantities)


def _made(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str]) -> "Forecast":
    from steelyard.engine import forecast as engine
    from steelyard.engine import job
    from steelyard.engine.measure import choose
    from steelyard.engine.prepare import prepare
    from steelyard.engine.train import best_metric
    from steelyard.recipe.reader import read

    asked = read(recipe, overrides)
    if asked.training == "none":
        raise InputError(say("{where}: none: there is nothing to train, so nothing to forecast; `steelyard weigh RECIPE` judges the model "
                             "as it is", where=asked.where("training")))
    prepared = prepare(asked)
    best_metric(prepared)
    model = job.first_model(prepared)
    chosen, _ = choose(prepared, model)
    return engine.forecast(prepared, model, chosen)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard forecast`."""
    parser.add_argument("recipe", help=str(say("a recipe's YAML file")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("put a value over the recipe's: --set training.epochs=5")))


def main(args: argparse.Namespace) -> int:
    """Forecast, and print a line for each quantity, then what they lean on."""
    from steelyard.report import digits
    from steelyard.report.names import name
    from steelyard.verbs._output import result, table

    made = _made(args.recipe, args.set)
    lines: list[tuple[str, ...]] = [(str(say("what")), str(say("forecast")), str(say("how")))]
    lines += [(str(name(key)), str(digits.brief(quantity) if quantity.value is not None else digits.value(quantity)), str(how(quantity)))
              for key, quantity in made.quantities.items()]
    notes = [*made.assumed, *(quantity.why for quantity in made.quantities.values() if quantity.why is not None)]
    said = list(dict.fromkeys(str(note) for note in notes))
    document = {"forecast": made.to_json(), "steps": made.steps, "seconds": round(made.seconds, 3), "assumed": said}
    result(document, "\n".join([table(lines), "", *said]))
    return 0


def how(quantity: Quantity) -> Sentence:
    """One word for where the number comes from."""
    if quantity.value is None and quantity.low is None:
        return say("not measured")
    if quantity.how in ("modelled", "counted"):
        return say("modelled") if quantity.how == "modelled" else say("counted")
    return say("from {n} real steps", n=quantity.n)
