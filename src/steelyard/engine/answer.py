"""A model's answers to rows, and the door through which explainers ask it: batches of like length, in the rows' order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard.engine.signals import poll
from steelyard.engine.step import place, precise
from steelyard.engine.store import Store, stack
from steelyard.parts import Answer, Example, Family, Processor, Row, Statistics, Target, Task
from steelyard.rows import Rows

BATCH = 128  # examples answered together
BLOCK = 4096  # examples that are sorted by length together: memory does not grow with the rows


def answers(model: PreTrainedModel, task: Task, processor: Processor, store: Store, rows: Rows,
            precision: str = "fp32") -> Iterator[tuple[Row, Answer]]:
    """Each row with its answer, in order. In fp32 an answer does not depend on its batch mates."""
    owners, lengths = store.rows.numpy(), store.lengths()
    stream = iter(rows)
    for start in range(0, len(rows), BLOCK):
        low, high = np.searchsorted(owners, [start, start + BLOCK])
        indices = np.arange(low, high)
        if lengths is not None:
            indices = indices[np.argsort(-lengths[indices], kind="stable")]
        partials: dict[int, list[tuple[int, Any]]] = {}
        for part in np.split(indices, range(BATCH, len(indices), BATCH)):
            poll()
            for index, partial in zip(part, _partials(model, task, processor, store, part, precision), strict=True):
                partials.setdefault(int(owners[index]), []).append((int(index), partial))
        for offset, row in enumerate(islice(stream, BLOCK)):
            own = sorted(partials.pop(start + offset, []), key=lambda entry: entry[0])
            yield row, task.merge(row, [partial for _, partial in own])


def _partials(model: PreTrainedModel, task: Task, processor: Processor, store: Store, indices: np.ndarray, precision: str) -> list[Any]:
    if not len(indices):
        return []
    model.eval()
    with torch.inference_mode():
        batch = place(task.collate(store.take(torch.from_numpy(indices)), processor, None), model.device, "contiguous")
        with precise(model.device, precision):
            return task.respond(model, batch)


def statistics(model: PreTrainedModel, task: Task, processor: Processor, store: Store, rows: Rows, precision: str = "fp32") -> Statistics:
    """The statistics of every row, as columns: what metrics reduce."""
    owners, lengths = store.rows.numpy(), store.lengths()
    if task.at_once and len(rows) and len(np.unique(owners)) == len(rows):  # else a row has no example at all
        order = np.arange(len(store)) if lengths is None else np.argsort(-lengths, kind="stable")
        partials: list[Any] = [None] * len(store)
        for part in np.split(order, range(BATCH, len(order), BATCH)):
            poll()
            for index, partial in zip(part, _partials(model, task, processor, store, part, precision), strict=True):
                partials[index] = partial
        return task.measure_all(store.dense(), owners, partials)
    return columns(task.measure(row, answer) for row, answer in answers(model, task, processor, store, rows, precision))


def columns(measured: Any) -> Statistics:
    """One mapping of small arrays a row -> one array a name, the first axis is rows."""
    lists: dict[str, list[np.ndarray]] = {}
    for row in measured:
        for name, value in row.items():
            lists.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in lists.items()}


class ModelDoor:
    """What explainers may ask of one model (parts.Door): log probabilities and gradients, in fp32, without dropout."""

    def __init__(self, model: PreTrainedModel, family: Family, task: Task, processor: Processor) -> None:
        self.model, self.family, self.task, self.processor = model.eval(), family, task, processor

    def log_prob(self, examples: Sequence[Example], targets: Sequence[Target]) -> np.ndarray:
        """(examples,) float64, in nats."""
        sizes = np.array([sum(array.size for array in example.values()) for example in examples])
        order = np.argsort(-sizes, kind="stable")
        result = np.empty(len(examples))
        with torch.inference_mode():
            for part in np.split(order, range(BATCH, len(order), BATCH)):
                poll()
                batch = self._batch([examples[i] for i in part], [targets[i] for i in part])
                result[part] = self.task.log_prob(self.model(**batch.inputs), batch).double().cpu().numpy()
        return result

    def path_gradients(self, example: Example, start: Example, target: Target, steps: int) -> np.ndarray:
        """(positions,) or (height, width): see parts.Door; the integral by the midpoint rule."""
        ends = self._batch([start, example], [target, target])
        with torch.no_grad():
            inputs, name = self.family.embed(self.model, ends.inputs)
        low, high = inputs[name][:1], inputs[name][1:]
        share = (torch.arange(steps, device=low.device) + 0.5) / steps
        points = (low + (high - low) * share.view(-1, *[1] * (low.dim() - 1))).detach().requires_grad_()
        same = {key: value[1:].expand(steps, *value.shape[1:]) for key, value in inputs.items() if key != name}
        batch = self._batch([example] * steps, [target] * steps)
        batch.inputs = {**same, name: points}
        with torch.enable_grad():
            total = self.task.log_prob(self.model(**batch.inputs), batch).sum()
            (gradient,) = torch.autograd.grad(total, points)
        product = ((high - low)[0] * gradient.mean(dim=0)).double()
        positions = next(iter(example.values())).shape
        summed = product
        if product.dim() > 1:  # over the channels of a picture; over the width of each position, wherever the positions lie
            summed = product.sum(dim=0 if product.dim() == 3 or len(product) < positions[0] else 1)
        return summed[: positions[0]].cpu().numpy() if summed.dim() == 1 else summed.cpu().numpy()

    def _batch(self, examples: Sequence[Example], targets: Sequence[Target]) -> Any:
        return place(self.task.collate(stack(examples), self.processor, None, targets), self.model.device, "contiguous")
