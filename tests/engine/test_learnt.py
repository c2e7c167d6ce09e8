"""What is learnt before training is kept, and the same on a second start."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from steelyard.engine import learnt
from steelyard.engine.prepare import prepare
from steelyard.engine.split import dataset
from steelyard.families.bert import Bert
from steelyard.recipe.reader import read
from steelyard.rows import Rows
from steelyard.tasks.text_classification import TextClassification

RECIPE = {"task": "text-classification", "data": {**TextClassification.tiny["data"], "max_length": 40},
          "model": {"family": "bert", "size": "tiny"}, "training": {"epochs": 1}}


def test_a_second_start_has_the_same_processor_and_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    first = prepare(read(RECIPE))

    def refuse(*given: object) -> None:
        raise AssertionError("a second start reads all rows again")

    monkeypatch.setattr(Bert, "processor", refuse)
    monkeypatch.setattr(TextClassification, "fit", refuse)
    monkeypatch.setattr(TextClassification, "encode", refuse)
    second = prepare(read(RECIPE))
    assert second.processor_print == first.processor_print and second.task == first.task
    assert second.processor.model_max_length == first.processor.model_max_length == 40
    for split, store in first.stores.items():
        assert len(store) == len(second.stores[split])
        assert all(np.array_equal(store.one(i)["input_ids"], second.stores[split].one(i)["input_ids"]) for i in range(0, len(store), 97))


def test_what_is_kept_reads_as_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    recipe = read(RECIPE)
    data = dataset(recipe, TextClassification)
    task = learnt.fitted(TextClassification, data.rows["train"], data.mark)
    assert task == TextClassification.fit(data.rows["train"])
    options = {"max_length": 40}
    kept = learnt.processor(Bert(), task, data.rows["train"], options, data.mark)
    made = Bert().processor(task, data.rows["train"], options)
    texts = data.rows["test"].column("text")[:50]
    assert kept(texts)["input_ids"] == made(texts)["input_ids"] and kept.get_vocab() == made.get_vocab()
    assert (kept.pad_token_id, kept.model_max_length, len(kept)) == (made.pad_token_id, made.model_max_length, len(made))
    other = learnt.processor(Bert(), task, data.rows["train"].select(range(30)), options, data.mark)
    assert other.get_vocab() != kept.get_vocab()


def test_a_sample_is_spread_over_the_rows() -> None:
    rows = Rows(pa.table({"text": ["x" * 100] * 10_000}))
    some = learnt.sample(rows, 100_000)
    assert 800 < len(some) < 1200 and np.all(np.diff(some.chosen) > 0) and np.histogram(some.chosen, 10)[0].min() > 60
    assert np.array_equal(some.chosen, learnt.sample(rows, 100_000).chosen)
    assert learnt.sample(rows, 10**9) is rows
