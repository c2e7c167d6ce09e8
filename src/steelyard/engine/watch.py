"""What a training lets one see beside its losses: weights and gradients, some rows with their answers, pace and share of the peak."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from steelyard.engine import board, doctor, machine
from steelyard.engine.answer import columns
from steelyard.engine.chosen import Chosen
from steelyard.engine.prepare import Prepared
from steelyard.engine.step import place, precise
from steelyard.parts import Answer, Row

COST = 0.02  # of a training's time may go into looking at it; the first look and the last are taken in any case
SAMPLE = 4096  # values of a tensor that a histogram is drawn from, at most
ROWS = 8  # validation rows that are shown
TILE, CAPTION = 96, 14  # pixels of a shown picture, and of the line below it
LONGEST = 200  # letters of a shown text


class Watch:
    """Looks at a training as it goes; it changes nothing of it and draws from no generator of it.

    board           TensorBoard's writer; None: only the pace is told
    flops_per_step  arithmetic of a mean optimiser step, counted; None where it was not
    """

    def __init__(self, prepared: Prepared, chosen: Chosen, board: Any = None, flops_per_step: float | None = None) -> None:
        self.prepared, self.chosen, self.board, self.flops_per_step = prepared, chosen, board, flops_per_step
        self.lengths = prepared.stores["train"].lengths()
        self.peak = doctor.peak(machine.facts(), chosen.threads, chosen.precision) if flops_per_step else None
        self.shown = _evenly(prepared) if board is not None and prepared.recipe.evidence.show_rows else np.empty(0, dtype=np.int64)
        self.places: dict[int, Tensor] = {}  # number of values -> those that are looked at
        self.start, self.spent = time.perf_counter(), 0.0  # seconds
        self.steps = self.examples = self.tokens = 0  # since the last evaluation
        self.all_tokens = 0  # of this process; 0 where examples are of one length
        self.before = (0.0, 0.0)  # seconds of training and of waiting at the last evaluation
        self.looks = False

    def step(self, model: nn.Module, examples: np.ndarray, done: int, evaluates: bool) -> None:
        """After an optimiser step, while its gradients are there. Where an evaluation follows, weights and gradients are drawn."""
        self.steps += 1
        self.examples += len(examples)
        if self.lengths is not None:
            tokens = int(self.lengths[examples].sum())
            self.tokens, self.all_tokens = self.tokens + tokens, self.all_tokens + tokens
        if not evaluates or self.board is None:
            return
        began = time.perf_counter()
        self.looks = not self.spent or done == self.prepared.plan.total or self.spent < COST * (began - self.start)
        if self.looks:
            self._tensors(model, done)
            self.spent += time.perf_counter() - began

    def pace(self, trained: float, waited: float) -> dict[str, float]:
        """How fast training was since the last evaluation: examples and tokens a second, share of the peak, share that waits for data.

        trained, waited   seconds of the optimiser steps so far, and of collating within them
        """
        seconds, waiting = trained - self.before[0], waited - self.before[1]
        told = {"speed/examples_per_second": self.examples / seconds}
        if self.lengths is not None:
            told["speed/tokens_per_second"] = self.tokens / seconds
        if self.peak and self.flops_per_step:
            told["speed/mfu"] = self.flops_per_step * self.steps / seconds / self.peak
        self.before, self.steps, self.examples, self.tokens = (trained, waited), 0, 0, 0
        return {**told, "speed/waiting": waiting / seconds}

    def rows(self, model: PreTrainedModel, done: int) -> None:
        """Eight validation rows with the answers of the model as it is judged now; none where `evidence.show_rows` is false."""
        if not self.looks or not len(self.shown):
            return
        began = time.perf_counter()
        task = self.prepared.task
        found = [(row, answer, float(task.right(columns([task.measure(row, answer)]))[0]) == 1) for row, answer in self._answered(model)]
        shown = [task.show(row) for row, _, _ in found]
        if pictures := [show for show in shown if "image" in show]:
            self._pictures(pictures, found, done)
        names = ("row", "text", "truth", "answer", "") if any("text" in show for show in shown) else ("row", "truth", "answer", "")
        lines = [[_origin(row), *([str(show["text"])[:LONGEST]] if "text" in names else []), self._truth(row, show),
                  self._said(answer), "✓" if right else "✗"] for (row, answer, right), show in zip(found, shown, strict=True)]
        board.table(self.board, "validation/rows", names, lines, done)
        self.spent += time.perf_counter() - began

    def _answered(self, model: PreTrainedModel) -> list[tuple[Row, Answer]]:
        """The shown rows, answered together."""
        task, store = self.prepared.task, self.prepared.stores["validation"]
        owners = store.rows.numpy()
        indices = np.flatnonzero(np.isin(owners, self.shown))
        partials: dict[int, list[Any]] = {int(row): [] for row in self.shown}
        model.eval()
        with torch.inference_mode():
            batch = place(task.collate(store.take(torch.from_numpy(indices)), self.prepared.processor, None), model.device, "contiguous")
            with precise(model.device, self.chosen.precision):
                for index, partial in zip(indices, task.respond(model, batch), strict=True):
                    partials[int(owners[index])].append(partial)
        rows = self.prepared.dataset.rows["validation"].select(self.shown)
        return [(row, task.merge(row, own)) for row, own in zip(rows, partials.values(), strict=True)]

    def _pictures(self, shown: list[Mapping[str, Any]], found: list[tuple[Row, Answer, bool]], done: int) -> None:
        """All in a row, framed in green where the answer is right and in red where it is wrong."""
        from PIL import Image, ImageDraw

        whole = Image.new("RGB", (len(shown) * (TILE + 8), TILE + 8 + CAPTION), "white")
        pen = ImageDraw.Draw(whole)
        for number, (show, (row, answer, right)) in enumerate(zip(shown, found, strict=True)):
            left = number * (TILE + 8)
            image = Image.open(io.BytesIO(base64.b64decode(show["image"].partition(",")[2]))).convert("RGB")
            factor = TILE / max(image.size)
            image = image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))),
                                 Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR)
            pen.rectangle((left, 0, left + TILE + 7, TILE + 7), fill="#1a7f37" if right else "#cf222e")
            whole.paste(image, (left + 4 + (TILE - image.width) // 2, 4 + (TILE - image.height) // 2))
            caption = f"{self._truth(row, show)} > {self._said(answer)}"
            latin = caption.isascii()  # the letters that Pillow brings along; other words stand in the table beside
            pen.text((left + 4, TILE + 8), caption[:16] if latin else str(number + 1), fill="black")
        board.picture(self.board, "validation/pictures", whole, done)

    def _truth(self, row: Row, show: Mapping[str, Any]) -> str:
        return self.prepared.task.truth(row) or str(show.get("target", ""))[:LONGEST]

    def _said(self, answer: Answer) -> str:
        return self.prepared.task.decision(answer) or self.prepared.task.line(answer, 3)[:LONGEST]

    def _tensors(self, model: nn.Module, done: int) -> None:
        """One copy from the device for all tensors together."""
        named: dict[str, Tensor] = {}
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and parameter.numel():
                    named[f"weights/{name}"] = self._sample(parameter)
                    if parameter.grad is not None:
                        named[f"gradients/{name}"] = self._sample(parameter.grad)
            if not named:
                return
            flat = torch.cat(list(named.values())).cpu().double().numpy()
        ends = np.cumsum([len(values) for values in named.values()])
        for tag, values in zip(named, np.split(flat, ends[:-1]), strict=True):
            board.histogram(self.board, tag, values[np.isfinite(values)], done)

    def _sample(self, tensor: Tensor) -> Tensor:
        """(values,) float32: all, or 4,096 drawn ones, always the same."""
        count = tensor.numel()
        flat = tensor.detach().reshape(-1) if tensor.is_contiguous() else torch.as_strided(tensor.detach(), (count,), (1,))
        if count <= SAMPLE:
            return flat.float()
        if count not in self.places:
            own = torch.Generator().manual_seed(count)
            self.places[count] = torch.randint(count, (SAMPLE,), generator=own).to(tensor.device)
        return flat[self.places[count]].float()


def _evenly(prepared: Prepared) -> np.ndarray:
    """The validation rows that are shown: from all over the set."""
    count = len(prepared.dataset.rows["validation"])
    return np.unique(np.linspace(0, count - 1, min(ROWS, count)).round().astype(np.int64))


def _origin(row: Row) -> str:
    return str(row["_file"]) if row["_line"] is None else f"{row['_file']}:{row['_line']}"


def settings(prepared: Prepared, chosen: Chosen) -> dict[str, board.Setting]:
    """The recipe's numbers and words by their keys, as resolved, and what was chosen on this machine; lists and nulls are left out."""
    recipe = prepared.recipe
    sections = {"model": recipe.model, "training": recipe.training}
    told: dict[str, Any] = {"task": recipe.task, "seed": recipe.seed}
    for name, section in sections.items():
        told |= _flat(name, section.model_dump(by_alias=True) if not isinstance(section, str) else section)
    told |= {f"chosen.{name}": value for name, value in chosen.to_json().items()}
    return {name: value for name, value in told.items() if isinstance(value, str | int | float)}


def _flat(name: str, value: Any) -> dict[str, Any]:
    """{"training": {"augment": {"flip": True}}} -> {"training.augment.flip": True}."""
    if isinstance(value, Mapping):
        return {key: leaf for part, inner in value.items() for key, leaf in _flat(f"{name}.{part}", inner).items()}
    return {name: value}


def metric_tags(prepared: Prepared) -> list[str]:
    """Every metric that the HPARAMS tab will show, known before the first step."""
    names = prepared.task.metrics
    return [*(f"test/{name}" for name in names), *(f"best/{name}" for name in names), *(f"eval/{name}" for name in names),
            "train/loss", "train/seconds"]
