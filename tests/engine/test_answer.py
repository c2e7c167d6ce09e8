"""Answers do not depend on batch mates; models trained here are plain Transformers models."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, AutoTokenizer

from steelyard.engine.answer import ModelDoor, answers
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.store import stack
from steelyard.recipe.reader import read


def single(prepared: Prepared, model: Any, index: int) -> np.ndarray:
    batch = prepared.task.collate(stack([prepared.stores["test"].one(index)]), prepared.processor, None)
    with torch.inference_mode():
        return np.asarray(prepared.task.answer(model.eval()(**batch.inputs), batch)[0])


@pytest.mark.parametrize("what", [("text-classification", "bert"), ("image-classification", "resnet")], ids=["bert", "resnet"])
def test_batched_answers_equal_single_ones(make: Any, what: tuple[str, str]) -> None:
    prepared = make(*what, {"epochs": 1})
    model = first_model(prepared)
    rows = prepared.dataset.rows["test"]
    found = [answer for _, answer in answers(model, prepared.task, prepared.processor, prepared.stores["test"], rows)]
    assert len(found) == len(rows)
    for index in (0, 1, len(rows) // 2, len(rows) - 1):
        scores = {entry["label"]: entry["score"] for entry in found[index]}
        alone = single(prepared, model, index)
        assert np.allclose([scores[label] for label in prepared.task.labels], alone, atol=1e-6)
        assert [entry["score"] for entry in found[index]] == sorted(scores.values(), reverse=True)


def test_a_bert_from_here_loads_in_plain_transformers(make: Any, tmp_path: Path) -> None:
    prepared = make("text-classification", "bert", {"epochs": 1})
    model = first_model(prepared).eval()
    model.save_pretrained(tmp_path)
    prepared.processor.save_pretrained(tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    texts = prepared.dataset.rows["test"].column("text")[:8]
    encoded = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    examples = [example for group in prepared.task.encode([{"text": text} for text in texts], prepared.processor) for example in group]
    batch = prepared.task.collate(stack(examples), prepared.processor, None)
    with torch.inference_mode():
        assert torch.allclose(plain(**encoded).logits, model(**batch.inputs).logits, atol=1e-5)
    assert plain.config.id2label == dict(enumerate(prepared.task.labels))


def test_a_folder_of_plain_transformers_trains_here(make: Any, tmp_path: Path) -> None:
    """Its weights are what training starts from, and only the head for other labels is new."""
    prepared = make("text-classification", "bert", {"epochs": 1})
    model = AutoModelForSequenceClassification.from_config(prepared.config)
    model.save_pretrained(tmp_path / "plain")
    prepared.processor.save_pretrained(tmp_path / "plain")
    again = prepare(read({"task": "text-classification", "data": {"train": "builtin:messages"},
                          "model": {"from": str(tmp_path / "plain")}}))
    started = first_model(again)
    for name, tensor in model.bert.state_dict().items():
        assert torch.equal(tensor, started.bert.state_dict()[name]), name
    assert again.training.learning_rate == 5e-5


def test_our_families_load_once_steelyard_is_imported(make: Any, tmp_path: Path) -> None:
    for family in ("mlp", "resnet"):
        prepared = make("image-classification", family, {"epochs": 1})
        model = first_model(prepared).eval()
        model.save_pretrained(tmp_path / family)
        code = ("import steelyard, sys; assert 'transformers' not in sys.modules; "
                "from transformers import AutoModelForImageClassification as A; "
                f"m = A.from_pretrained({str(tmp_path / family)!r}); print(type(m).__name__)")
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert told.stdout.strip() == type(model).__name__
        loaded = AutoModelForImageClassification.from_pretrained(tmp_path / family).eval()
        pixels = torch.rand(2, 1, 8, 8)
        with torch.inference_mode():
            assert torch.equal(loaded(pixels).logits, model(pixels).logits)


def test_path_gradients_add_up_to_the_difference(make: Any) -> None:
    """Completeness (Sundararajan et al. 2017): the gradients along the path sum to log_prob(end) - log_prob(start)."""
    for task, family in (("text-classification", "bert"), ("image-classification", "mlp")):
        prepared = make(task, family, {"epochs": 1})
        model = first_model(prepared)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2.0)
        door = ModelDoor(model, prepared.family, prepared.task, prepared.processor)
        rows = prepared.dataset.rows["test"]
        example, row = prepared.stores["test"].one(3), rows[3]
        units = prepared.task.units(row, example, prepared.processor)
        start = prepared.task.hide(example, units, np.ones(len(units), dtype=bool), prepared.task.ways[0], prepared.processor)
        target = np.array(1)
        found = door.path_gradients(example, start, target, 200)
        assert found.shape == units.of.shape
        ends = door.log_prob([example, start], [target, target])
        assert found.sum() == pytest.approx(ends[0] - ends[1], rel=0.02, abs=1e-3)
