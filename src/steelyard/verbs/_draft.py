"""What `init` finds out: how data is read and split, what else stands in it, and which training fits a budget here."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from steelyard.engine.columns import kind_of, match
from steelyard.engine.prepare import Prepared, family_of, prepare, task_of
from steelyard.engine.read import PEEK, BadRow, Table, locate, source_of, table
from steelyard.engine.split import dataset
from steelyard.errors import InputError, listing
from steelyard.facts import Quantity
from steelyard.language import say
from steelyard.parts import Column, Family, ReadOptions, Row, Task
from steelyard.recipe.reader import read
from steelyard.recipe.recipe import Recipe
from steelyard.recipe.training import Training

MOST_BAD = 0.05  # share of broken rows above which the file is misread rather than dirty
ROOM = 0.9  # of the budget that the forecast may take
MOST_DOUBT = 1.5  # times the forecast: a busy machine's interval is so wide that its upper end would leave no training
FEW = 12  # distinct values up to which a further column may name groups
FEWEST_EPOCHS = 3  # a smaller model is better than fewer passes
_SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold", "划分", "数据划分", "数据集")
_TEST = ("test", "testing", "holdout", "测试", "测试集")
_VALIDATION = ("validation", "valid", "val", "dev", "development", "验证", "验证集", "开发集")


@dataclass(frozen=True)
class Draft:
    """A recipe that runs, and what it was made from.

    rows      split -> rows
    targets   label -> rows, the most frequent first; empty where targets are no labels
    groups    further columns of few values, by which errors can be compared
    people    further columns whose values repeat, by which rows may belong together
    time      the forecast of this training, in seconds
    """

    recipe: Recipe
    task: type[Task]
    family: str
    rows: Mapping[str, int]
    found: Mapping[str, str]
    targets: Mapping[str, int]
    bad: Sequence[BadRow]
    groups: Sequence[str]
    people: Sequence[str]
    time: Quantity


def draft(task: str, data: str, overrides: Sequence[str], budget: float) -> Draft:
    """Look at `data`, relative to the working directory, and find a training of at most `budget` seconds. Raises InputError."""
    values: dict[str, Any] = {"task": task, "data": {"train": data}}
    asked = read(values, overrides)
    kind = task_of(asked)
    if asked.data.train is None or asked.training == "none":
        raise InputError(say("steelyard init writes a recipe that trains; write one with `training: none` by hand"))
    paths = locate(asked.data.sets, Path(), "--data")
    _no_table_of_numbers(paths[0], kind, asked)
    own = table(paths, kind.columns, asked.data, "--data")
    _mostly_whole(own)
    values["data"] |= _splits(asked, own)
    if own.bad and not asked.data.max_bad_rows:
        values["data"]["max_bad_rows"] = len(own.bad)
    family = family_of(asked, kind)
    num = len(dataset(read(values, overrides), kind).rows["train"])
    values["training"] = {"batch_size": min(int(family.training.get("batch_size", 32)), num)}
    prepared, time = _affordable(values, overrides, family, budget)
    groups, people = _further(own, kind)
    targets = [column.name for column in own.columns if column.target and column.kind == "label"]
    counted = Counter(str(value) for name in targets[:1] for value in own.rows.column(name)) if targets else Counter[str]()
    return Draft(prepared.recipe, kind, family.name, {split: len(rows) for split, rows in prepared.dataset.rows.items()}, own.found,
                 dict(counted.most_common()), own.bad, groups, people, time)


def _no_table_of_numbers(path: Path, task: type[Task], asked: Recipe) -> None:
    """Refuse a table of numbers and categories, where nothing in it is what the task reads."""
    records = source_of(path, "--data").read(path, ReadOptions(encoding=asked.data.encoding, header=asked.data.header))
    samples: list[Row] = [record.values for record in islice(records, PEEK) if record.problem is None]
    names = list(dict.fromkeys(name for row in samples for name in row))
    fitting = {kind: [name for name in names if kind_of(Column(name=kind, kind=kind)).fits([row.get(name) for row in samples])]
               for kind in ("number", "label", "text")}
    plain = set(fitting["number"]) | set(fitting["label"])
    inputs = [column for column in task.columns if not column.target]
    told = {column.name: asked.data.columns[column.name] for column in inputs if column.name in asked.data.columns}
    try:
        match(inputs, samples, told, path.name)
    except InputError as error:
        if fitting["number"] and not fitting["text"] and len(plain) >= len(names) - 1:  # the answers may be words, all different
            raise InputError(say(
                "{file}: a table of numbers and categories ({names}), and steelyard has no task for those; {task} needs a column of the "
                "kind {kind} (name it with --set data.columns.{column}=NAME), and for such tables gradient-boosted trees serve better",
                file=path, names=listing(names, most=6), task=task.name, kind=inputs[0].kind, column=inputs[0].name)) from error
        raise


def _mostly_whole(own: Table) -> None:
    if len(own.bad) > MOST_BAD * (len(own.bad) + len(own.rows)):
        raise InputError(say("{origin} {why}; {n} of {of} rows are broken: is the file read as it should be (data.encoding, data.header)?",
                             origin=own.bad[0].origin, why=own.bad[0].why, n=len(own.bad), of=len(own.bad) + len(own.rows)))


def _splits(asked: Recipe, own: Table) -> dict[str, Any]:
    """The splits that a column names; else shares, so that the recipe says them."""
    if asked.data.test is not None or asked.data.validation is not None:
        return {}
    for name in own.rows.names:
        if name.lower() in _SPLIT_COLUMNS:
            spelled = {str(value).strip().lower(): str(value) for value in dict.fromkeys(own.rows.column(name))}
            given = {split: {"column": name, "value": spelled[word]} for split, words in (("validation", _VALIDATION), ("test", _TEST))
                     for word in words if word in spelled}
            if given and len(spelled) > len(given):
                return {"validation": "10%", **given} if "test" in given else {**given, "test": "10%"}
    return {"validation": "10%", "test": "10%"}


def _affordable(values: dict[str, Any], overrides: Sequence[str], family: Family, budget: float) -> tuple[Prepared, Quantity]:
    """The default size, or the largest smaller one, with as many epochs as the family wants and the budget allows."""
    sizes = list(family.sizes)
    told = read(values, overrides)
    length_fixed = isinstance(told.training, Training) and (told.training.epochs or told.training.steps) is not None
    fixed = told.model.from_ is not None or "size" in told.model.model_fields_set
    tried = [told.model.size] if fixed else sizes[: sizes.index("small") + 1][::-1]
    for size in tried:
        if told.model.from_ is None:
            values["model"] = {"family": family.name, "size": size}
        prepared = prepare(read(values, overrides))
        time, steps = _forecast(prepared)
        epochs = prepared.training.epochs or 1.0
        affordable = ROOM * budget / min(time.high or math.inf, MOST_DOUBT * (time.value or 1.0))
        if affordable >= 1 or length_fixed:
            return prepared, time
        if affordable * epochs >= FEWEST_EPOCHS:
            return _shortened(prepared, {"epochs": float(int(affordable * epochs)), "steps": None}, time)
    most = affordable * epochs
    length = {"epochs": float(int(most)), "steps": None} if most >= 1 else {"epochs": None, "steps": max(1, int(affordable * steps))}
    return _shortened(prepared, length, time)


def _forecast(prepared: Prepared) -> tuple[Quantity, int]:
    """(the forecast time of the recipe's training, its steps)."""
    from steelyard.engine.forecast import forecast
    from steelyard.engine.job import first_model
    from steelyard.engine.measure import choose

    model = first_model(prepared)
    chosen, _ = choose(prepared, model)
    told = forecast(prepared, model, chosen)
    return told.quantities["time"], told.steps


def _shortened(prepared: Prepared, length: Mapping[str, Any], time: Quantity) -> tuple[Prepared, Quantity]:
    """The same with another length; its time grows with it."""
    training = prepared.training
    new = training.model_copy(update=dict(length))
    shorter = dataclasses.replace(prepared, recipe=prepared.recipe.model_copy(update={"training": new}))
    factor = shorter.plan.total / prepared.plan.total
    low, high = (None if end is None else end * factor for end in (time.low, time.high))
    scaled = dataclasses.replace(time, value=(time.value or 0.0) * factor, low=low, high=high)
    return shorter, scaled


def _further(own: Table, task: type[Task]) -> tuple[list[str], list[str]]:
    """Columns of few values, and columns whose many values repeat; one that decides the label is a finer label."""
    ours = {column.name for column in task.columns}
    targets = [own.rows.column(column.name) for column in own.columns if column.target]
    groups, people = [], []
    for name in own.rows.names:
        if name in ours or name.startswith("_") or name.lower() in _SPLIT_COLUMNS:
            continue
        values = own.rows.column(name)
        counts = Counter(value for value in values if value not in (None, ""))
        if 2 <= len(counts) <= FEW:
            groups.append(name)
        elif FEW < len(counts) <= len(values) / 2 and not any(_decides(values, one) for one in targets):
            people.append(name)
    return groups, people


def _decides(values: Sequence[object], targets: Sequence[object]) -> bool:
    """Whether each value goes with one target only."""
    return len(set(zip(values, targets, strict=True))) == len(set(values))
