"""tasks: what can be learnt, from which columns, with which models, and a recipe of each that runs at once."""

import argparse
from typing import Any

from steelyard import catalog
from steelyard.errors import listing
from steelyard.language import say
from steelyard.parts import Column, Family, Source, Task

TABLES = ("csv", "jsonl", "json", "parquet", "arrow", "hub")  # forms of a task whose rows are those of any table


def tasks() -> list[dict[str, Any]]:
    """Every task of the catalogue as JSON values."""
    families: list[type[Family]] = list(catalog.every("families"))
    return [_described(task, families) for task in catalog.every("tasks")]


def sources() -> dict[str, str]:
    """The forms of data: name -> what it reads."""
    found: list[type[Source]] = list(catalog.every("sources"))
    return {source.name: str(source.help) for source in found}


def tiny(name: str) -> str:
    """The YAML of a recipe of this task that runs at once on a built-in set. Raises InputError."""
    from steelyard.recipe.reader import read
    from steelyard.recipe.writer import brief

    task: type[Task] = catalog.load("tasks", name, "steelyard tasks")
    read(task.tiny)  # a guest's recipe may be wrong: say so here, not in the file
    return brief(task.tiny)


def _described(task: type[Task], families: list[type[Family]]) -> dict[str, Any]:
    able = [family for family in families if family.does(task.takes, task.output)]
    return {
        "task": task.name, "title": str(task.title),
        "columns": [{"name": column.name, "kind": column.kind, "aliases": list(column.aliases), "required": column.required,
                     "target": column.target} for column in task.columns],
        "families": {family.name: list(family.sizes) for family in able}, "family": task.family,
        "metrics": list(task.metrics), "best": task.best, "forms": list(task.forms or TABLES), "decoding": list(task.decoding),
        "try": f"steelyard tasks {task.name} --tiny > {task.name}.yaml && steelyard train {task.name}.yaml",
    }


def _lines(told: dict[str, Any], task: type[Task]) -> str:
    columns = "; ".join(_column(column) for column in task.columns)
    models = ", ".join(f"{name} ({', '.join(sizes)})" for name, sizes in told["families"].items()
                       if name not in ("hub", "transformers"))
    lines = [f"{told['task']}: {told['title']}", str(say("  columns: {names}", names=columns)),
             str(say("  new models: {names}", names=models or "-"))]
    if "transformers" in told["families"]:
        lines.append(str(say("  and by name any architecture of Transformers that does this, such as {names}",
                             names="electra, deberta-v2" if task.takes == "text" else "swin, convnextv2")))
    if "hub" in told["families"]:
        lines.append(str(say("  trained models: model.from takes a folder in Hugging Face's form")))
    lines.insert(2, str(say("  forms of data: {names}", names=", ".join(told["forms"]))))
    lines.append(str(say("  metrics: {names}", names=", ".join(told["metrics"]))))
    if told["decoding"]:
        lines.append(str(say("  settings of answering (decoding): {names}", names=", ".join(told["decoding"]))))
    return "\n".join([*lines, str(say("  try it: {command}", command=told["try"]))])


def _column(column: Column) -> str:
    also = str(say(", also called {names}", names=listing(column.aliases, most=20))) if column.aliases else ""
    target = str(say(", predicted")) if column.target else ""
    return f"{column.name} ({column.kind}{target}{also})"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard tasks`."""
    parser.add_argument("task", nargs="?", metavar="TASK", help=str(say("only this one")))
    parser.add_argument("--tiny", action="store_true", help=str(say("print a recipe of TASK that runs at once on a built-in set")))


def main(args: argparse.Namespace) -> int:
    """List the tasks, or print one's tiny recipe."""
    from steelyard.errors import InputError
    from steelyard.verbs._output import result, table

    if args.tiny:
        if args.task is None:
            raise InputError(say("steelyard tasks: --tiny wants a task: {names}", names=listing(catalog.names("tasks"))))
        text = tiny(args.task)
        result({"recipe": text}, text.rstrip("\n"))
        return 0
    if args.task is not None:
        catalog.load("tasks", args.task, "steelyard tasks")
    told = [one for one in tasks() if args.task in (None, one["task"])]
    forms = sources()
    text = "\n\n".join(_lines(one, catalog.load("tasks", one["task"], "steelyard tasks")) for one in told)
    reads = "\n".join((str(say("forms of data:")), table(list(forms.items()))))
    result({"tasks": told, "sources": forms}, f"{text}\n\n{reads}")
    return 0
