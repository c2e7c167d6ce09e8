"""check: a recipe is read, its data audited, its model matched with its task; nothing is trained."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.facts import Finding
from steelyard.language import say
from steelyard.verbs._output import result, table


@dataclass(frozen=True)
class Checked:
    """What `check` found.

    columns    task's column -> data's column
    rows       split -> rows
    bad        [(origin, why)] of rows that were left out
    """

    task: str
    columns: Mapping[str, str]
    rows: Mapping[str, int]
    bad: Sequence[tuple[str, str]]
    findings: Sequence[Finding]


def check(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Checked:
    """Read everything that training would read. Raises InputError."""
    from steelyard import catalog
    from steelyard.engine import ancestry, exclude
    from steelyard.engine.look import look
    from steelyard.engine.noticed import noticed
    from steelyard.parts import Splits
    from steelyard.recipe.reader import read

    asked = read(recipe, overrides)
    data = look(asked)
    from steelyard.engine.prepare import family_of, fitted, task_of  # which loads Transformers: the data were read before

    kind = task_of(asked)
    family = family_of(asked, kind)
    task = fitted(asked, family, kind, data)
    splits = Splits(data.rows, data.columns, seed=asked.seed, ancestors=ancestry.traces_of(asked))
    findings = [*exclude.finding([entry.to_json() for entry in data.excluded]), *noticed(task, data.rows, data.mark),
                *(finding for audit in catalog.every("audits") for finding in audit().ask(splits))]
    return Checked(kind.name, data.found, {split: len(rows) for split, rows in data.rows.items()},
                   [(bad.origin, str(bad.why)) for bad in data.bad], findings)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard check`."""
    parser.add_argument("recipe", help=str(say("a recipe's YAML file")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help=str(say("put a value over the recipe's: --set training.epochs=5")))


def main(args: argparse.Namespace) -> int:
    """Check, and print what was found: issues first."""
    found = check(args.recipe, args.set)
    result({"task": found.task, "columns": dict(found.columns), "rows": dict(found.rows),
            "bad_rows": [{"origin": origin, "why": why} for origin, why in found.bad],
            "findings": [finding.to_json() for finding in found.findings]}, _told(found))
    return 0


def _told(found: Checked) -> str:
    words = {"issue": say("issue"), "inconclusive": say("open"), "passed": say("passed"), "not applicable": say("not applicable")}
    shown = sorted(found.findings, key=lambda finding: list(words).index(finding.outcome))
    lines = [
        say("task: {task}", task=found.task),
        say("columns: {columns}", columns=", ".join(f"{ours} = {theirs}" for ours, theirs in found.columns.items())),
        say("rows: {rows}", rows=", ".join(f"{split} {n:,}" for split, n in found.rows.items())),
        *(say("left out: {origin} {why}", origin=origin, why=why) for origin, why in found.bad[:10]),
    ]
    return "\n".join([*map(str, lines), table([(str(words[finding.outcome]), str(finding.why)) for finding in shown])])
