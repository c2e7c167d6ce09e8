"""A recipe -> everything that training and judging need: task, family, processor, rows and their examples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from transformers import PreTrainedConfig

from steelyard import catalog, hub
from steelyard.engine import architectures, cache, learnt, machine, read, signals, store
from steelyard.engine import hub as fetch
from steelyard.engine.order import Plan
from steelyard.engine.split import Dataset, dataset
from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say
from steelyard.parts import PLAIN, Aim, BadValue, Example, Family, Processor, Task
from steelyard.recipe.recipe import Recipe
from steelyard.recipe.training import Training
from steelyard.rows import Rows

OPTIONAL = ("label_smoothing", "class_weights", "batch_tokens")  # keys of `training` that only some tasks know; so `augment.*`


@dataclass(frozen=True)
class Prepared:
    """What is known before the first weight is made. `recipe` is resolved: every default is filled in."""

    recipe: Recipe
    task: Task
    family: Family
    processor: Processor
    config: PreTrainedConfig
    dataset: Dataset
    stores: Mapping[str, store.Store]
    processor_print: str
    aim: Aim = PLAIN

    @property
    def training(self) -> Training:
        """The section `training`; only where the recipe trains."""
        assert isinstance(self.recipe.training, Training)
        return self.recipe.training

    @cached_property
    def plan(self) -> Plan:
        """Which examples are seen at which step."""
        training, examples = self.training, self.stores["train"]
        lengths = examples.lengths()
        if lengths is None and training.batch_tokens is not None:
            lengths = examples.sizes()
        mix = self.dataset.mix
        sets = [(weight, np.flatnonzero(np.isin(examples.rows.numpy(), rows))) for weight, rows in mix]
        return Plan(len(examples), self.recipe.seed, training.batch_size, training.batch_tokens, training.epochs, training.steps,
                    lengths, sets)


def task_of(recipe: Recipe) -> type[Task]:
    """The task's class. Raises InputError with the nearest name."""
    part: type[Task] = catalog.load("tasks", recipe.task, recipe.where("task"))
    return part


def family_of(recipe: Recipe, task: type[Task]) -> Family:
    """The family, held against what the task needs. Raises InputError."""
    source = recipe.model.from_
    name = "hub" if source is not None else recipe.model.family or task.family
    part = family_part(name, recipe.where("model.family"))
    if not part.does(task.takes, task.output):
        able = [n for n in catalog.names("families") if _can(n, task)]
        raise InputError(say("{where}: the family {family} reads {takes} and gives {gives}, but {task} needs {need} and {output}; "
                             "choose among: {able}", where=recipe.where("model.family"), family=name, takes=listing(part.takes),
                             gives=listing(part.gives), task=task.name, need=task.takes, output=task.output, able=listing(able)))
    if recipe.model.size not in part.sizes:
        raise InputError(say('{where}: the family {family} has no size "{size}"{hint} (there are: {known})',
                             where=recipe.where("model.size"), family=name, size=recipe.model.size,
                             hint=did_you_mean(recipe.model.size, part.sizes), known=listing(part.sizes)))
    if unknown := [key for key in recipe.model.options if part.options and key not in part.options]:
        raise InputError(say('{where}: the family {family} has no option "{key}"{hint} (there are: {known})',
                             where=recipe.where(f"model.options.{unknown[0]}"), family=name, key=unknown[0],
                             hint=did_you_mean(unknown[0], part.options), known=listing(part.options)))
    return part(None if source is None else model_folder(source, recipe))


def family_part(name: str, where: str) -> type[Family]:
    """The family of that name: a file of families/, else one of those that a file stands for. Raises InputError with the nearest.

    Where both have a name, the file is meant; `transformers:resnet` is the other.
    """
    own = catalog.names("families")
    outer, _, inner = name.partition(":")
    if name in own:
        part: type[Family] = catalog.load("families", name, where)
        return part
    many: list[type[Family]] = [family for family in catalog.every("families") if family.variants()]
    for family in many:
        if (inner if outer == family.name else name) in family.variants():
            return family.variant(inner if outer == family.name else name)
    raise architectures.unknown(name, where, [variant for family in many for variant in family.variants()])


def _can(name: str, task: type[Task]) -> bool:
    family: type[Family] = catalog.load("families", name, "families")
    return family.does(task.takes, task.output)


def model_folder(source: str, recipe: Recipe) -> Path:
    """The folder that `model.from` names: a model's, a run's, or a Hub id's, which `hub:` insists on. Raises InputError, OutsideError."""
    folder = recipe.folder / Path(source).expanduser()
    if source.startswith(hub.PREFIX) or (hub.is_name(source) and not folder.is_dir()):
        return fetch.model(source, recipe)
    if not folder.is_dir():
        raise InputError(say('{where}: there is no folder "{folder}"; give the folder of a model or of a run, or a Hub id',
                             where=recipe.where("model.from"), folder=folder))
    if recipe.model.revision is not None:
        raise InputError(say('{where}: "{folder}" is a folder here and has no revisions; leave model.revision out, or write hub:OWNER/NAME '
                             "for a model of the Hub", where=recipe.where("model.revision"), folder=folder))
    if not (folder / "run.json").is_file():
        return folder
    from steelyard.engine.examine import hold_whole  # which loads torch
    from steelyard.run import Run

    hold_whole(Run.open(folder))
    return folder / "model"


def prepare(recipe: Recipe, data: Dataset | None = None) -> Prepared:
    """Read and split (unless that is `data`), fit, encode. Raises InputError before anything is written but the cache."""
    task_class = task_of(recipe)
    family = family_of(recipe, task_class)
    recipe = read.pinned(fetch.pinned(recipe, family.folder))
    data = dataset(recipe, task_class) if data is None else data
    options = {"max_length": recipe.data.max_length, "image_size": recipe.data.image_size, "image_mode": recipe.data.image_mode,
               **family.sizes[recipe.model.size], **recipe.model.options}
    task, train = (fitted(recipe, family, task_class, data), data.rows["train"]) if "train" in data.rows else (
        adopted(family, task_class), next(iter(data.rows.values())))
    processor = learnt.processor(family, task, train, options, data.mark)
    config = family.config(task, processor, {k: v for k, v in options.items() if k not in ("max_length", "image_size", "image_mode")})
    decode_as_told(recipe, task, config)
    task = task.settle(config, processor)
    recipe = recipe.filled(_defaults(family, task, len(train)))
    if isinstance(recipe.training, Training) and (recipe.training.batch_size or 0) > len(train):
        raise InputError(say("{where}: a batch of {size} is larger than the {n} training rows; want at most {n}",
                             where=recipe.where("training.batch_size"), size=recipe.training.batch_size, n=len(train)))
    print_of = processor_print(processor)  # before it is used: a tokenizer remembers how it cut last
    aim = _aim(recipe, task, train)
    stores = {split: encoded(rows, task, processor, f"{data.mark}/{split}/{recipe.seed}/{print_of}") for split, rows in data.rows.items()}
    return Prepared(recipe, task, family, processor, config, data, stores, print_of, aim)


def _defaults(family: Family, task: Task, rows: int) -> Mapping[str, Any]:
    """The family's defaults of the section `training`, without settings that this task does not know; no batch above the rows."""
    kept: dict[str, Any] = {key: value for key, value in family.training.items() if key not in OPTIONAL or key in task.settings}
    if "augment" in kept:
        kept["augment"] = {key: value for key, value in kept["augment"].items() if f"augment.{key}" in task.settings}
    if "batch_size" in kept:
        kept["batch_size"] = min(kept["batch_size"], rows)
    return kept


def decode_as_told(recipe: Recipe, task: Task, config: PreTrainedConfig) -> None:
    """Write section `decoding` into the configuration, over what a trained model brought. Raises InputError for what the task lacks."""
    told = recipe.decoding.told()
    if strange := [key for key in told if key not in task.decoding]:
        raise InputError(say("{where}: {task} does not know this setting{known}; leave it out", task=task.name,
                             where=recipe.where(f"decoding.{strange[0]}"), known=f" ({listing(task.decoding)})" if task.decoding else ""))
    before = config.to_dict().get("decoding") or {}
    if told or before:
        config.decoding = {**{key: value for key, value in before.items() if key in task.decoding}, **told}


def _aim(recipe: Recipe, task: Task, train: Rows) -> Aim:
    """What the loss aims at. Raises InputError for a setting of the recipe that this task does not know."""
    if not isinstance(recipe.training, Training):
        return PLAIN
    told = recipe.training.model_dump(exclude_defaults=True)
    wanted = [*(key for key in OPTIONAL if told.get(key)),
              *(f"augment.{key}" for key, value in told.get("augment", {}).items() if value)]
    if strange := [key for key in wanted if key not in task.settings]:
        where = recipe.where(f"training.{strange[0]}")
        raise InputError(say("{where}: {task} does not know this setting{known}; leave it out", where=where, task=task.name,
                             known=f" ({listing(task.settings)})" if task.settings else ""))
    return task.aim(train, recipe.training.label_smoothing, recipe.training.class_weights)


def fitted(recipe: Recipe, family: Family, task_class: type[Task], data: Dataset) -> Task:
    """The task as the training rows teach it; as the model knows it where nothing is trained."""
    return adopted(family, task_class) if recipe.training == "none" else learnt.fitted(task_class, data.rows["train"], data.mark)


def adopted(family: Family, task_class: type[Task]) -> Task:
    """The task as a trained model's configuration has it."""
    from transformers import AutoConfig

    return task_class.adopt(AutoConfig.from_pretrained(family.folder, local_files_only=True, trust_remote_code=False))


def processor_print(processor: Processor) -> str:
    """A fingerprint of all that a processor would write to its folder."""
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        return cache.fingerprint({path.name: cache.file_hash(path) for path in sorted(Path(folder).rglob("*")) if path.is_file()})


def task_state(task: Task) -> dict[str, Any]:
    """What the task learnt, its fields; `Task.from_state` is the inverse."""
    return asdict(cast(Any, task))  # every final task is a dataclass; the abstract one is none


def encoded(rows: Rows, task: Task, processor: Processor, mark: str) -> store.Store:
    """The examples of `rows`, from the cache where `mark` is known. Raises InputError for a row that cannot be encoded."""

    def groups() -> Iterator[Sequence[Example]]:
        done = 0
        for block in rows.chunks():
            signals.poll()
            try:
                yield from task.encode(block, processor)
            except BadValue:
                raise _culprit(rows, task, processor, done, len(block)) from None
            done += len(block)

    chosen = sha256(rows.chosen.tobytes()).hexdigest()
    name = cache.fingerprint({"rows": mark, "chosen": chosen, "task": task.name, "code": learnt.code(type(task)),
                              "state": task_state(task)})
    return store.Store(cache.kept("examples", name, lambda folder: store.write(folder, groups())), machine.free_memory())


def _culprit(rows: Rows, task: Task, processor: Processor, start: int, size: int) -> InputError:
    """The first row of a block that cannot be encoded, with its origin."""
    for index in range(start, start + size):
        try:
            task.encode([rows[index]], processor)
        except BadValue as error:
            return InputError(say("{origin} {why}", origin=rows.origin(index), why=error.sentence))
    raise AssertionError("a block was refused whose rows are all taken one by one")


def versions() -> dict[str, Any]:
    """What a run was made with."""
    import platform

    import torch
    import transformers

    from steelyard.version import __version__

    return {"steelyard": __version__, "python": platform.python_version(), "torch": str(torch.__version__),
            "transformers": transformers.__version__}
