"""What every family must hold: it builds, learns, is saved as a Hugging Face folder, and loads in plain Transformers."""

import json

import pytest
import torch
from transformers import AutoConfig

from steelyard import catalog
from steelyard.engine.prepare import prepare
from steelyard.families._heads import head
from steelyard.parts import Family
from steelyard.recipe.reader import read
from steelyard.recipe.training import Training


def said(outputs):
    """What a model says: logits, of labels or of where a span starts and ends; boxes."""
    return {name: value for name, value in outputs.items() if "logits" in name or name == "pred_boxes"}


@pytest.fixture(params=catalog.names("families"))
def part(request):
    return catalog.load("families", request.param, "test")


def test_it_says_what_it_is(part):
    assert issubclass(part, Family) and part.help and part.takes and part.gives
    assert "small" in part.sizes
    assert Training(**part.training).epochs or Training(**part.training).steps


def test_same_seed_same_weights(pair):
    def built():
        torch.manual_seed(7)
        return pair.family.build(pair.task, pair.prepared.config).state_dict()

    one, two = built(), built()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_it_builds_without_memory(pair):
    with torch.device("meta"):
        model = pair.family.build(pair.task, pair.prepared.config)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in pair.model.parameters())


def test_every_parameter_learns(pair):
    model = pair.family.build(pair.task, pair.prepared.config).train()
    batch = pair.batch(pair.examples)
    pair.task.loss(model(**batch.inputs), batch).backward()
    still = [name for name, parameter in model.named_parameters()
             if parameter.requires_grad and (parameter.grad is None or not parameter.grad.isfinite().all())]
    assert still == []


def test_a_step_makes_the_loss_smaller(pair):
    torch.manual_seed(1)
    model = pair.family.build(pair.task, pair.prepared.config).eval()
    batch = pair.batch(pair.examples)
    before = pair.task.loss(model(**batch.inputs), batch)
    before.backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 / norm * parameter.grad
    assert pair.task.loss(model(**batch.inputs), batch) < before


def test_it_loads_in_plain_transformers(pair, saved):
    folder = saved(pair)
    names = {path.name for path in folder.iterdir()}
    assert "model.safetensors" in names and not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    config = json.loads((folder / "config.json").read_text())
    assert "LABEL_0" not in config.get("id2label", {}).values()
    loaded = head(pair.task.takes, pair.task.output, pair.prepared.config).from_pretrained(folder).eval()
    batch = pair.batch(pair.examples)
    with torch.inference_mode():
        ours, theirs = pair.model(**batch.inputs), loaded(**batch.inputs)
    torch.testing.assert_close(said(ours), said(theirs), rtol=0, atol=0)
    assert pair.task.adopt(AutoConfig.from_pretrained(folder)) == pair.task


def test_hub_judges_what_was_saved(pair, saved):
    recipe = {**pair.task.tiny, "model": {"from": str(saved(pair))}, "training": "none"}
    data = pair.task.tiny["data"]
    recipe["data"] = {"test": data["train"], "columns": data.get("columns", {})}
    prepared = prepare(read(recipe))
    assert prepared.task == pair.task
    model = prepared.family.start(prepared.task, prepared.config).eval()
    batch = pair.batch(pair.examples)
    with torch.inference_mode():
        torch.testing.assert_close(said(model(**batch.inputs)), said(pair.model(**batch.inputs)), rtol=0, atol=0)


def test_embedded_inputs_give_the_same_output(pair):
    batch = pair.batch(pair.examples)
    inputs, name = pair.family.embed(pair.model, batch.inputs)
    assert inputs[name].is_floating_point() and len(inputs[name]) == len(pair.examples)
    with torch.inference_mode():
        embedded, whole = said(pair.model(**inputs)), said(pair.model(**batch.inputs))
    if "attention_mask" in batch.inputs and pair.task.takes == "text":  # padding that all share is cut off: no position there is compared
        longest, width = int(batch.inputs["attention_mask"].sum(dim=1).max()), batch.inputs["attention_mask"].shape[1]
        whole = {name: value[:, :longest] if value.dim() > 1 and value.shape[1] == width != embedded[name].shape[1]
                 else value for name, value in whole.items()}
    torch.testing.assert_close(embedded, whole, rtol=0, atol=1e-5)
