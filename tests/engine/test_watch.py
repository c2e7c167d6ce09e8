"""What TensorBoard is shown, read back as TensorBoard reads it."""

import io
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from steelyard.engine import board, doctor, log, watch
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared, prepare
from steelyard.engine.watch import Watch
from steelyard.recipe.reader import read
from steelyard.run import Run

CHOSEN = Chosen(threads=1, precision="fp32", layout="contiguous", micro_batch=8)
DIGITS: dict[str, Any] = {"task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp", "size": "tiny"},
                          "training": {"epochs": 1, "batch_size": 64}}
TEXTS: dict[str, Any] = {
    "task": "text-classification", "model": {"family": "bert", "size": "tiny"}, "training": {"steps": 4, "batch_size": 8},
    "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
             "test": {"column": "split", "value": "test"}}}


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"images": 0, "histograms": 0, "tensors": 0, "scalars": 0})
    found.Reload()
    return found


def looked(prepared: Prepared, folder: Path, steps: int = 2) -> Any:
    """Two steps' worth of gradients, an evaluation after each."""
    model = first_model(prepared)
    writer = board.writer(folder)
    seen = Watch(prepared, CHOSEN, writer)
    for done in range(1, steps + 1):
        store, own = prepared.stores["train"], np.arange(8)
        batch = prepared.task.collate(store.take(torch.from_numpy(own)), prepared.processor, None)
        prepared.task.loss(model(**batch.inputs), batch).backward()
        seen.step(model, own, done, True)
        model.zero_grad()
        seen.rows(model, done)
    writer.close()
    return model


@pytest.fixture(scope="module")
def digits() -> Prepared:
    return prepare(read(DIGITS))


@pytest.fixture(scope="module")
def texts() -> Prepared:
    return prepare(read(TEXTS))


def test_weights_gradients_and_pictures_with_their_answers(digits: Prepared, tmp_path: Path) -> None:
    from PIL import Image

    model = looked(digits, tmp_path)
    found = events(tmp_path)
    named = dict(model.named_parameters())
    assert set(found.Tags()["histograms"]) == {f"{kind}/{name}" for kind in ("weights", "gradients") for name in named}
    name = next(name for name in named if named[name].numel() <= watch.SAMPLE)
    (entry,) = [event for event in found.Histograms(f"weights/{name}") if event.step == 1]
    values = named[name].detach().double().numpy().ravel()
    assert entry.histogram_value.num == len(values) and entry.histogram_value.sum == pytest.approx(values.sum(), abs=1e-4)
    assert sum(entry.histogram_value.bucket) == len(values)
    image = found.Images("validation/pictures")[0]
    whole = Image.open(io.BytesIO(image.encoded_image_string))
    assert whole.size == (image.width, image.height) == (8 * 104, 118)
    assert whole.getpixel((1, 1)) in ((26, 127, 55), (207, 34, 46))
    (table,) = found.Tensors("validation/rows/text_summary")[0].tensor_proto.string_val
    assert table.decode().count("\n") == 2 + 8 - 1 and "builtin" in table.decode()


def test_texts_with_their_answers_and_what_people_write_is_no_markup(texts: Prepared, tmp_path: Path) -> None:
    looked(texts, tmp_path)
    (table,) = events(tmp_path).Tensors("validation/rows/text_summary")[0].tensor_proto.string_val
    rows = texts.dataset.rows["validation"]
    assert board.plain(rows[0]["text"][:200]) in table.decode() and texts.task.truth(rows[0]) in table.decode()
    assert "validation/pictures" not in events(tmp_path).Tags()["images"]
    assert board.plain("a|b\n<b>c</b> *d*") == r"a\|b &lt;b\>c&lt;/b\> \*d\*"


def test_no_text_of_a_person_where_rows_are_not_shown(tmp_path: Path) -> None:
    prepared = prepare(read({**TEXTS, "evidence": {"show_rows": False}}))
    looked(prepared, tmp_path)
    found = events(tmp_path).Tags()
    assert found["histograms"] and not found["tensors"] and not found["images"]
    whole = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", errors="ignore")
    for split in ("train", "validation", "test"):
        for text in (row["text"][:20] for row in prepared.dataset.rows[split] if len(row["text"]) >= 8):  # "?" is in every file
            assert text not in whole and board.plain(text) not in whole


def test_looking_changes_nothing(texts: Prepared, tmp_path: Path) -> None:
    """Neither the weights nor the generator that dropout draws from."""
    before = {name: tensor.clone() for name, tensor in first_model(texts).state_dict().items()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = first_model(texts)
    torch.set_rng_state(state)
    seen = Watch(texts, CHOSEN, board.writer(tmp_path))
    seen.step(first, np.arange(8), 1, True)
    seen.rows(first, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in first.state_dict().items())


def test_a_large_tensor_is_sampled_and_a_look_is_cheap(digits: Prepared, tmp_path: Path) -> None:
    model = torch.nn.Linear(2000, 1500)
    model.weight.grad = model.weight.detach().clone()
    seen = Watch(digits, CHOSEN, board.writer(tmp_path))
    seen.step(model, np.arange(8), 1, True)
    start = time.perf_counter()
    seen.step(model, np.arange(8), digits.plan.total, True)
    assert time.perf_counter() - start < 0.1  # all three million values would take some 0.2 s
    seen.board.close()
    drawn = events(tmp_path).Histograms("weights/weight")[0].histogram_value
    assert drawn.num == watch.SAMPLE and abs(drawn.sum / drawn.num - float(model.weight.detach().mean())) < 1e-3


def test_a_look_that_costs_too_much_is_left_out_but_for_the_first_and_the_last(digits: Prepared, tmp_path: Path) -> None:
    seen = Watch(digits, CHOSEN, board.writer(tmp_path))
    model = first_model(digits)
    looks = []
    for done in (1, 2, digits.plan.total):
        seen.step(model, np.arange(8), done, True)
        looks.append(seen.looks)
        seen.spent = 1e6
    assert looks == [True, False, True]


def test_pace(texts: Prepared, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    doctor.keep({"threads": 1, "matmul_flops": {"fp32": 1e12, "bf16": 4e12}})
    seen = Watch(texts, CHOSEN, None, 1e11)
    lengths = texts.stores["train"].lengths()
    assert lengths is not None
    model = first_model(texts)
    for step in (1, 2):
        seen.step(model, np.arange(8), step, step == 2)
    told = seen.pace(2.0, 0.5)
    assert told == {"speed/examples_per_second": 8.0, "speed/tokens_per_second": float(lengths[:8].sum()), "speed/mfu": 0.1,
                    "speed/waiting": 0.25}
    seen.step(model, np.arange(4), 3, True)
    assert seen.pace(3.0, 0.5)["speed/examples_per_second"] == 4.0
    assert Watch(texts, Chosen(2, "fp32", "contiguous", 8), None, 1e11).peak is None  # it was measured with one thread


def test_settings_and_metrics_are_declared_before_the_first_step(digits: Prepared, tmp_path: Path) -> None:
    run = Run(tmp_path)
    settings, tags = watch.settings(digits, CHOSEN), watch.metric_tags(digits)
    assert settings["training.batch_size"] == 64 and settings["model.family"] == "mlp" and settings["chosen.precision"] == "fp32"
    assert not any(value is None or (isinstance(value, float) and math.isnan(value)) for value in settings.values())
    with pytest.raises(KeyError), log.Log(run, 3, True, 0, settings, tags) as told:
        told({"step": 1, "epoch": 0.5, "train/loss": 1.0, "speed/mfu": 0.4})
        raise KeyError
    log.last(run, {"test/accuracy": 0.5, "best/accuracy": None}, 3)
    found = events(run.logs)
    assert [path for path in run.logs.iterdir() if path.is_dir()] == []
    data = {tag: HParamsPluginData.FromString(content) for tag, content in found.PluginTagToContent("hparams").items()}
    experiment = data["_hparams_/experiment"].experiment
    assert {info.name.tag for info in experiment.metric_infos} == set(tags) and "test/accuracy" in tags
    assert {info.name for info in experiment.hparam_infos} == set(settings)
    start = data["_hparams_/session_start_info"].session_start_info
    assert start.hparams["training.batch_size"].number_value == 64 and start.hparams["model.family"].string_value == "mlp"
    assert data["_hparams_/session_end_info"].session_end_info.status == Status.Value("STATUS_FAILURE")
    assert {"train/loss", "test/accuracy", "speed/mfu"} <= set(found.Tags()["scalars"]) and "best/accuracy" not in found.Tags()["scalars"]
    assert found.Scalars("test/accuracy")[0].step == 3


def test_short_form(tmp_path: Path) -> None:
    shown = log.Shown(3, tmp_path / "train.log")
    shown({"step": 3, "epoch": 1.0, "eval/accuracy": 0.91234, "speed/examples_per_second": 12345.6, "speed/mfu": 0.414,
           "speed/waiting": 0.02})
    shown.close()
    line = "step 3  epoch 1.00  eval/accuracy 0.9123  12,346 examples/s  41.4% MFU  2.0% waiting for data\n"
    assert (tmp_path / "train.log").read_text() == line
