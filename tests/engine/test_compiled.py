"""torch.compile: when it is tried, what is said, and that a compiled training is the same training."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.engine import compiled
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.step import Stepper
from steelyard.errors import InputError
from steelyard.parts import Key
from steelyard.recipe.reader import read

CHOSEN = Chosen(threads=1, precision="fp32", layout="contiguous", micro_batch=64)
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine: torch.compile needs one")


def job(compile: Any = "auto", **training: Any) -> Prepared:
    return prepare(read({"task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp", "size": "tiny"},
                         "training": {"steps": 3, "batch_size": 64, "compile": compile, **training}}))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Each call of torch.compile is noted, and answered with the model itself."""
    calls: list[str] = []

    def noted(model: Any, dynamic: bool) -> Any:
        calls.append(f"dynamic={dynamic}")
        return model

    monkeypatch.setattr(torch, "compile", noted)
    monkeypatch.setattr(compiled, "SECONDS", 0.01)
    yield calls


def test_a_short_training_is_not_compiled(counted: list[str]) -> None:
    prepared = job()
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and not counted and reason.what == "compile" and "too short" in str(reason.why)


def test_a_long_training_is_compiled_once_and_stays_plain_where_nothing_is_gained(counted: list[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(compiled, "LONG", 0.0)
    monkeypatch.setattr(compiled, "GAIN", 10.0)
    prepared = job()
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and counted == ["dynamic=False"] and "ms a step" in str(reason.why)
    monkeypatch.setattr(compiled, "GAIN", 0.0)
    assert compiled.choose(prepared, first_model(prepared), CHOSEN)[0].compile


def test_false_measures_nothing(counted: list[str]) -> None:
    prepared = job(False)
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and not counted and "recipe" in str(reason.why)


def test_texts_of_many_lengths_are_not_compiled_unless_forced(counted: list[str]) -> None:
    asked = {"task": "text-classification", "model": {"family": "bert", "size": "tiny"}, "training": {"steps": 2, "batch_size": 8},
             "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                      "test": {"column": "split", "value": "test"}}}
    prepared = prepare(read(asked))
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and not counted and "length" in str(reason.why)
    prepared = prepare(read({**asked, "training": {"steps": 2, "batch_size": 8, "compile": True}}))
    assert compiled.choose(prepared, first_model(prepared), CHOSEN)[0].compile and counted == ["dynamic=True"]


def test_without_a_compiler_auto_goes_on_plainly_and_true_is_refused(counted: list[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(compiled, "LONG", 0.0)
    prepared = job()
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and "no-such-compiler" in str(reason.why)
    prepared = job(True)
    with pytest.raises(InputError, match=r"training\.compile: torch\.compile needs the compiler no-such-compiler"):
        compiled.choose(prepared, first_model(prepared), CHOSEN)
    with pytest.raises(InputError, match="no-such-compiler"):  # a run that was begun elsewhere and is resumed here
        compiled.forward(prepared, first_model(prepared), Chosen(1, "fp32", "contiguous", 64, compile=True))


def test_what_cannot_be_compiled_is_said(monkeypatch: Any) -> None:
    def refused(**inputs: Any) -> Any:
        raise RuntimeError("graph break\nmore")

    monkeypatch.setattr(torch, "compile", lambda model, dynamic: refused)
    monkeypatch.setattr(compiled, "LONG", 0.0)
    monkeypatch.setattr(compiled, "SECONDS", 0.01)
    prepared = job()
    chosen, reason = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert not chosen.compile and "graph break" in str(reason.why) and "more" not in str(reason.why)
    with pytest.raises(InputError, match="graph break; say auto or false"):
        compiled.choose(job(True), first_model(prepared), CHOSEN)


@needs_compiler
@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_compiled_gradients_are_the_plain_ones_and_names_stay(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    prepared = job(True)
    chosen, _ = compiled.choose(prepared, first_model(prepared), CHOSEN)
    assert chosen.compile
    found = []
    for candidate in (CHOSEN, chosen):
        model = first_model(prepared).train()
        stepper = Stepper(prepared, model, candidate, compiled.forward(prepared, model, candidate))
        for indices in (torch.arange(64).numpy(), torch.arange(10).numpy()):  # whole, and an epoch's last
            stepper.gradients(indices, Key(0))
        assert not any("_orig_mod" in name for name in model.state_dict())
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.allclose(tensor, found[1][name], atol=1e-6) for name, tensor in found[0].items())
