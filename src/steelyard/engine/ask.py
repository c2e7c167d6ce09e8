"""Single questions to a run's model: rows that a person gives, answered; the base of predict and explain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steelyard import catalog
from steelyard.engine.answer import BATCH, ModelDoor
from steelyard.engine.columns import kind_of
from steelyard.engine.examine import hold_whole
from steelyard.engine.prepare import task_of
from steelyard.engine.quiet import no_bars
from steelyard.engine.read import locate, table
from steelyard.engine.store import stack
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import Answer, BadValue, Column, Example, Family, Row, Task
from steelyard.recipe.reader import read
from steelyard.rows import FILE, LINE
from steelyard.run import Run

TABLES = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".gz", ".txt")  # what is a file's name and no text


class Asked:
    """A run that is asked: its task, processor and model, in fp32."""

    def __init__(self, run: Run) -> None:
        manifest = run.manifest()
        if not run.model.is_dir():
            raise InputError(say('the training of "{run}" is not finished; go on with `steelyard train --resume {run}`', run=run.folder))
        hold_whole(run)
        self.run, self.recipe = run, read(run.recipe_file)
        self.task: Task = task_of(self.recipe).from_state(manifest["task_state"])
        family: type[Family] = catalog.load("families", "hub", "model")
        self.family = family(run.model)
        self.inputs = [column for column in self.task.columns if not column.target]

    @cached_property
    def processor(self) -> Any:
        """The run's own."""
        from steelyard.rows import Rows

        return self.family.processor(self.task, Rows.empty(), {})

    @cached_property
    def door(self) -> ModelDoor:
        """The model."""
        with no_bars():
            model = self.family.start(self.task, self.family.config(self.task, self.processor, {}))
        return ModelDoor(model, self.family, self.task, self.processor)

    def row(self, given: str | Path | Mapping[str, Any]) -> Row:
        """A text, a file of the kind that the task reads, or its columns as a mapping or in JSON -> a row. Raises InputError."""
        if isinstance(given, str) and (columns := self._columns(given)) is not None:
            given = columns
        if isinstance(given, Mapping):
            return self._row(given)
        if not str(given).strip():  # a table's empty cell is a row, which its file vouches for; here it is a slip of the hand
            raise InputError(say("the input is empty: there is nothing to answer; give a text or the path of a file"))
        first = self.inputs[0]
        if lacking := [column.name for column in self.inputs[1:] if column.required]:
            raise InputError(say("the input lacks {names}; name every column: {example}", names=listing(lacking),
                                 example=" ".join(f"--set {name}=..." for name in (first.name, *lacking))))
        return {first.name: self._parsed(first, self._raw(first, str(given)), str(given)[:80]), FILE: str(given), LINE: None}

    def named(self, name: str) -> Column | None:
        """The column that is read and goes by that name: the task's, one of its aliases, or that of the recipe's data."""
        told = {theirs: ours for ours, theirs in self.recipe.data.columns.items()}
        known = {word.casefold(): column for column in reversed(self.inputs) for word in (*column.aliases, column.name)}
        return known.get(told.get(name, name).casefold())

    def _columns(self, given: str) -> dict[str, Any] | None:
        """The columns of a JSON object that has all that are needed; None for any other text."""
        if not given.lstrip().startswith("{"):
            return None
        try:
            found = json.loads(given)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        there = [column.name for name in found if (column := self.named(name)) is not None]
        return found if there and all(column.name in there for column in self.inputs if column.required) else None

    def _row(self, given: Mapping[str, Any]) -> Row:
        values = {column.name: value for name, value in given.items() if value is not None and (column := self.named(name)) is not None}
        if lacking := [column.name for column in self.inputs if column.required and column.name not in values]:
            raise InputError(say("the input lacks {names}; it has: {known}", names=listing(lacking), known=listing(given)))
        targets = {column.name: given[column.name] for column in self.task.columns if column.target and given.get(column.name) is not None}
        return {column.name: self._parsed(column, self._raw(column, (values | targets)[column.name]), column.name)
                for column in self.task.columns if column.name in values | targets}

    def _raw(self, column: Column, value: object) -> object:
        """What the column's kind parses: of a kind that is a file by itself, the file's bytes. Raises InputError."""
        suffixes = kind_of(column).suffixes
        if not suffixes or not isinstance(value, str):
            return value
        if not Path(value).is_file():
            raise InputError(say('there is no file "{path}"; the task reads {suffixes}', path=value, suffixes=listing(suffixes)))
        return Path(value).read_bytes()

    def _parsed(self, column: Column, raw: object, where: str) -> object:
        try:
            return kind_of(column).parse(raw)
        except BadValue as error:
            raise InputError(say("{where}: {reason}", where=where, reason=error.sentence)) from error

    def is_table(self, given: str) -> bool:
        """Whether an argument is a file with rows, not a row by itself."""
        if not given.strip():  # Path("") would be the folder one stands in
            return False
        path = Path(given)
        own = kind_of(self.inputs[0]).suffixes
        try:
            if path.is_dir() or path.is_file():
                return path.suffix.lower() not in own
        except OSError:  # a text that is too long to be a path
            return False
        return not own and path.suffix.lower() in TABLES and len(given.split()) == 1  # a table that is not there: reading it says so

    def table(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Origin and row of each row of a file. Raises InputError for the first broken one."""
        names = {column.name for column in self.inputs}
        told = {ours: theirs for ours, theirs in self.recipe.data.columns.items() if ours in names}
        found = table(locate(str(path), Path(), "predict"), self.inputs, self.recipe.data.model_copy(update={"columns": told}), "predict")
        if found.bad:
            raise InputError(say("{origin} {why}", origin=found.bad[0].origin, why=found.bad[0].why))
        unread = {column.name for column in self.task.columns} - names  # what ought to be answered is not known here, whatever stands there
        for index, row in enumerate(found.rows):
            yield found.rows.origin(index), {name: value for name, value in row.items() if name not in unread}

    def examples(self, row: Row) -> list[Example]:
        """The row's examples."""
        return self.task.encode([row], self.processor)[0]

    def answers(self, rows: Sequence[Row]) -> list[Answer]:
        """An answer a row, in order."""
        groups = self.task.encode(rows, self.processor)
        flat = [(number, example) for number, group in enumerate(groups) for example in group]
        sizes = np.array([sum(array.size for array in example.values()) for _, example in flat])
        partials: list[Any] = [None] * len(flat)
        model = self.door.model  # loaded here: weights that are loaded in inference mode never take gradients
        for part in np.split(order := np.argsort(-sizes, kind="stable"), range(BATCH, len(order), BATCH)):
            with torch.inference_mode():
                batch = self.task.collate(stack([flat[i][1] for i in part]), self.processor, None)
                for i, partial in zip(part, self.task.respond(model, batch), strict=True):
                    partials[i] = partial
        return [self.task.merge(row, [partials[i] for i, (owner, _) in enumerate(flat) if owner == number])
                for number, row in enumerate(rows)]
