"""The loop: accumulation, exact resume, best weights, what stops it."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.engine import checkpoint
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared
from steelyard.engine.signals import Stop, stoppable
from steelyard.engine.train import Trained, train
from steelyard.errors import Interrupted, OutsideError

PLAIN = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
TEXT = ("text-classification", "bert")
PICTURE = ("image-classification", "mlp")


def run(prepared: Prepared, folder: Path, micro_batch: int, stop: Stop | None = None, events: list[Any] | None = None) -> Trained:
    chosen = Chosen(threads=1, precision="fp32", layout="contiguous", micro_batch=micro_batch)
    log = events.append if events is not None else lambda event: None
    return train(prepared, first_model(prepared), chosen, log, stop or Stop(), folder)


def evaluations(events: list[Any]) -> list[dict[str, Any]]:
    """What was measured on validation; how fast it went is another story each time."""
    return [{name: value for name, value in event.items() if not name.startswith("speed/")} for event in events if "eval/accuracy" in event]


def apart(a: Trained, b: Trained) -> float:
    ours, theirs = a.model.state_dict(), b.model.state_dict()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours if ours[name].is_floating_point())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("what", [TEXT, PICTURE], ids=["bert", "mlp"])
def test_micro_batches_do_not_matter(make: Any, tmp_path: Path, what: tuple[str, str], optimizer: str) -> None:
    rate = {"sgd": 0.05, "adamw": 1e-4}[optimizer]
    settings = {"steps": 50, "batch_size": 16, "optimizer": optimizer, "learning_rate": rate, "evaluate_every": 1000}
    prepared = make(*what, settings, PLAIN if what is TEXT else None)
    whole, quarters, single = (run(prepared, tmp_path / str(size), size) for size in (16, 4, 1))
    assert apart(whole, quarters) < 1e-5
    assert apart(whole, single) < 1e-5
    start = first_model(prepared).state_dict()
    assert max(float((start[name] - tensor).abs().max()) for name, tensor in whole.model.state_dict().items()
               if tensor.is_floating_point()) > 1e-3


@pytest.mark.parametrize(("what", "settings"), [
    (("text-classification", "bert"), {"steps": 9, "batch_size": 16, "evaluate_every": 4, "checkpoint_every": 1}),
    (("image-classification", "resnet"), {"steps": 30, "batch_size": 64, "evaluate_every": 7, "checkpoint_every": 1, "epochs": None}),
], ids=["bert with dropout", "resnet"])
def test_a_resume_is_exact(make: Any, tmp_path: Path, what: tuple[str, str], settings: dict[str, Any]) -> None:
    """Stopped in the middle and gone on with, the run ends with the same bytes: weights, best weights, metrics."""
    prepared = make(*what, settings)
    told: list[Any] = []
    never = run(prepared, tmp_path / "never", 8, events=told)
    cut = int(settings["steps"]) * 2 // 3
    seen: list[Any] = []
    for _ in range(cut):  # stopped after every single step: each begins from what lies on the disk
        stop = Stop()
        stop.signal = signal.SIGTERM
        with pytest.raises(Interrupted) as caught:
            train(prepared, first_model(prepared), Chosen(1, "fp32", "contiguous", 8), seen.append, stop, tmp_path / "often")
        assert caught.value.code == 143
    assert len(checkpoint.committed(tmp_path / "often")) <= 2
    found, wrong = checkpoint.newest(tmp_path / "often")
    assert found is not None and not wrong and found.state["step"] == cut
    often = train(prepared, first_model(prepared), Chosen(1, "fp32", "contiguous", 8), seen.append, Stop(), tmp_path / "often")
    for name, tensor in never.model.state_dict().items():
        assert torch.equal(tensor, often.model.state_dict()[name]), name
    assert (never.best.step, never.best.value) == (often.best.step, often.best.value)
    assert evaluations(told) == evaluations(seen)
    ends = [checkpoint.newest(tmp_path / name)[0] for name in ("never", "often")]
    assert ends[0] is not None and ends[1] is not None
    for name, tensor in ends[0].optimizer.items():
        assert torch.equal(tensor, ends[1].optimizer[name]), name


def test_the_best_weights_are_what_comes_out(make: Any, tmp_path: Path) -> None:
    """With a rate that ruins the net later on, the weights of the best evaluation are returned, not the last."""
    prepared = make(*PICTURE, {"epochs": 3, "batch_size": 64, "learning_rate": 2.0, "schedule": "constant", "warmup_steps": "60%",
                               "optimizer": "sgd"})
    events: list[Any] = []
    trained = run(prepared, tmp_path, 64, events=events)
    values = {event["step"]: event["eval/accuracy"] for event in events if "eval/accuracy" in event}
    assert trained.best.value == max(values.values())
    assert trained.best.step == min(step for step, value in values.items() if value == trained.best.value)
    assert trained.best.weights is not None
    assert all(torch.equal(tensor, trained.best.weights[name]) for name, tensor in trained.model.state_dict().items())


def test_a_loss_that_is_no_number_stops_before_the_update(make: Any, tmp_path: Path) -> None:
    prepared = make(*PICTURE, {"epochs": 1, "batch_size": 64, "checkpoint_every": 5})
    model = first_model(prepared)
    count = iter(range(10**6))

    def poison(gradient: torch.Tensor) -> torch.Tensor:
        return gradient * float("nan") if next(count) == 12 else gradient

    model.classifier.weight.register_hook(poison)
    with pytest.raises(OutsideError) as caught:
        train(prepared, model, Chosen(1, "fp32", "contiguous", 64), lambda event: None, Stop(), tmp_path)
    told = str(caught.value)
    assert "step 13" in told and "classifier.weight" in told and "step-00000010" in told and "builtin:digits" in told
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_a_signal_sets_the_flag_and_the_second_ends_the_process() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stoppable() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(make: Any, tmp_path: Path) -> None:
    prepared = make(*PICTURE, {"steps": 10, "batch_size": 64, "checkpoint_every": 5, "evaluate_every": 100})
    run(prepared, tmp_path, 64)
    newest = tmp_path / "step-00000010"
    for name in ("model.safetensors", "optimizer.safetensors", "state.json"):
        whole = (newest / name).read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        (newest / name).write_bytes(flipped)
        found, wrong = checkpoint.newest(tmp_path)
        assert found is not None and found.state["step"] == 5 and name in str(wrong[0])
        (newest / name).write_bytes(whole)
    found, wrong = checkpoint.newest(tmp_path)
    assert found is not None and found.state["step"] == 10 and not wrong
    (newest / checkpoint.MANIFEST).write_text(json.dumps([1]))
    assert checkpoint.newest(tmp_path)[1]
