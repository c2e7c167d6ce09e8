"""Answers have the form of huggingface_hub's inference types: every field that a type asks for, of the type's own types."""

import json
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from huggingface_hub import inference
from huggingface_hub.inference._generated.types import base

import steelyard

HERE = vars(inference._generated.types)


def form(task: str) -> Any:
    """The type of one answer; None for a task that the Hub does not know."""
    name = "".join(word.title() for word in task.split("-")) + "Output"
    return HERE.get(name) or HERE.get(name + "Element")


def wrong(value: Any, kind: Any, where: str) -> list[str]:
    """What of `value` is not of the type `kind`; further keys are allowed."""
    origin = get_origin(kind)
    if kind is Any:
        return []
    if origin in (Union, types.UnionType):
        several = [wrong(value, one, where) for one in get_args(kind)]
        return [] if not all(several) else several[0]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for number, one in enumerate(value) for fault in wrong(one, get_args(kind)[0], f"{where}[{number}]")]
    if origin is not None:  # Literal, dict: the Hub's enumerations
        return []
    if isinstance(kind, type) and issubclass(kind, base.BaseInferenceType):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        hints = get_type_hints(kind)
        needed = [name for name, hint in hints.items() if type(None) not in get_args(hint)]
        return [*(f"{where} lacks {name}" for name in needed if name not in value),
                *(fault for name, hint in hints.items() if name in value for fault in wrong(value[name], hint, f"{where}.{name}"))]
    own = (int, float) if kind is float else kind
    fits = isinstance(value, own) and (kind is bool or not isinstance(value, bool))
    return [] if fits else [f"{where} is {value!r}, want {kind}"]


def test_answers_have_the_form_of_the_hub(job):
    kind = form(job.task.name)
    if kind is None:
        pytest.skip("huggingface_hub has no type of this task")
    counterweights = job.task.counterweights()
    train = job.prepared.dataset.rows["train"].select(range(50))
    others = [answer for weight in counterweights.values()
              for answer in weight(train, job.prepared.dataset.rows["test"].select(range(len(job.rows))))]
    for answer in [*job.answers, *others]:
        read = json.loads(json.dumps(answer, allow_nan=False))
        for number, one in enumerate(read if isinstance(read, list) else [read]):
            assert wrong(one, kind, f"{job.task.name}[{number}]") == []
            kind.parse_obj_as_instance(one)


def test_every_task_of_ours_has_its_type():
    assert all(form(path.stem.replace("_", "-")) for path in Path(steelyard.__file__).parent.glob("tasks/[!_]*.py"))


def test_what_has_not_the_form_is_seen():
    kind = form("object-detection")
    good = {"label": "x", "score": 0.5, "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, "place": [1.0]}
    assert wrong(good, kind, "a") == [] and wrong({**good, "score": 1}, kind, "a") == []
    assert wrong({"label": 3, "score": 0.5, "box": {"xmin": 1.5}}, kind, "a") == [
        *(f"a.box lacks {name}" for name in ("xmax", "ymax", "ymin")), "a.box.xmin is 1.5, want <class 'int'>",
        "a.label is 3, want <class 'str'>"]
    assert wrong({"text": "x", "chunks": [{"text": "x", "timestamp": ["0"]}]}, form("automatic-speech-recognition"), "a")
