"""The two classifying tasks: targets, units, hiding, counterweights."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from transformers import ViTImageProcessorPil

from steelyard.errors import InputError
from steelyard.math.pictures import pgm
from steelyard.parts import BadValue
from steelyard.rows import FILE, LINE, Rows
from steelyard.tasks.image_classification import ImageClassification
from steelyard.tasks.text_classification import TextClassification, _words_and_pairs


def table(rows: list[dict[str, Any]]) -> Rows:
    import pyarrow as pa

    return Rows(pa.Table.from_pylist([{**row, FILE: "f.csv", LINE: i} for i, row in enumerate(rows)]))


@pytest.fixture
def tokenizer() -> Any:
    from steelyard.families.bert import Bert

    rows = table([{"text": "The quick brown fox jumps, the lazy dog sleeps! 今天 天气 很好", "label": "a"}] * 3
                 + [{"text": "x", "label": "b"}])
    return Bert().processor(TextClassification.fit(rows), rows, {"max_length": 16})


def test_labels_are_in_the_order_of_numbers() -> None:
    task = TextClassification.fit(table([{"text": "x", "label": label} for label in ("10", "2", "1", "b", "a", "nan")]))
    assert task.labels == ("1", "2", "10", "a", "b", "nan")
    assert TextClassification.from_state({"labels": list(task.labels)}) == task


def test_one_label_is_refused_and_an_unknown_one_named() -> None:
    with pytest.raises(InputError, match='all 2 training rows have one label, "a"'):
        TextClassification.fit(table([{"text": "x", "label": "a"}] * 2))
    task = TextClassification(labels=("a", "b"))
    with pytest.raises(BadValue, match='label "c" is not among'):
        task.encode_target({"label": "c"})
    assert task.encode_target({"text": "x"}) == {}


def test_words_are_the_units_of_a_text(tokenizer: Any) -> None:
    task, row = TextClassification(labels=("a", "b")), {"text": "The lazy, lazy dog 今天", "label": "a"}
    example = task.encode([row], tokenizer)[0][0]
    units = task.units(row, example, tokenizer)
    assert [row["text"][start:end] for start, end in units.places] == ["The", "lazy", ",", "lazy", "dog", "今", "天"]
    assert units.of[0] == -1 and units.of[-1] == -1 and len(units.of) == len(example["input_ids"])
    hidden = np.array([False, True, False, False, False, False, False])
    masked = task.hide(example, units, hidden, "mask", tokenizer)["input_ids"]
    assert (masked != example["input_ids"]).sum() == (units.of == 1).sum() and set(masked[units.of == 1]) == {tokenizer.mask_token_id}
    removed = task.hide(example, units, hidden, "remove", tokenizer)["input_ids"]
    assert tokenizer.decode(removed, skip_special_tokens=True).replace(" ", "") == "the,lazydog今天"
    assert (task.hide(example, units, np.zeros(7, dtype=bool), "remove", tokenizer)["input_ids"] == example["input_ids"]).all()


def test_a_long_text_is_cut_and_its_units_with_it(tokenizer: Any) -> None:
    task, row = TextClassification(labels=("a", "b")), {"text": "fox " * 100, "label": "a"}
    example = task.encode([row], tokenizer)[0][0]
    assert len(example["input_ids"]) == 16 and len(task.units(row, example, tokenizer)) == 14


def test_an_empty_text_has_no_units(tokenizer: Any) -> None:
    task, row = TextClassification(labels=("a", "b")), {"text": "", "label": "a"}
    example = task.encode([row], tokenizer)[0][0]
    units = task.units(row, example, tokenizer)
    assert len(units) == 0 and len(example["input_ids"]) == 2
    assert task.surface([row], [example], [units], table([row]))["length"][0].shape == (0,)


def test_cells_are_the_units_of_a_picture() -> None:
    task = ImageClassification(labels=("0", "1"))
    rng = np.random.default_rng(0)
    processor = ViTImageProcessorPil(size={"height": 28, "width": 20}, image_mean=[0.5] * 3, image_std=[0.25] * 3)
    row = {"image": pgm(rng.integers(0, 256, (28, 20), dtype=np.uint8)), "label": "1"}
    example = task.encode([row], processor)[0][0]
    assert example["pixels"].shape == (3, 28, 20) and example["pixels"].dtype == np.uint8
    units = task.units(row, example, processor)
    assert len(units) == 7 * 5 and units.of.shape == (28, 20)
    for number, (left, top, right, bottom) in enumerate(units.places):
        assert (units.of[top:bottom, left:right] == number).all() and (units.of == number).sum() == (right - left) * (bottom - top)
    hidden = np.arange(len(units)) == 8
    for way in task.ways:
        changed = (task.hide(example, units, hidden, way, processor)["pixels"] != example["pixels"]).any(axis=0)
        assert changed.any() and not changed[units.of != 8].any()
    surface = task.surface([row], [example], [units], table([row]))
    assert {name: maps[0].shape for name, maps in surface.items()} == {"ink": (35,), "edges": (35,), "centre": (35,)}
    assert surface["centre"][0].argmax() == 3 * 5 + 2


def test_a_batch_of_pictures_is_what_the_processor_makes() -> None:
    """Parity with Transformers' own processor, scaling and all."""
    import torch

    from steelyard.engine.store import stack

    task = ImageClassification(labels=("0", "1"))
    processor = ViTImageProcessorPil(size={"height": 12, "width": 12}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4])
    pictures = [np.random.default_rng(i).integers(0, 256, (30, 17), dtype=np.uint8) for i in range(3)]
    examples = [task.encode([{"image": pgm(picture)}], processor)[0][0] for picture in pictures]
    batch = task.collate(stack(examples), processor, None)
    want = processor(images=[np.stack([picture] * 3, axis=-1) for picture in pictures], return_tensors="pt")["pixel_values"]
    assert torch.allclose(batch.inputs["pixel_values"], want, atol=2 / 255 / 0.2)
    assert batch.targets is None and batch.count == 3


def test_counterweights_answer_every_row_and_the_simple_one_learns() -> None:
    digits = load_digits()
    rows = table([{"image": pgm((picture * 15.9).astype(np.uint8)), "label": str(label)}
                  for picture, label in zip(digits.images, digits.target, strict=True)])
    train, test = rows.select(range(1200)), rows.select(range(1200, 1797))
    task = ImageClassification.fit(train)
    found = {name: [task.decision(answer) for answer in answers(train, test)] for name, answers in task.counterweights().items()}
    truth = test.column("label")
    share = {name: np.mean([a == b for a, b in zip(decided, truth, strict=True)]) for name, decided in found.items()}
    assert list(share) == ["constant", "pixels + logistic regression"]
    assert share["constant"] < 0.2 and share["pixels + logistic regression"] > 0.85
    assert len(set(found["constant"])) == 1


def test_chinese_is_counted_by_characters() -> None:
    assert _words_and_pairs("很好 good") == ["很", "好", "good", "很 好", "好 good"]
    assert _words_and_pairs("") == []
