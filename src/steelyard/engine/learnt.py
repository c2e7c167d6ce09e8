"""What the training rows teach before the first weight is made: labels and a tokenizer; kept, for a second start must not read all rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from steelyard.engine import cache
from steelyard.parts import Family, Key, Processor, Task
from steelyard.rows import Rows

SAMPLE = 256 << 20  # bytes of rows that a tokenizer learns from: some thousands of subwords need no more


def fitted(task: type[Task], train: Rows, mark: str) -> Task:
    """The task as the training rows teach it; `mark` is the data's fingerprint."""
    def make(folder: Path) -> None:
        state = asdict(cast(Any, task.fit(train)))
        (folder / "task.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    folder = cache.kept("tasks", cache.fingerprint({"task": task.name, "code": code(task), **_told(train, mark)}), make)
    return task.from_state(json.loads((folder / "task.json").read_text(encoding="utf-8")))


def processor(family: Family, task: Task, train: Rows, options: Mapping[str, Any], mark: str) -> Processor:
    """What turns rows into numbers: the folder's own where the model has one; a picture's is read off a small sample.

    A tokenizer is trained once, on all rows or on SAMPLE bytes of them drawn by their place; always loaded from where it is kept, so
    that the first start and the second go on with the same bytes.
    """
    if family.folder is not None or task.takes != "text" or not len(train):
        return family.processor(task, train, options)
    from transformers import AutoTokenizer

    facts = {"family": family.name, "code": code(type(family)), "state": asdict(cast(Any, task)), "options": dict(options),
             "libraries": _libraries(), **_told(train, mark)}

    def make(folder: Path) -> None:
        family.processor(task, sample(train), options).save_pretrained(folder)

    folder = cache.kept("processors", cache.fingerprint(facts), make)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def code(part: type) -> str:
    """A fingerprint of the source that a part is written in: its file, and where that lies in a package all files beside it.

    What was kept by other code is stale: a task may have got a field since, or learn something else from the same rows.
    """
    module = sys.modules[part.__module__]
    file = vars(module).get("__file__")
    if file is None:  # typed into a session
        return part.__module__
    beside = sorted(Path(file).parent.glob("*.py")) if module.__package__ else [Path(file)]
    return cache.fingerprint({"module": part.__module__, "files": {path.name: cache.file_hash(path) for path in beside if path.is_file()}})


def sample(rows: Rows, most: int = SAMPLE) -> Rows:
    """The rows, or so many of them, in order and drawn evenly by chance, that they have some `most` bytes."""
    size = rows.table.nbytes / max(1, rows.table.num_rows) * len(rows)
    if size <= most:
        return rows
    drawn = np.random.default_rng(Key(0).number("tokenizer")).random(len(rows)) < most / size
    return rows.select(np.flatnonzero(drawn))


def _told(train: Rows, mark: str) -> dict[str, Any]:
    from steelyard.version import __version__

    return {"rows": mark, "chosen": sha256(train.chosen.tobytes()).hexdigest(), "version": __version__}


def _libraries() -> list[str]:
    import tokenizers
    import transformers

    return [transformers.__version__, tokenizers.__version__]
