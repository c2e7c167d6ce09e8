"""Twelve architectures, from a folder and from scratch: loaded, a step of training, saved, and the same answers once loaded again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import twelve
from PIL import Image
from transformers import AutoConfig

import steelyard
from steelyard import catalog
from steelyard.engine.answer import ModelDoor
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared, family_part, prepare, task_of
from steelyard.engine.split import dataset
from steelyard.errors import InputError
from steelyard.math.pictures import decode
from steelyard.parts import Batch
from steelyard.recipe.reader import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Name -> the folder of a tiny base model, made once."""
    torch.set_num_threads(1)
    made: dict[str, Path] = {}

    def of(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            twelve.save(name, made[name])
        return made[name]

    return of


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """takes -> the data of a recipe: few rows, since each architecture has its own processor to run over them."""
    root = tmp_path_factory.mktemp("few")
    data: dict[str, dict[str, str]] = {}
    for takes, task in twelve.TASKS.items():
        tiny = read(catalog.load("tasks", task, "test").tiny)
        rows = dataset(tiny, task_of(tiny)).rows["train"]
        rows = rows.select(np.arange(72))
        if takes == "text":
            lines = [json.dumps({"text": row["text"], "label": row["label"]}) for row in rows]
            (root / "texts.jsonl").write_text("\n".join(lines) + "\n")
            data[takes] = dict.fromkeys(("train", "validation", "test"), str(root / "texts.jsonl"))
            continue
        for number, row in enumerate(rows):
            place = root / "pictures" / row["label"]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(decode(row["image"], "RGB")).save(place / f"{number}.png")
        data[takes] = dict.fromkeys(("train", "validation", "test"), str(root / "pictures"))
    return data


def job(data: dict[str, dict[str, str]], takes: str, model: dict[str, Any], training: Any = None) -> Prepared:
    where = data[takes] if training is None else {"test": data[takes]["test"]}
    return prepare(read({"task": twelve.TASKS[takes], "data": where, "model": model, "training": training or {"epochs": 1}}))


def some(prepared: Prepared) -> Batch:
    """Rows of several lengths."""
    return prepared.task.collate(prepared.stores["test"].take(torch.arange(0, 48, 8)), prepared.processor, None)


def step_and_back(prepared: Prepared, data: dict[str, dict[str, str]], to: Path) -> None:
    """One step makes the loss smaller; the model is saved, opened as a stranger's, and answers alike."""
    torch.manual_seed(0)
    model, batch = first_model(prepared).eval(), some(prepared)
    before = prepared.task.loss(model(**batch.inputs), batch)
    before.backward()
    parameters = [p for p in model.parameters() if p.grad is not None]
    assert all(p.grad.isfinite().all() for p in parameters)
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
    with torch.no_grad():
        for parameter in parameters:
            parameter -= 1e-2 / norm * parameter.grad
        outputs = model(**batch.inputs, output_hidden_states=True)
    assert prepared.task.loss(outputs, batch) < before
    assert prepared.task.features(outputs, batch).shape[0] == len(batch.rows)
    model.save_pretrained(to)
    prepared.processor.save_pretrained(to)
    again = job(data, prepared.task.takes, {"from": str(to)}, training="none")
    assert again.task == prepared.task
    loaded, same = first_model(again).eval(), some(again)
    with torch.inference_mode():
        theirs = loaded(**same.inputs).logits
        alone = [loaded(**{name: value[i : i + 1] for name, value in same.inputs.items()}).logits[0] for i in range(len(same.rows))]
        ours = model(**same.inputs).logits
    torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-6)  # oneDNN rounds by where the weights lie
    torch.testing.assert_close(theirs, torch.stack(alone), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", twelve.TWELVE)
def test_from_a_folder(name: str, folder: Callable[[str], Path], tmp_path: Path, few: Any) -> None:
    prepared = job(few, twelve.TWELVE[name], {"from": str(folder(name))})
    assert prepared.config.model_type == name
    step_and_back(prepared, few, tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).id2label == dict(enumerate(prepared.task.labels))


@pytest.mark.parametrize("name", twelve.TWELVE)
def test_from_scratch(name: str, tmp_path: Path, few: Any) -> None:
    prepared = job(few, twelve.TWELVE[name], {"family": f"transformers:{name}", "size": "tiny"})
    assert prepared.config.model_type == name and prepared.family.name == f"transformers:{name}"
    step_and_back(prepared, few, tmp_path)


@pytest.mark.parametrize("name", ["bert", "distilbert", "roberta", "modernbert", "deberta-v2", "electra"])
def test_a_pretrained_body_arrives_whole(name: str, folder: Callable[[str], Path], few: Any) -> None:
    prepared = job(few, "text", {"from": str(folder(name))})
    model = first_model(prepared)
    body = f"{model.base_model_prefix}."
    new = {key.split(".")[0] if not key.startswith(body) else key for key in prepared.family.fresh}
    assert new <= {"classifier", "pre_classifier", "pooler", "head", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}


def test_ours_wins_and_theirs_is_named_with_its_house() -> None:
    assert family_part("resnet", "test").name == "resnet"
    assert family_part("transformers:resnet", "test").name == "transformers:resnet"
    assert family_part("electra", "test") is family_part("transformers:electra", "test")


@pytest.mark.parametrize(("model", "sentence"), [
    ({"family": "electro"}, r'no family is called "electro"; did you mean electra\?'),
    ({"family": "burt"}, r'no family is called "burt"; did you mean bert\?'),
    ({"family": "transformers:burt"}, r"did you mean bert\?"),
    ({"family": "transformers"}, "name one, such as transformers:electra"),
    ({"family": "convnextv2"}, "reads image and gives classes, but text-classification needs text"),
    ({"family": "electra", "options": {"hidden_sise": 64}}, r'has no option "hidden_sise"; did you mean hidden_size\?'),
    ({"family": "electra", "size": "huge"}, r'has no size "huge"'),
    ({"family": "electra", "options": {"hidden_size": 100, "num_attention_heads": 3}}, "transformers:electra cannot be trained on this"),
    ({"family": "electra", "options": {"hidden_size": "wide"}}, "cannot build transformers:electra so"),
])
def test_what_is_wrong_is_one_sentence(model: dict[str, Any], sentence: str, few: Any) -> None:
    with pytest.raises(InputError, match=sentence):
        first_model(job(few, "text", model))


def test_an_architecture_that_wants_more_than_a_text_is_refused(few: Any) -> None:
    prepared = job(few, "text", {"family": "xmod", "size": "tiny"})
    with pytest.raises(InputError, match="transformers:xmod cannot be trained on this by itself"):
        first_model(prepared)


def test_an_architecture_goes_all_the_way_to_answers(few: Any, tmp_path: Path) -> None:
    recipe = {"task": "text-classification", "data": few["text"], "model": {"family": "electra", "size": "tiny"},
              "training": {"steps": 2, "precision": "fp32", "compile": False}}
    run = steelyard.train(recipe, out=tmp_path, quiet=True, evidence=False)
    assert run.manifest()["model"]["type"] == "electra"
    (answer,) = steelyard.predict(run, ["you charged my card twice"])
    assert {entry["label"] for entry in answer} == set(run.manifest()["task_state"]["labels"])


def test_options_and_sizes_reach_the_configuration_by_its_own_names(few: Any) -> None:
    prepared = job(few, "text", {"family": "distilbert", "size": "tiny", "options": {"hidden_size": 64, "dropout": 0.2}})
    config = prepared.config
    assert (config.dim, config.n_layers, config.n_heads, config.hidden_dim, config.dropout) == (64, 2, 2, 512, 0.2)
    assert config.vocab_size == len(prepared.processor) and config.pad_token_id == prepared.processor.pad_token_id


def test_gradients_of_a_decoder_see_the_last_token_not_the_padding(few: Any) -> None:
    prepared = job(few, "text", {"family": "gpt2", "size": "tiny"})
    model = first_model(prepared).eval()
    store = prepared.stores["train"]
    example = {"input_ids": store.take(torch.tensor([0])).fields["input_ids"][0].numpy()}
    blank = {"input_ids": example["input_ids"].copy()}
    blank["input_ids"][1:-1] = prepared.processor.mask_token_id
    door = ModelDoor(model, prepared.family, prepared.task, prepared.processor)
    whole = door.path_gradients(example, blank, 0, 256).sum()
    ends = door.log_prob([example, blank], [0, 0])
    assert whole == pytest.approx(ends[0] - ends[1], abs=0.02 * abs(ends[0] - ends[1]) + 1e-4)  # completeness


def test_every_variant_is_a_family_with_a_small_size() -> None:
    part = catalog.load("families", "transformers", "test")
    assert {"electra", "deberta-v2", "swin", "mobilenet_v2"} <= set(part.variants())
    for name in ("electra", "swin", "mobilenet_v2", "dinov2", "clip"):
        family = part.variant(name)
        assert "small" in family.sizes and family.takes and family.options
    assert task_of(read(catalog.load("tasks", "text-classification", "test").tiny)).takes in part.variant("electra").takes
