"""The training loop: one function, no callbacks; the order of the lines is the order of what happens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from transformers import PreTrainedModel

from steelyard import catalog
from steelyard.engine import checkpoint, machine, optim, order
from steelyard.engine.answer import statistics
from steelyard.engine.measure import Chosen
from steelyard.engine.prepare import Prepared
from steelyard.engine.signals import Stop
from steelyard.engine.step import backward, collated, place
from steelyard.errors import InputError, OutsideError, listing
from steelyard.language import say
from steelyard.parts import Key, Metric

SAVING = 0.03  # of the time may go into checkpoints where the recipe leaves them on auto


@dataclass
class Best:
    """The best weights so far by the metric on validation; on a tie the earlier ones."""

    metric: Metric
    value: float | None = None
    step: int = 0
    weights: dict[str, Tensor] | None = None

    def offer(self, value: float, step: int, model: PreTrainedModel) -> bool:
        """Keep a copy where `value` is better; nan never is."""
        sign = 1 if self.metric.better == "higher" else -1
        if math.isnan(value) or (self.value is not None and sign * value <= sign * self.value):
            return False
        self.value, self.step = value, step
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        return True


@dataclass
class Trained:
    """What came out: the model holds the best weights."""

    model: PreTrainedModel
    best: Best
    steps: int
    seconds: float  # of this process; of all together: state["seconds"] of the last checkpoint
    timing: dict[str, float] = field(default_factory=dict)  # "train", "validation", "checkpoint": seconds


def total_steps(prepared: Prepared) -> int:
    """Optimiser steps of the recipe's training."""
    training = prepared.training
    return order.total_steps(len(prepared.stores["train"]), training.batch_size or 1, training.epochs, training.steps)


def train(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, log: Callable[[Mapping[str, Any]], None], stop: Stop,
          checkpoints: Path) -> Trained:
    """Train from the newest checkpoint in `checkpoints`, or from the start.

    Raises Interrupted after a signal, with a checkpoint written, and OutsideError where a number is no longer finite.
    """
    training, store, seed = prepared.training, prepared.stores["train"], prepared.recipe.seed
    batch_size, total = training.batch_size or 1, total_steps(prepared)
    per_epoch = order.steps_per_epoch(len(store), batch_size)
    every = per_epoch if training.evaluate_every == "epoch" else training.evaluate_every
    device = machine.device()
    torch.set_num_threads(chosen.threads)
    model.to(device, memory_format=torch.channels_last) if chosen.layout == "channels_last" else model.to(device)
    optimizer, best = optim.optimizer(model, training), Best(best_metric(prepared))
    done, before = resume(model, optimizer, best, checkpoints)
    saver = Saver(checkpoints, training.checkpoint_every, training.keep_checkpoints, total)
    start, batches, epoch = time.perf_counter(), [], -1
    timing = {"train": 0.0, "validation": 0.0, "checkpoint": 0.0}
    model.train()
    for step in range(done, total):
        began = time.perf_counter()
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            batches = order.epoch_order(len(store), batch_size, Key(seed, epoch), store.lengths())
        key = Key(seed, epoch, step)
        micro_batches = [place(batch, device, chosen.layout) for batch in
                         collated(store, batches[step % per_epoch], chosen.micro_batch, prepared.task, prepared.processor, key)]
        rate = optim.learning_rate(step, total, training)
        optim.set_rate(optimizer, rate)
        loss = backward(model, prepared.task, micro_batches, key, chosen.precision)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = get_total_norm(gradients)
        if not torch.isfinite(norm) or not torch.isfinite(loss):
            raise not_finite(prepared, model, step, batches[step % per_epoch], float(loss), checkpoints)
        if training.max_grad_norm:
            clip_grads_with_norm_(model.parameters(), training.max_grad_norm, norm)
        optimizer.step()
        optimizer.zero_grad()
        done = step + 1
        timing["train"] += time.perf_counter() - began
        if done % training.log_every == 0 or done == total:
            log({"step": done, "epoch": round(done / per_epoch, 4), "train/loss": float(loss), "train/learning_rate": rate,
                 "train/grad_norm": float(norm)})
        if done % every == 0 or done == total:
            began = time.perf_counter()
            measured = validate(prepared, model, chosen, list(prepared.task.metrics))
            best.offer(measured[best.metric.name], done, model)
            log({"step": done, "epoch": round(done / per_epoch, 4),
                 **{f"eval/{name}": value for name, value in measured.items() if not math.isnan(value)}})
            model.train()
            timing["validation"] += time.perf_counter() - began
        if saver.due(done) or stop:
            seconds = before + time.perf_counter() - start
            timing["checkpoint"] += saver.save(model, optimizer, best, done, seconds)
        if stop and done < total:
            raise stop.error(say("stopped after step {step} of {total}; the checkpoint is written: "
                                 "go on with `steelyard train --resume {run}`", step=done, total=total, run=checkpoints.parent))
    if best.weights is not None:
        model.load_state_dict(best.weights)
    return Trained(model.eval(), best, total, before + time.perf_counter() - start, timing)


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


def resume(model: PreTrainedModel, optimizer: torch.optim.Optimizer, best: Best, checkpoints: Path) -> tuple[int, float]:
    """(steps done, seconds so far) of the newest whole checkpoint, loaded; (0, 0.0) where there is none."""
    found, _ = checkpoint.newest(checkpoints)
    if found is None:
        return 0, 0.0
    model.load_state_dict(found.model)
    optim.load_state(model, optimizer, found.optimizer)
    best.value, best.step, best.weights = found.state["best_value"], found.state["best_step"], found.best
    return int(found.state["step"]), float(found.state["seconds"])


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

    def __init__(self, root: Path, every: str | int, keep: int, total: int) -> None:
        self.root, self.every, self.keep, self.total = root, every, keep, total
        self.last, self.cost = time.perf_counter(), 0.2  # seconds; of a first save, as a guess

    def due(self, done: int) -> bool:
        """Whether to save after `done` steps."""
        if done == self.total:
            return True
        if isinstance(self.every, int):
            return done % self.every == 0
        return time.perf_counter() - self.last > self.cost / SAVING

    def save(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer, best: Best, done: int, seconds: float) -> float:
        """Write it; seconds that it took."""
        began = time.perf_counter()
        state = {"step": done, "best_step": best.step, "best_value": best.value, "seconds": seconds}
        whole = checkpoint.Checkpoint(dict(model.state_dict()), optim.state_tensors(model, optimizer), best.weights, state)
        checkpoint.save(self.root, whole, self.keep)
        self.last = time.perf_counter()
        self.cost = self.last - began
        return self.cost
