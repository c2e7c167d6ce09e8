"""Further trainings of one recipe, each with a seed of its own: what another seed would have given, on the same rows.

They lie in RUN/seeds/<seed>/: logs, seed.json, and the statistics of the answers to the test rows, from which every metric
follows. Their weights are not kept: recipe and seed make them again. What differs is what is drawn: first weights, order,
dropout, augmentation. The rows of each split stay those of the recipe's own seed, and its model stays the run's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from transformers import PreTrainedModel

from steelyard.engine.answer import statistics
from steelyard.engine.prepare import Prepared
from steelyard.errors import Interrupted, OutsideError
from steelyard.language import say
from steelyard.parts import Statistics
from steelyard.run import Run, read_json, write_json

Result = dict[str, Any]  # seed, data, steps, examples, seconds, best...: of one training, as run.json has them of the run's own
Learn = Callable[[Prepared, Run], tuple[PreTrainedModel, Result]]  # a training in a folder -> (its model, what run.json says of it)


def place(run: Run, seed: int) -> Run:
    """Where the training of a further seed lies."""
    return Run(run.folder / "seeds" / str(seed))


def further(prepared: Prepared) -> list[int]:
    """The seeds after the recipe's own."""
    return [prepared.recipe.seed + number for number in range(1, prepared.training.seeds)]


def with_seed(prepared: Prepared, seed: int) -> Prepared:
    """The same rows and examples; all that is drawn in training is drawn anew."""
    return replace(prepared, recipe=prepared.recipe.model_copy(update={"seed": seed}))


def train_further(prepared: Prepared, run: Run, learn: Learn) -> list[Result]:
    """Train every further seed that is not done yet, each from its newest checkpoint. Raises Interrupted, OutsideError."""
    data = run.manifest()["data"]["sha256"]
    return [_done(place(run, seed)) or _train(with_seed(prepared, seed), run, data, learn) for seed in further(prepared)]


def _done(there: Run) -> Result | None:
    return read_json(_facts(there)) if _facts(there).is_file() else None


def _train(prepared: Prepared, run: Run, data: str, learn: Learn) -> Result:
    """One seed. What it is kept for is written last, so that a half is never taken for a whole."""
    there = place(run, prepared.recipe.seed)
    try:
        model, result = learn(prepared, there)
    except Interrupted as stopped:
        raise Interrupted(say("stopped in the training of seed {seed}; its checkpoint is written: go on with "
                              "`steelyard train --resume {run}`", seed=prepared.recipe.seed, run=run.folder), stopped.code) from stopped
    model.to(memory_format=torch.contiguous_format)  # as it is where a run's own model is weighed
    found = statistics(model, prepared.task, prepared.processor, prepared.stores["test"], prepared.dataset.rows["test"])
    try:
        save_file({name: np.ascontiguousarray(values) for name, values in found.items()}, _statistics(there))
    except (OSError, SafetensorError) as error:
        raise OutsideError(say('cannot write "{path}": {reason}', path=_statistics(there), reason=error)) from error
    whole = {"seed": prepared.recipe.seed, "data": data, **result}
    write_json(_facts(there), whole)
    shutil.rmtree(there.checkpoints, ignore_errors=True)
    return whole


def kept(run: Run, results: Sequence[Result], data: str) -> list[tuple[Result, Statistics]]:
    """Each further training with its statistics on the test rows; those of other rows than `data` are left out."""
    found: list[tuple[Result, Statistics]] = []
    for result in results:
        path = _statistics(place(run, int(result["seed"])))
        if result["data"] == data and path.is_file():
            found.append((result, load_file(path)))
    return found


def _facts(there: Run) -> Path:
    return there.folder / "seed.json"


def _statistics(there: Run) -> Path:
    return there.folder / "statistics.safetensors"
