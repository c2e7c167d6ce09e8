"""The training loop: one function, no callbacks; the order of the lines is the order of what happens."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from steelyard import catalog
from steelyard.engine import checkpoint, machine, optim
from steelyard.engine.answer import statistics
from steelyard.engine.average import Average
from steelyard.engine.chosen import Chosen
from steelyard.engine.compiled import forward
from steelyard.engine.disk import NoRoom, failed
from steelyard.engine.order import Plan
from steelyard.engine.prepare import Prepared
from steelyard.engine.shaped import Kept, kept
from steelyard.engine.signals import Stop
from steelyard.engine.step import Stepper, arrange
from steelyard.engine.watch import Watch
from steelyard.errors import InputError, Interrupted, OutsideError, listing
from steelyard.language import say
from steelyard.parts import Key, Metric
from steelyard.recipe.training import Training

SAVING = 0.03  # of the time may go into checkpoints where the recipe leaves them on auto


@dataclass
class Best:
    """The best weights so far by the metric on validation; on a tie the earlier ones."""

    metric: Metric
    value: float | None = None
    step: int = 0
    weights: dict[str, Tensor] | None = None
    waited: int = 0  # validations since then
    kept: Kept = field(default_factory=Kept)  # what the copy leaves out, since it stays as it is

    def offer(self, value: float, step: int, model: PreTrainedModel) -> bool:
        """Keep a copy where `value` is better; nan never is."""
        sign = 1 if self.metric.better == "higher" else -1
        if math.isnan(value) or (self.value is not None and sign * value <= sign * self.value):
            self.waited += 1
            return False
        self.value, self.step, self.waited = value, step, 0
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in self.kept.state(model).items()}
        return True


    def restore(self, model: PreTrainedModel) -> None:
        """Put the best weights into the model, if there are any."""
        if self.weights is not None:
            self.kept.load(model, self.weights)


@dataclass
class Learner:
    """All that changes as training goes on; what a checkpoint holds."""

    model: PreTrainedModel
    optimizer: torch.optim.Optimizer
    average: Average
    best: Best

    def load(self, found: checkpoint.Checkpoint) -> None:
        """Stand where the checkpoint stands. Raises InputError where the weights that stay are not those of its beginning."""
        kept = self.best.kept
        if found.state["kept"] != kept.mark:
            raise InputError(say("the trained model that this training started from (model.from) has changed since; "
                                 "put it back, or train anew"))
        kept.load(self.model, found.model)
        optim.load_state(self.model, self.optimizer, found.optimizer)
        self.average.load(found.average)
        state = found.state
        self.best.value, self.best.step, self.best.waited = state["best_value"], state["best_step"], state["waited"]
        self.best.weights = found.best

    def checkpoint(self, done: int, seconds: float, judged: bool = True) -> checkpoint.Checkpoint:
        """What `load` takes. judged: whether the validation after `done` is over. Raises OutsideError where a weight is no number."""
        if (lost := next((name for name, p in self.model.named_parameters() if not torch.isfinite(p).all()), None)) is not None:
            raise OutsideError(say("after step {step} the weight {layer} is not finite: it is not kept, and the checkpoints before stay; "
                                   "try a smaller learning_rate, or precision: fp32", step=done, layer=lost))
        state = {"step": done, "best_step": self.best.step, "best_value": self.best.value, "waited": self.best.waited, "seconds": seconds,
                 "kept": self.best.kept.mark, "judged": judged}
        return checkpoint.Checkpoint(self.best.kept.state(self.model), optim.state_tensors(self.model, self.optimizer), self.best.weights,
                                     self.average.state(), state)


@dataclass
class Trained:
    """What came out: the model holds the best weights."""

    model: PreTrainedModel
    best: Best
    steps: int
    seconds: float  # of this process; of all together: state["seconds"] of the last checkpoint
    timing: dict[str, float] = field(default_factory=dict)  # seconds: "train", "data" (within it), "validation", "checkpoint"


def train(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, log: Callable[[Mapping[str, Any]], None], stop: Stop,
          checkpoints: Path, watch: Watch | None = None, sure: Callable[[], None] | None = None) -> Trained:
    """Train from the newest checkpoint in `checkpoints`, or from the start. watch: what looks on; nothing is drawn where it is None.

    sure   called before a checkpoint is written: what was logged must lie on the disk then
    Raises Interrupted after a signal, with a checkpoint written, and OutsideError where a number is no longer finite.
    """
    training, plan = prepared.training, prepared.plan
    torch.set_num_threads(chosen.threads)
    arrange(model, machine.device(), chosen.layout)
    if training.gradient_checkpointing:
        checkpointed(model, prepared)
    best = Best(best_metric(prepared), kept=kept(model, prepared.recipe))
    learner = Learner(model, optim.optimizer(model, training), Average(model, training.ema), best)
    done, before, judged = resume(learner, checkpoints, training.keep_checkpoints)
    stepper, watch = Stepper(prepared, model, chosen, forward(prepared, model, chosen)), watch or Watch(prepared, chosen)
    saver = Saver(checkpoints, training, sure, best)
    weights = [p for p in model.parameters() if p.requires_grad]
    start, timing = time.perf_counter(), {"train": 0.0, "validation": 0.0, "checkpoint": 0.0}

    def judge() -> None:
        began = time.perf_counter()
        found = judged_by(learner, prepared, chosen, watch, done)
        log({"step": done, "epoch": round(plan.passed(done), 4), **watch.pace(timing["train"], stepper.waited), **found})
        timing["validation"] += time.perf_counter() - began

    if not judged:
        judge()  # a signal had cut it short
    model.train()
    while done < plan.total and not best.waited >= (training.early_stopping or math.inf):
        began = time.perf_counter()
        epoch, examples = plan.at(done)
        rate = optim.learning_rate(done, plan.total, training)
        optim.set_rate(learner.optimizer, rate)
        loss = float(stepper.gradients(examples, Key(prepared.recipe.seed, epoch, done), done / plan.total))
        norm = clipped(weights, training.max_grad_norm)
        if not math.isfinite(norm) or not math.isfinite(loss):
            raise not_finite(prepared, model, done, examples, loss, checkpoints)
        learner.optimizer.step()
        watch.step(model, examples, done + 1, evaluates(training, plan, done + 1))
        learner.optimizer.zero_grad()
        learner.average.update(done)
        done += 1
        timing["train"] += time.perf_counter() - began
        if done % training.log_every == 0 or done == plan.total:
            log({"step": done, "epoch": round(plan.passed(done), 4), "train/loss": loss, "train/learning_rate": rate,
                 "train/grad_norm": norm})
        if evaluates(training, plan, done):
            try:
                judge()
            except Interrupted:
                judged = False
            model.train()
        if saver.due(done, plan.total) or stop:
            whole = learner.checkpoint(done, before + time.perf_counter() - start, judged)
            timing["checkpoint"] += saver.save(whole, done == plan.total or bool(stop))
        if stop and (done < plan.total or not judged):
            raise stopped(stop, done, plan.total, checkpoints)
    best.restore(model)
    return Trained(model.eval(), best, done, before + time.perf_counter() - start, {**timing, "data": stepper.waited})


def judged_by(learner: Learner, prepared: Prepared, chosen: Chosen, watch: Watch, done: int) -> dict[str, float]:
    """{"eval/accuracy"...} of the answers to the validation rows; the weights are kept where they are the best."""
    with learner.average.judged():
        measured = validate(prepared, learner.model, chosen, list(prepared.task.metrics))
        learner.best.offer(measured[learner.best.metric.name], done, learner.model)
        watch.rows(learner.model, done)
    return {f"eval/{name}": value for name, value in measured.items() if not math.isnan(value)}


def stopped(stop: Stop, done: int, total: int, checkpoints: Path) -> Interrupted:
    """What ends a training after a signal, once it is saved."""
    return stop.error(say("stopped after step {step} of {total}; the checkpoint is written: "
                          "go on with `steelyard train --resume {run}`", step=done, total=total, run=checkpoints.parent))


def evaluates(training: Training, plan: Plan, done: int) -> bool:
    """Whether validation is answered after so many steps."""
    if done == plan.total:
        return True
    return plan.ends_epoch(done) if training.evaluate_every == "epoch" else done % training.evaluate_every == 0


def clipped(weights: Sequence[Tensor], longest: float) -> float:
    """The length of the whole gradient, which is cut down to `longest` where it is longer; 0: never."""
    gradients = [p.grad for p in weights if p.grad is not None]
    length = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if longest and length > longest:
        torch._foreach_mul_(gradients, longest / (length + 1e-6))  # as clip_grad_norm_ does, which counts twice what is known here
    return length


def checkpointed(model: PreTrainedModel, prepared: Prepared) -> None:
    """Layers are computed anew on the way back. Raises InputError where the architecture has no such thing."""
    try:
        model.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise InputError(say("{where}: a model of type {kind} cannot do this; leave it out",
                             where=prepared.recipe.where("training.gradient_checkpointing"), kind=model.config.model_type)) from error


def best_metric(prepared: Prepared) -> Metric:
    """The metric that picks the weights: the recipe's, else the task's. Raises InputError."""
    name = prepared.training.best or prepared.task.best
    if name not in prepared.task.metrics:
        raise InputError(say('{where}: the task has no metric "{name}" (there are: {known})', where=prepared.recipe.where("training.best"),
                             name=name, known=listing(prepared.task.metrics)))
    metric: Metric = catalog.load("metrics", name, "training.best")()
    return metric


def validate(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, names: list[str]) -> dict[str, float]:
    """Metric -> value on the validation rows, in the precision of training."""
    rows = prepared.dataset.rows["validation"]
    table = statistics(model, prepared.task, prepared.processor, prepared.stores["validation"], rows, chosen.precision)
    return {name: catalog.load("metrics", name, "metrics")().value(table) for name in names}


def resume(learner: Learner, checkpoints: Path, keep: int) -> tuple[int, float, bool]:
    """(steps done, seconds so far, whether validation is over) of the newest whole checkpoint, loaded; (0, 0.0, True) where none is.

    What a save had begun is done: pointers, the removal of old ones. Raises InputError where there are checkpoints, all damaged.
    """
    found, wrong = checkpoint.newest(checkpoints)
    if found is None:
        if wrong:
            raise InputError(say('{reason}; no checkpoint in "{folder}" is whole: copy them again from where they were made, or train '
                                 "the recipe anew", reason=wrong[0], folder=checkpoints))
        return 0, 0.0, True
    learner.load(found)
    try:
        checkpoint.settle(checkpoints, checkpoints / f"step-{found.state['step']:08d}", keep)
    except OSError as error:
        raise failed(checkpoints, error) from error
    return int(found.state["step"]), float(found.state["seconds"]), bool(found.state["judged"])


def not_finite(prepared: Prepared, model: PreTrainedModel, step: int, indices: Any, loss: float, checkpoints: Path) -> OutsideError:
    """Names the step, some of the rows and the first layer whose gradient is no number."""
    layer = next((name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()), "-")
    rows = prepared.dataset.rows["train"]
    origins = listing([rows.origin(int(prepared.stores["train"].rows[i])) for i in indices[:3]], 3)
    last = checkpoint.committed(checkpoints)
    return OutsideError(say("step {step}: the loss is {loss} and the gradient of {layer} is not finite (rows {rows}...); "
                            "nothing was updated; the last checkpoint is {last}; try a smaller learning_rate, or precision: fp32",
                            step=step + 1, loss=loss, layer=layer, rows=origins, last=last[-1] if last else "-"))


class Saver:
    """When a checkpoint is due: every so many steps, or as often as three percent of the time allow; and at the end."""

    def __init__(self, root: Path, training: Training, sure: Callable[[], None] | None, best: Best) -> None:
        self.root, self.every, self.keep = root, training.checkpoint_every, training.keep_checkpoints
        self.sure = sure or (lambda: None)
        self.sound = f"best-{best.step:08d}" if best.weights is not None else ""  # the folder of best weights that was loaded
        self.last, self.cost = time.perf_counter(), 0.2  # seconds; of a first save, as a guess

    def due(self, done: int, total: int) -> bool:
        """Whether to save after `done` steps of `total`."""
        if done == total:
            return True
        if isinstance(self.every, int):
            return done % self.every == 0
        return time.perf_counter() - self.last > self.cost / SAVING

    def save(self, whole: checkpoint.Checkpoint, last: bool) -> float:
        """Write it; seconds that it took. A full disk ends the training only where nothing older is whole, or nothing comes after.

        last   whether training ends here
        """
        began = time.perf_counter()
        try:
            self.sure()
            checkpoint.save(self.root, whole, self.keep, self.sound)
            self.sound = f"best-{whole.state['best_step']:08d}" if whole.best is not None else ""
        except NoRoom as error:
            if last or all(checkpoint.damage(folder) is not None for folder in checkpoint.committed(self.root)):
                raise
            print(say("{reason}; training goes on, and tries again later", reason=error), file=sys.stderr, flush=True)
        self.last = time.perf_counter()
        self.cost = self.last - began
        return self.cost
