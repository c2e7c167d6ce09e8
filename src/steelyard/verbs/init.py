"""init: look at data and write a commented recipe that runs within a budget on this machine."""

import argparse
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError, OutsideError, listing
from steelyard.language import Sentence, say

if TYPE_CHECKING:
    from steelyard.verbs._draft import Draft

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PLAIN = re.compile(r"(builtin:|hub:)?[A-Za-z\u4e00-\u9fff][\w./* -]*(?<! )|\d+(\.\d+)?%")
_COMMENTS_AT = 40  # column


def init(task: str, data: str, out: str | Path = "recipe.yaml", budget: float = 1200.0, overrides: Sequence[str] = ()) -> Path:
    """Write a recipe for `task` on `data` (a path relative to the working directory, or builtin:NAME) whose training takes at
    most `budget` seconds on this machine. Raises InputError where `out` exists or nothing in the data fits; OutsideError.
    """
    from steelyard.verbs._draft import draft

    file = Path(out)
    if file.exists():
        raise _taken(file)
    if not file.parent.is_dir():
        raise InputError(say('there is no folder "{folder}" to write the recipe into', folder=file.parent))
    text = written(draft(task, data, overrides, budget), file, budget)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError as error:
        raise OutsideError(say('cannot write "{path}": {reason}', path=file, reason=error.strerror)) from error
    return file


def seconds(budget: str) -> float:
    """ "20m" -> 1200.0. Raises InputError."""
    found = _BUDGET.fullmatch(budget.strip().lower())
    if not found or not float(found[1]):
        raise InputError(say('--budget: got "{got}", want a time such as 20m, 90s or 1.5h', got=budget))
    return float(found[1]) * _SECONDS[found[2]]


def _taken(file: Path) -> InputError:
    return InputError(say('"{file}" is there already, and nothing is overwritten; name another with --out', file=file))


def written(found: "Draft", file: Path, budget: float) -> str:
    """The recipe's text, commented in the language in force."""
    lines = [
        _comment(say("{task}: {title}", task=found.task.name, title=found.task.title)),
        _comment(say("Written by `steelyard init`; go on with `steelyard check {file}`, then `steelyard train {file}`.", file=file)),
        f"task: {found.task.name}",
        *_about(),
        *_data(found, file.parent),
        *_model(found),
        *_training(found, budget),
        *_evidence(found),
        _comment(say("Conditions that `steelyard gate RUN` holds the run to (exit code 3 where one does not hold):")),
        "# gates:",
        f"#   - quality.{found.task.metrics[0]} >= 0.85",
        _noted("seed: 0", say("all that is random comes from it")),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _about() -> list[str]:
    return ["about:", _noted("  purpose:", say("what the model is for, in a few words")),
            _noted("  language:", say("the language of the data (en, zh...)")),
            _noted("  license:", say("the license of the model (apache-2.0...)"))]


def _data(found: "Draft", folder: Path) -> list[str]:
    data = found.recipe.data
    lines = ["data:", _noted(f"  train: {_value(_seen_from(folder, data.train))}", say("{n:,} rows", n=found.rows["train"]))]
    for split, why in (("validation", say("{n:,} rows pick the best weights", n=found.rows.get("validation", 0))),
                       ("test", say("{n:,} rows, on which the model is judged", n=found.rows.get("test", 0)))):
        place = getattr(data, split)
        if place is not None:
            value = place.model_dump() if not isinstance(place, str | tuple) else _seen_from(folder, place)
            lines.append(_noted(f"  {split}: {_value(value)}", why))
    lines.append("  columns:")
    for ours, theirs in found.found.items():
        is_target = any(column.name == ours and column.target for column in found.task.columns)
        why = _labels(found) if is_target and found.targets else say("what is predicted") if is_target else say("what the model reads")
        lines.append(_noted(f"    {ours}: {_value(theirs)}", why))
    if data.labels:
        lines.append(f"  labels: {_value(dict(data.labels))}")
    if found.bad:
        lines.append(_noted(f"  max_bad_rows: {data.max_bad_rows}",
                            say("left out: {origin} {why}", origin=found.bad[0].origin, why=found.bad[0].why)))
    if data.group_by is not None:
        lines.append(f"  group_by: {_value(data.group_by)}")
    elif found.people:
        lines.append(_noted(f"  # group_by: {_value(found.people[0])}", say("rows with one value of this column stay in one split")))
    for key, default in (("encoding", "utf-8"), ("header", True), ("max_length", None), ("image_size", None), ("image_mode", None)):
        if (value := getattr(data, key)) != default:
            lines.append(f"  {key}: {_value(value)}")
    return lines


def _labels(found: "Draft") -> Sentence:
    total = sum(found.targets.values())
    shares = listing((f"{name} ({count / total:.0%})" for name, count in found.targets.items()), most=5)
    return say("{n} labels: {shares}", n=len(found.targets), shares=shares)


def _model(found: "Draft") -> list[str]:
    model = found.recipe.model
    lines = ["model:"]
    if model.from_ is not None:
        lines.append(f"  from: {_value(model.from_)}")
    else:
        lines.append(_noted(f"  family: {_value(found.family)}", say("built from scratch; `from: FOLDER` starts from a trained model")))
        lines.append(f"  size: {_value(model.size)}")
    if model.options:
        lines.append(f"  options: {_value(dict(model.options))}")
    return lines


def _training(found: "Draft", budget: float) -> list[str]:
    training = found.recipe.training
    assert training != "none"
    time = say("forecast on this machine: {value} ({low} to {high}); the budget is {budget}", value=_time(found.time.value or 0.0),
               low=_time(found.time.low or 0.0), high=_time(found.time.high or 0.0), budget=_time(budget))
    length = f"  steps: {training.steps}" if training.steps is not None else f"  epochs: {_value(training.epochs)}"
    return ["training:", _noted(length, time),
            _noted(f"  batch_size: {training.batch_size}", say("examples that one optimiser step sees")),
            _noted(f"  learning_rate: {_value(training.learning_rate)}", say("at its peak")),
            f"  optimizer: {training.optimizer}",
            _noted(f"  schedule: {training.schedule}", say("how the learning rate falls after the warm-up")),
            _noted(f"  warmup_steps: {training.warmup_steps}", say("steps in which the learning rate rises from 0 to its peak"))]


def _evidence(found: "Draft") -> list[str]:
    groups = list(found.recipe.evidence.bias.groups) or list(found.groups)
    if not groups:
        return []
    why = say("columns of few values: errors are compared between them; take out what is no group")
    return ["evidence:", "  bias:", _noted(f"    groups: {_value(groups)}", why),
            _noted("    # positive: []", say("the labels that are good for the person"))]


def _time(number: float) -> str:
    """Seconds for people."""
    if number < 90:
        return str(say("{n:.0f} s", n=number))
    return str(say("{n:.0f} min", n=number / 60) if number < 5400 else say("{n:.1f} h", n=number / 3600))


def _seen_from(folder: Path, place: Any) -> Any:
    """A path relative to the recipe's folder; what is no path stays."""
    if isinstance(place, tuple):
        return [_seen_from(folder, one) for one in place]
    if place.startswith(("builtin:", "hub:")) or re.fullmatch(r"[\d. ]+%", place) or os.path.isabs(place):
        return place
    return Path(os.path.relpath(place, folder)).as_posix()


def _value(value: Any) -> str:
    """A value as YAML in one line: plain words bare, all else as JSON, which YAML reads."""
    if isinstance(value, str):
        bare = _PLAIN.fullmatch(value) and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off")
        return value if bare else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(str(name))}: {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.6g}"
    return json.dumps(value)


def _comment(sentence: Sentence) -> str:
    return "# " + " ".join(str(sentence).split())


def _noted(line: str, sentence: Sentence) -> str:
    from steelyard.verbs._output import width

    return line + " " * max(2, _COMMENTS_AT - width(line)) + _comment(sentence)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard init`."""
    parser.add_argument("task", nargs="?", metavar="TASK", help=str(say("the task; `steelyard tasks` lists them")))
    parser.add_argument("--data", metavar="FILE", help=str(say("a file, glob, folder or builtin:NAME")))
    parser.add_argument("--budget", default="20m", metavar="TIME", help=str(say("how long training may take: 90s, 20m, 1.5h (20m)")))
    parser.add_argument("--out", default="recipe.yaml", metavar="FILE", help=str(say("where the recipe is written (recipe.yaml)")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("fix a value of the recipe: --set data.columns.text=review")))
    parser.add_argument("--schema", action="store_true", help=str(say("print the JSON Schema of recipes, for editors")))


def main(args: argparse.Namespace) -> int:
    """Write the recipe, or print the schema."""
    from steelyard.verbs._output import result

    if args.schema:
        from steelyard.recipe.writer import schema

        result(schema(), json.dumps(schema(), ensure_ascii=False, indent=2))
        return 0
    for name, given in (("TASK", args.task), ("--data", args.data)):
        if given is None:
            raise InputError(say("{where}: {got} is missing; `{where} --help` shows how it is given", where="steelyard init", got=name))
    budget = seconds(args.budget)
    file = init(args.task, args.data, args.out, budget, args.set)
    text = file.read_text(encoding="utf-8")
    told = say("written: {file}; go on with `steelyard check {file}`, then `steelyard train {file}`", file=file)
    result({"recipe": str(file), "text": text}, f"{text}\n{told}")
    return 0
