"""What a recipe may add to the plain loop: each held against a literal form of itself."""

import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from steelyard.engine import checkpoint
from steelyard.engine.average import Average
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.measure import choose
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.signals import Stop
from steelyard.engine.step import Stepper
from steelyard.engine.train import Trained, clipped, train
from steelyard.errors import InputError, Interrupted, OutsideError
from steelyard.parts import Aim, Key
from steelyard.recipe.reader import read

TEXT, PICTURE = ("text-classification", "bert"), ("image-classification", "mlp")
STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
ONE = Chosen(threads=1, precision="fp32", layout="contiguous", micro_batch=64)


def run(prepared: Prepared, folder: Path, chosen: Chosen = ONE, events: list[Any] | None = None, stop: Stop | None = None) -> Trained:
    return train(prepared, first_model(prepared), chosen, (events if events is not None else []).append, stop or Stop(), folder)


def gradients(prepared: Prepared, chosen: Chosen) -> list[torch.Tensor]:
    model = first_model(prepared).train()
    Stepper(prepared, model, chosen).gradients(prepared.plan.at(0)[1], Key(0))
    return [p.grad for p in model.parameters() if p.grad is not None]


def apart(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


def test_the_average_of_the_weights_literally() -> None:
    model = nn.Linear(3, 2)
    average, means = Average(model, 0.9), [p.detach().clone() for p in model.parameters()]
    for step in range(30):
        with torch.no_grad():
            for p in model.parameters():
                p += torch.randn(p.shape, generator=torch.Generator().manual_seed(step))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        means = [decay * mean + (1 - decay) * p.detach() for mean, p in zip(means, model.parameters(), strict=True)]
    own = [p.detach().clone() for p in model.parameters()]
    with average.judged():
        assert all(torch.allclose(p, mean, atol=1e-5) for p, mean in zip(model.parameters(), means, strict=True))
    assert all(torch.equal(p, before) for p, before in zip(model.parameters(), own, strict=True))
    with Average(model, None).judged():
        assert all(torch.equal(p, before) for p, before in zip(model.parameters(), own, strict=True))


def test_the_average_is_what_is_judged_kept_and_saved(make: Any, tmp_path: Path) -> None:
    """With steps that throw the weights about, their average is better, and is what comes out."""
    wild = {"epochs": 3, "batch_size": 16, "optimizer": "sgd", "learning_rate": 0.5, "schedule": "constant", "max_grad_norm": 0.0}
    plain = run(make(*PICTURE, wild), tmp_path / "plain")
    smooth = run(make(*PICTURE, {**wild, "ema": 0.98}), tmp_path / "smooth")
    assert smooth.best.value is not None and plain.best.value is not None and smooth.best.value > plain.best.value
    found, _ = checkpoint.newest(tmp_path / "smooth")
    assert found is not None and found.best is not None
    if smooth.best.step == found.state["step"]:
        assert all(torch.equal(found.best[name], mean) for name, mean in found.average.items())
    assert any(not torch.equal(found.model[name], mean) for name, mean in found.average.items())


@pytest.mark.parametrize(("what", "settings"), [
    (TEXT, {"steps": 9, "batch_size": 16, "evaluate_every": 4, "ema": 0.9, "label_smoothing": 0.1, "gradient_checkpointing": True}),
    (TEXT, {"steps": 9, "batch_tokens": 256, "evaluate_every": 4, "class_weights": "balanced", "early_stopping": 50}),
    (("image-classification", "resnet"), {"steps": 12, "batch_size": 64, "evaluate_every": 5, "optimizer": "muon", "ema": 0.9,
                                          "augment": {"flip": True, "shift": 1, "cutout": 2, "mixup": 0.2}}),
], ids=["average", "tokens", "augmented resnet by muon"])
def test_a_resume_is_exact(make: Any, tmp_path: Path, what: tuple[str, str], settings: dict[str, Any]) -> None:
    """Stopped after every step and gone on with, the run ends with the same bytes."""
    prepared = make(*what, {**settings, "checkpoint_every": 1})
    chosen = Chosen(1, "fp32", "contiguous", 24, 0, 128 if "batch_tokens" in settings else 0)
    never = run(prepared, tmp_path / "never", chosen)
    for _ in range(int(settings["steps"]) * 2 // 3):
        stop = Stop()
        stop.signal = signal.SIGTERM
        with pytest.raises(Interrupted):
            run(prepared, tmp_path / "often", chosen, stop=stop)
    often = run(prepared, tmp_path / "often", chosen)
    for name, tensor in never.model.state_dict().items():
        assert torch.equal(tensor, often.model.state_dict()[name]), name
    ends = [checkpoint.newest(tmp_path / name)[0] for name in ("never", "often")]
    assert ends[0] is not None and ends[1] is not None
    for mine, theirs in ((ends[0].optimizer, ends[1].optimizer), (ends[0].average, ends[1].average), (ends[0].model, ends[1].model)):
        assert mine.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


def test_training_ends_where_nothing_is_gained(make: Any, tmp_path: Path) -> None:
    told = {"epochs": 50, "batch_size": 64, "learning_rate": 1e-9, "schedule": "constant", "warmup_steps": 0, "early_stopping": 2}
    events: list[Any] = []
    trained = run(make(*PICTURE, told), tmp_path, events=events)
    evaluated = [event["step"] for event in events if "eval/accuracy" in event]
    assert len(evaluated) == 3 and trained.steps == evaluated[-1] and trained.best.step == evaluated[0]
    again = run(make(*PICTURE, told), tmp_path)  # a finished one, resumed, does nothing more
    assert again.steps == trained.steps


def test_micro_batches_by_tokens_do_not_matter(make: Any) -> None:
    prepared = make(*TEXT, {"steps": 2, "batch_tokens": 512}, STILL)
    whole, halves = (gradients(prepared, Chosen(1, "fp32", "contiguous", 64, 0, tokens)) for tokens in (512, 64))
    assert apart(whole, halves) < 1e-6


def test_layers_that_are_computed_twice_give_the_same_gradients(make: Any) -> None:
    from steelyard.engine.train import checkpointed

    prepared = make(*TEXT, {"steps": 2, "batch_size": 16})
    plain = gradients(prepared, ONE)
    model = first_model(prepared).train()
    checkpointed(model, prepared)
    Stepper(prepared, model, ONE).gradients(prepared.plan.at(0)[1], Key(0))
    assert model.is_activation_checkpointing
    assert apart(plain, [p.grad for p in model.parameters() if p.grad is not None]) < 1e-6  # dropout is drawn alike, too
    with pytest.raises(InputError, match=r"training\.gradient_checkpointing: a model of type steelyard-mlp cannot do this"):
        run(make(*PICTURE, {"steps": 1, "batch_size": 16, "gradient_checkpointing": True}), Path("nowhere"))


def test_smoothed_targets_and_weighted_labels_literally(make: Any) -> None:
    told = {"steps": 1, "batch_size": 16, "label_smoothing": 0.2, "class_weights": "balanced"}
    prepared = make(*PICTURE, told)
    labels = prepared.task.labels
    counts = np.array([prepared.dataset.rows["train"].column("label").count(label) for label in labels])
    weights = counts.sum() / len(labels) / counts
    assert prepared.aim.smoothing == 0.2 and prepared.aim.weights == pytest.approx(weights)
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1.0)
    store = prepared.stores["train"]
    batch = prepared.task.collate(store.take(torch.arange(16)), prepared.processor, None)
    model = first_model(prepared)
    with torch.no_grad():
        outputs = model(**batch.inputs)
    logs = outputs.logits.log_softmax(dim=-1).double().numpy()
    want = 0.0
    for row, target in zip(logs, batch.targets.tolist(), strict=True):
        for label, log in enumerate(row):
            share = 0.2 / len(labels) + (0.8 if label == target else 0.0)
            want -= share * weights[label] * log
    assert float(prepared.task.loss(outputs, batch, prepared.aim)) == pytest.approx(want, rel=1e-5)
    shares = nn.functional.one_hot(batch.targets, len(labels)).float()
    batch.targets = shares
    assert float(prepared.task.loss(outputs, batch, prepared.aim)) == pytest.approx(want, rel=1e-5)
    assert float(prepared.task.loss(outputs, batch, Aim())) == pytest.approx(-(shares.numpy() * logs).sum(), rel=1e-5)


@pytest.mark.parametrize(("training", "said"), [
    ({"class_weights": {"11": 2.0}}, 'have no label "11"'),
    ({"class_weights": {str(i): 0.0 for i in range(10)}}, "every label of the training rows weighs 0"),
    ({"batch_tokens": 64}, "training.batch_tokens: image-classification does not know this setting"),
])
def test_what_a_task_does_not_know_is_said(training: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        prepare(read({"task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp"},
                      "training": training}))


def test_augmenting_texts_is_refused() -> None:
    with pytest.raises(InputError, match=r"training\.augment\.flip: text-classification does not know this setting"):
        prepare(read({"task": "text-classification", "data": {"train": "builtin:messages"}, "model": {"family": "bert", "size": "tiny"},
                      "training": {"augment": {"flip": True}}}))


def test_long_gradients_are_cut_as_torch_cuts_them() -> None:
    for longest in (0.5, 1e6, 0.0):
        ours, theirs = ([nn.Parameter(torch.zeros(4, 3)), nn.Parameter(torch.zeros(7))] for _ in range(2))
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            a.grad = torch.randn(a.shape, generator=torch.Generator().manual_seed(number))
            b.grad = a.grad.clone()
        length = clipped(ours, longest)
        want = nn.utils.clip_grad_norm_(theirs, longest or math.inf)
        assert length == pytest.approx(float(want))
        assert all(torch.allclose(a.grad, b.grad) for a, b in zip(ours, theirs, strict=True))


def test_where_memory_is_not_enough_the_same_batch_is_done_in_halves(make: Any) -> None:
    """A net that can hold 5 examples: 16 become 8, then 4; the gradient is that of the whole batch, once."""
    prepared = make(*PICTURE, {"steps": 1, "batch_size": 16})
    plain = gradients(prepared, ONE)
    model = first_model(prepared).train()
    held: list[int] = []

    def small(module: nn.Module, inputs: Any, kwargs: dict[str, torch.Tensor]) -> None:
        held.append(len(kwargs["pixel_values"]))
        if held[-1] > 5:
            raise torch.OutOfMemoryError("no room")

    model.register_forward_pre_hook(small, with_kwargs=True)
    stepper = Stepper(prepared, model, Chosen(1, "fp32", "contiguous", 16))
    stepper.gradients(prepared.plan.at(0)[1], Key(0))
    assert held == [16, 8, 4, 4, 4, 4] and stepper.chosen.micro_batch == 4
    assert apart(plain, [p.grad for p in model.parameters() if p.grad is not None]) < 1e-6
    model.register_forward_pre_hook(lambda module, inputs: (_ for _ in ()).throw(torch.OutOfMemoryError("none at all")))
    with pytest.raises(OutsideError, match="not enough for one example"):
        stepper.gradients(prepared.plan.at(0)[1], Key(0))


def test_the_machine_chooses_for_batches_by_tokens_too(make: Any) -> None:
    prepared = make(*TEXT, {"steps": 2, "batch_tokens": 512})
    chosen, reasons = choose(prepared, first_model(prepared))
    assert chosen.micro_tokens == 512 and chosen.micro_batch >= len(prepared.plan.at(0)[1])
    assert [reason.what for reason in reasons][:2] == ["threads", "micro_batch"]


def test_two_sets_by_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    for name, words in (("large.csv", "sun moon"), ("small.csv", "rain snow")):
        count = 90 if name == "large.csv" else 30
        (tmp_path / name).write_text("text,label\n" + "".join(f"{words.split()[i % 2]} {name[0]} {i},{i % 2}\n" for i in range(count)))
    sets = {str(tmp_path / "large.csv"): 1, str(tmp_path / "small.csv"): 1}
    prepared = prepare(read({"task": "text-classification", "data": {"train": sets},
                             "model": {"family": "bert", "size": "tiny"}, "training": {"epochs": 2, "batch_size": 8}}))
    rows = prepared.dataset.rows["train"]
    small = np.array([file == "small.csv" for file in rows.column("_file")])
    seen = prepared.stores["train"].rows.numpy()[np.concatenate(prepared.plan.batches(0))]
    assert len(seen) == len(rows) and abs(small[seen].mean() - 0.5) < 0.02


def test_batches_that_are_collated_ahead_are_the_same(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard.engine import step

    prepared = make(*PICTURE, {"epochs": 2, "batch_size": 64})
    plan, model = prepared.plan, first_model(prepared).train()
    early, plain = Stepper(prepared, model, ONE), Stepper(prepared, model, ONE)
    plain.small = False
    many = 0
    for number in range(plan.total):
        epoch, examples = plan.at(number)
        losses = [float(stepper.gradients(examples, Key(0, epoch, number))) for stepper in (early, plain)]
        assert losses[0] == losses[1]
        many += len(early.ahead)
    assert many > plan.total
    strange = plan.at(3)[1][::-1].copy()  # not the plan's: a measurement, say
    assert float(early.gradients(strange, Key(0, 0, 2))) == float(plain.gradients(strange, Key(0, 0, 2)))
    monkeypatch.setattr(step, "AHEAD", 1)
    alone = Stepper(prepared, model, ONE)
    alone.gradients(plan.at(0)[1], Key(0))
    assert not alone.ahead
