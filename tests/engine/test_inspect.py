"""Looking inside a network: shapes, parameters and arithmetic add up; what is wrong is found where it was made."""

import json
from typing import Any

import pytest
import torch
from torch import nn

from steelyard.engine import flops
from steelyard.engine.inspect import Inspection, inspect
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared
from steelyard.parts import Batch, Key

DEEP = {"hidden_sizes": [24, 24, 24, 24, 24, 24]}


def first_batch(prepared: Prepared) -> Batch:
    store = prepared.stores["train"]
    indices = prepared.plan.at(0)[1]
    return prepared.task.collate(store.take(torch.from_numpy(indices)), prepared.processor, Key(0))


def look(prepared: Prepared, model: nn.Module) -> Inspection:
    return inspect(model, flops.on_meta(prepared.family, prepared.task, prepared.config), prepared.task, first_batch(prepared))


def flagged(found: Inspection, flag: str) -> list[str]:
    return [layer.name for layer in found.layers if flag in layer.flags]


def test_the_layers_of_the_mlp(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 32}, {"hidden_sizes": [24, 12]})
    found = look(prepared, first_model(prepared))
    assert [(layer.name, layer.kind, layer.shape, layer.parameters, layer.flops) for layer in found.layers if layer.parameters] == [
        ("layers.0", "Linear", (32, 24), 64 * 24 + 24, 2 * 64 * 24), ("layers.1", "Linear", (32, 12), 24 * 12 + 12, 2 * 24 * 12),
        ("classifier", "Linear", (32, 10), 12 * 10 + 10, 2 * 12 * 10)]
    assert [layer.name for layer in found.layers] == [
        "layers.0", "layers.0.relu", "dropout", "layers.1", "layers.1.relu", "dropout #2", "classifier"]
    assert found.flops == 2 * (64 * 24 + 24 * 12 + 12 * 10) and found.examples == 32


@pytest.mark.parametrize(("task", "family"), [("image-classification", "resnet"), ("text-classification", "bert")])
def test_parameters_and_arithmetic_add_up(make: Any, task: str, family: str) -> None:
    prepared = make(task, family, {"epochs": 1, "batch_size": 32})
    model = first_model(prepared)
    found = look(prepared, model)
    assert sum(layer.parameters for layer in found.layers) == found.parameters == sum(p.numel() for p in model.parameters())
    assert sum(layer.flops for layer in found.layers) == pytest.approx(found.flops)
    assert all(layer.gradients is not None for layer in found.layers if layer.parameters and layer.shape[0] == 32)
    assert not flagged(found, "not finite") and not flagged(found, "exploding gradient")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["parameters"] == found.parameters


def test_values_and_gradients_against_a_plain_pass(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 32}, {"hidden_sizes": [16]})
    model, batch = first_model(prepared), first_batch(prepared)
    found = {layer.name: layer for layer in look(prepared, model).layers}
    weights, head = model.layers[0], model.classifier
    inner = weights(batch.inputs["pixel_values"].flatten(1))
    inner.retain_grad()
    (nn.functional.cross_entropy(head(inner.relu()), batch.targets)).backward()
    values, gradients = found["layers.0"].values, found["layers.0"].gradients
    assert values is not None and gradients is not None
    assert values.mean == pytest.approx(float(inner.detach().mean()), abs=1e-6)
    assert values.std == pytest.approx(float(inner.detach().std(correction=0)), rel=1e-5)
    assert gradients.norm == pytest.approx(float(inner.grad.norm()), rel=1e-4)
    after = found["layers.0.relu"]
    assert after.values is not None and after.values.zeros == pytest.approx(float((inner <= 0).float().mean()))


def test_nothing_is_changed(make: Any) -> None:
    prepared = make("image-classification", "resnet", {"epochs": 1, "batch_size": 32})
    model = first_model(prepared).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    look(prepared, model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not model.training and all(p.grad is None for p in model.parameters())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_dead_units_are_found(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 32}, {"hidden_sizes": [24]})
    model = first_model(prepared)
    with torch.no_grad():
        model.layers[0].bias.fill_(1.0)
        model.layers[0].bias[[3, 5, 7]] = -1e3
    layer = next(layer for layer in look(prepared, model).layers if layer.name == "layers.0.relu")
    assert (layer.dead, layer.units) == (3, 24) and layer.flags == ("dead",)


def test_dead_channels_are_found(make: Any) -> None:
    prepared = make("image-classification", "resnet", {"epochs": 1, "batch_size": 32})
    model = first_model(prepared)
    with torch.no_grad():
        model.norm.bias[2] = -1e3
    layer = next(layer for layer in look(prepared, model).layers if layer.name == "norm.relu")
    assert layer.dead == 1 and layer.units == model.norm.num_features


@pytest.mark.parametrize(("factor", "flag"), [(30.0, "exploding gradient"), (1 / 30, "vanishing gradient")])
def test_gradients_that_grow_or_shrink_are_found(make: Any, factor: float, flag: str) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 32}, DEEP)
    model = first_model(prepared)
    assert not flagged(look(prepared, model), flag)
    with torch.no_grad():
        for layer in model.layers:
            layer.weight.mul_(factor)
            layer.bias.zero_()
    assert "layers.0" in flagged(look(prepared, model), flag)


def test_a_cut_network_and_no_numbers_are_found(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 32}, {"hidden_sizes": [24, 24]})
    model = first_model(prepared)
    with torch.no_grad():
        model.layers[1].weight.zero_()
    assert "layers.0" in flagged(look(prepared, model), "no gradient")
    with torch.no_grad():
        model.layers[1].weight.fill_(float("inf"))
    found = look(prepared, model)
    assert "layers.1" in flagged(found, "not finite")
    assert json.dumps(found.to_json(), allow_nan=False)
