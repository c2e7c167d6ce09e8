"""The bill before it is paid: arithmetic counted on meta tensors, time and memory from at most 8 real steps."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from steelyard.engine import flops, machine
from steelyard.engine.bill import bill, power
from steelyard.engine.chosen import Chosen
from steelyard.engine.prepare import Prepared
from steelyard.engine.rehearse import Rehearsal, rehearse
from steelyard.engine.train import SAVING
from steelyard.facts import Quantity, unmeasured
from steelyard.language import Sentence, say

# Quantiles of Student's t, 97.5%, for 1 to 7 degrees of freedom.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365)
DRIFT = 0.1  # no forecast of time is surer than this share: what neighbours do later cannot be seen in eight steps
MEMORY = (0.97, 1.25)  # of what the rehearsal took: logs and checkpoints come on top, and glibc's heap frays as training goes on
DISK = 400e6  # bytes a second that a checkpoint is hashed and written at


@dataclass(frozen=True)
class Forecast:
    """What a training will cost, by name: time, memory, flops, examples_per_second, energy, money, co2.

    steps    optimiser steps of the training, those of all seeds together
    seconds  what the forecast itself took
    assumed  what it leans on, for people
    """

    quantities: Mapping[str, Quantity]
    steps: int
    seconds: float
    assumed: tuple[Sentence, ...]

    def to_json(self) -> dict[str, Any]:
        """The quantities, as in run.json."""
        return {name: quantity.to_json() for name, quantity in self.quantities.items()}


def forecast(prepared: Prepared, model: PreTrainedModel, chosen: Chosen) -> Forecast:
    """Forecast the training that `chosen` was measured for; `model` stays as it is. Takes at most some 20 seconds."""
    began = time.perf_counter()
    steps = prepared.plan.total
    count = flops.training(prepared, chosen, steps)
    real = rehearse(prepared, model, chosen, count.batches, count.per_batch, steps)
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    validation = evaluations(prepared, steps) * real.answer * len(prepared.dataset.rows["validation"])
    each, half = step_seconds(real.seconds, count.per_batch[real.batches], machine.crowd())
    seeds = prepared.training.seeds  # as many trainings, one after the other
    spread = tuple(seeds * whole_time(steps * each * factor, validation * factor, size, steps, prepared) for factor in (1, 1 / half, half))
    pace = len(prepared.stores["train"]) / len(count.batches) / each
    memory = _memory(real)
    watts = power(chosen.threads, (memory.value or 0.0), int(machine.device().type == "cuda"))
    how = "t, logarithms of step times"
    quantities = {
        "time": Quantity(value=spread[0], low=spread[1], high=spread[2], n=len(real.seconds), unit="s", how=how, better="lower"),
        "memory": memory,
        "flops": Quantity(value=seeds * count.total, n=seeds * steps, unit="FLOP", how="counted"),
        "examples_per_second": Quantity(value=pace, low=pace / half, high=pace * half, n=len(real.seconds), unit="examples/s",
                                        how=how, better="higher"),
        **bill((spread[1], spread[2]), watts, prepared.recipe.evidence.cost),
    }
    assumed = (say("time: {n} of {steps} steps were timed, on a copy of the model, and {rows} validation rows answered",
                   n=len(real.seconds), steps=steps, rows=real.answered),)
    return Forecast(quantities, seeds * steps, time.perf_counter() - began, assumed)


def step_seconds(seconds: np.ndarray, weights: np.ndarray, crowd: float) -> tuple[float, float]:
    """(the mean step's seconds, the factor of its 95% interval: from mean / factor to mean * factor).

    seconds  (steps,) timed
    weights  (steps,) what each was thought to cost: what it explains is no noise
    crowd    how many times over the machine is asked for: others may come and go while the training runs
    """
    logs = np.log(seconds)
    free = len(logs) - 1
    rest = logs - logs.mean()
    if len(logs) > 3 and np.ptp(np.log(weights)) > 0.1:
        slope, level = np.polyfit(np.log(weights), logs, 1)
        rest, free = logs - level - slope * np.log(weights), free - 1
    noise = math.sqrt(float(rest @ rest) / free / len(logs)) * T[min(free, len(T)) - 1] if free else math.log(2)
    return float(seconds.mean()), math.exp(math.hypot(noise, DRIFT + math.log(max(1.0, crowd))))


def evaluations(prepared: Prepared, steps: int) -> int:
    """How often validation is answered: as the loop does it, and once at the end."""
    every = prepared.training.evaluate_every
    return prepared.plan.epoch(steps - 1) + 1 if every == "epoch" else -(-steps // every)


def whole_time(train: float, validation: float, size: int, steps: int, prepared: Prepared) -> float:
    """Seconds with the checkpoints: the last one, and those in between as often as the recipe or their share allows."""
    save = size * (2 + _states(prepared)) / DISK + 0.05
    every = prepared.training.checkpoint_every
    if isinstance(every, int):
        return train + validation + save * max(1, steps // every)
    between = SAVING * (train + validation)
    return train + validation + save + (between if between > save else 0.0)


def _states(prepared: Prepared) -> int:
    """Tensors as large as the weights that the optimiser keeps."""
    average = int(prepared.training.ema is not None)
    return average + (2 if prepared.training.optimizer == "adamw" else int(bool(prepared.training.momentum)))


def _memory(real: Rehearsal) -> Quantity:
    """The rehearsal held what a training holds: a copy of the weights (there, of the best), gradients, the optimiser's state."""
    if real.peak is None:
        return unmeasured(say("this system does not tell a process its memory"), "MiB")
    peak = real.peak / machine.MIB
    return Quantity(value=peak, low=peak * MEMORY[0], high=peak * MEMORY[1], n=len(real.seconds), unit="MiB",
                    how="measured on the longest batch", better="lower")
