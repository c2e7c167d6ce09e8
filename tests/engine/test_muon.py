"""One step against literal references; convolutions in any layout; a resume goes on to the same weights."""

import copy

import pytest
import torch
from torch import nn

from steelyard.engine import optim
from steelyard.engine.muon import Muon, hidden, orthogonal

SETTINGS = {"lr": 0.02, "weight_decay": 0.3, "momentum": 0.9}


class Net(nn.Module):
    """Something of each kind."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 6)
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.wide = nn.Conv2d(6, 6, 3, padding=1)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6)
        self.tied = nn.Linear(6, 7, bias=False)
        self.tied.weight = self.words.weight

    def forward(self, pictures, words):
        values = self.norm(self.depthwise(self.wide(self.conv(pictures).relu()))).amax(dim=(2, 3)) + self.words(words)
        return self.tied(self.two(self.one(values).relu()))


def net():
    torch.manual_seed(0)
    return Net()


def backward(model, seed):
    generator = torch.Generator().manual_seed(seed)
    pictures, words = torch.randn(8, 1, 5, 4, generator=generator), torch.randint(7, (8,), generator=generator)
    model.zero_grad()
    nn.functional.cross_entropy(model(pictures, words), words).backward()


def trained(model, optimiser, steps, first=0):
    for step in range(first, first + steps):
        backward(model, step)
        optimiser.step()
    return model


def literal(parameter, gradients, lr, weight_decay, momentum):
    """Muon on one matrix, a product at a time, in float64: the blog post's lines and Liu et al.'s scale."""
    value, buffer = parameter.double(), torch.zeros_like(parameter, dtype=torch.float64)
    for gradient in gradients:
        buffer = momentum * buffer + (1 - momentum) * gradient.double()
        update = momentum * buffer + (1 - momentum) * gradient.double()
        turned = update.T if len(update) > update.shape[1] else update
        x = turned / turned.norm()
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
        x = x.T if len(update) > update.shape[1] else x
        value = (1 - lr * weight_decay) * value - lr * 0.2 * max(value.shape) ** 0.5 * x
    return value


def test_what_is_hidden():
    assert hidden(net()) == {"conv.weight", "wide.weight", "one.weight", "two.weight"}


def test_a_head_is_not_hidden():
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    names = hidden(BertForSequenceClassification(config))
    assert "bert.encoder.layer.0.attention.self.query.weight" in names and "bert.pooler.dense.weight" in names
    assert not any("embeddings" in name or "classifier" in name or "LayerNorm" in name for name in names)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_steps_are_the_literal_ones(layout):
    model = net().to(memory_format=layout)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = Muon(model, **SETTINGS, dtype=torch.float64)
    gradients = []
    for seed in range(3):
        backward(model, seed)
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
        optimiser.step()
    for name in hidden(model):
        flat = [own[name].flatten(1) for own in gradients]
        expected = literal(before[name].flatten(1), flat, **SETTINGS).view(before[name].shape)
        torch.testing.assert_close(dict(model.named_parameters())[name].double(), expected, rtol=0, atol=1e-5)


def test_matrices_go_as_torchs_muon_has_them():
    theirs, ours = net(), net()
    names = [name for name in hidden(theirs) if dict(theirs.named_parameters())[name].dim() == 2]
    reference = torch.optim.Muon([dict(theirs.named_parameters())[name] for name in names], **SETTINGS, adjust_lr_fn="match_rms_adamw")
    optimiser = Muon(ours, **SETTINGS)
    backward(theirs, 1)
    backward(ours, 1)
    reference.step()
    optimiser.step()
    for name in names:
        torch.testing.assert_close(dict(ours.named_parameters())[name], dict(theirs.named_parameters())[name], rtol=0, atol=2e-4)


def test_the_rest_goes_by_adamw():
    theirs, ours = net(), net()
    chosen = hidden(theirs)
    rest = [(name, p) for name, p in theirs.named_parameters() if name not in chosen]
    reference = torch.optim.AdamW([{"params": [p for _, p in rest if p.dim() >= 2], "weight_decay": 0.3},
                                   {"params": [p for _, p in rest if p.dim() < 2], "weight_decay": 0.0}], lr=0.02)
    optimiser = Muon(ours, **SETTINGS)
    backward(theirs, 1)
    backward(ours, 1)
    reference.step()
    optimiser.step()
    for name, parameter in rest:
        torch.testing.assert_close(dict(ours.named_parameters())[name], parameter, rtol=0, atol=1e-6)


def test_one_rate_for_all_and_frozen_stay():
    model = net()
    model.one.weight.requires_grad_(False)
    optimiser = Muon(model, **SETTINGS)
    optim.set_rate(optimiser, 0.0)
    after = trained(copy.deepcopy(model), optimiser, 0)
    backward(model, 0)
    optimiser.step()
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), after.parameters(), strict=True))
    optim.set_rate(optimiser, 0.1)
    optimiser.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, dict(after.named_parameters())[name])}
    assert moved == {name for name, _ in model.named_parameters()} - {"one.weight"}
    optimiser.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    optimiser.step()  # no gradient anywhere: nothing to do


def test_a_resume_goes_on_to_the_same_weights():
    whole = net()
    trained(whole, Muon(whole, **SETTINGS), 5)
    first = net()
    optimiser = Muon(first, **SETTINGS)
    trained(first, optimiser, 3)
    kept = {name: tensor.clone() for name, tensor in optim.state_tensors(first, optimiser).items()}
    assert {"one.weight/momentum_buffer", "conv.weight/momentum_buffer", "norm.bias/exp_avg", "words.weight/step"} <= set(kept)
    again = copy.deepcopy(first)
    later = Muon(again, **SETTINGS)
    optim.load_state(again, later, kept)
    trained(again, later, 2, first=3)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("shape", [(1, 4, 9), (3, 9, 4), (2, 5, 5), (1, 1, 3), (1, 3, 1)])
def test_orthogonal(shape):
    torch.manual_seed(0)
    matrices = torch.randn(shape, dtype=torch.float64)
    near = orthogonal(matrices)
    values = torch.linalg.svdvals(near)
    assert values.min() > 0.6 and values.max() < 1.25
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.mT @ near @ right.mT  # in the matrix's own directions: its singular values, and nothing beside them
    torch.testing.assert_close(turned, torch.diag_embed(turned.diagonal(dim1=1, dim2=2)), rtol=0, atol=1e-9)


def test_orthogonal_of_nothing():
    assert torch.equal(orthogonal(torch.zeros(1, 2, 3)), torch.zeros(1, 2, 3))
    both = torch.stack([torch.eye(3), 1e6 * torch.eye(3)])
    torch.testing.assert_close(*orthogonal(both))


def test_a_net_without_hidden_matrices():
    model = nn.Sequential(nn.Embedding(3, 2))
    optimiser = Muon(model, **SETTINGS)
    model(torch.tensor([1])).sum().backward()
    optimiser.step()
    assert optimiser.state[model[0].weight]["step"] == 1
