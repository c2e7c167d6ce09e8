import pytest
import torch
from torch.nn import functional

from steelyard.families.airbench import FLOOR, Airbench, AirbenchConfig, AirbenchForImageClassification
from steelyard.parts import Batch


def model_of(**options):
    torch.manual_seed(0)
    return AirbenchForImageClassification(AirbenchConfig(num_labels=4, widths=[8, 12, 12], **options))


def pictures(n=6, channels=3, height=12, width=10):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, channels, height, width, generator=generator).cumsum(dim=3)  # neighbours are alike, as in pictures


def primed(model, values):
    Airbench().prime(model, lambda number: Batch({"pixel_values": values[:number]}, None, len(values), torch.arange(len(values))))
    return model


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_layer_whitens(channels):
    values = pictures(64, channels)
    model = primed(model_of(num_channels=channels), values)
    seen = functional.conv2d(values, model.whiten.weight).transpose(0, 1).flatten(1).double()
    half = len(seen) // 2
    torch.testing.assert_close(seen[:half], -seen[half:])
    patches = functional.unfold(values, 2).transpose(1, 2).flatten(0, 1).double()
    variances = torch.linalg.eigvalsh(patches.T @ patches / len(patches)).flip(0)
    torch.testing.assert_close(seen[:half] @ seen[:half].T / seen.shape[1], torch.diag(variances / (variances + FLOOR)), rtol=0, atol=1e-4)


def test_pictures_of_one_colour_whiten_too():
    model = primed(model_of(), torch.ones(4, 3, 6, 6))
    assert model.whiten.weight.isfinite().all()
    assert not model.whiten.weight.requires_grad


def test_the_mirror_belongs_to_the_model_outside_training():
    values = pictures()
    plain, mirrored = model_of().eval(), model_of(mirror=True).eval()
    both = (plain(values).logits + plain(values.flip(3)).logits) / 2
    torch.testing.assert_close(mirrored(values).logits, both)
    torch.testing.assert_close(mirrored(values.flip(3)).logits, mirrored(values).logits)
    torch.testing.assert_close(mirrored.train()(values).logits, plain.train()(values).logits)


@pytest.mark.parametrize("side", [(2, 2), (3, 9), (8, 8), (28, 28), (32, 32)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_small_pictures_of_any_shape(side, depth):
    model = model_of(depth=depth).eval()
    outputs = model(pictures(2, 3, *side), output_hidden_states=True)
    assert outputs.logits.shape == (2, 4) and outputs.logits.isfinite().all()
    assert [state.shape[1] for state in outputs.hidden_states] == [8, 12, 12]


def test_larger_pictures_are_shrunk():
    model, values = model_of(shrink=2).eval(), pictures(2, 3, 16, 16)
    small = functional.avg_pool2d(values, 2)
    torch.testing.assert_close(model(values).logits, model_of().eval()(small).logits)
    torch.testing.assert_close(primed(model, values).whiten.weight, primed(model_of(), small).whiten.weight)


def test_a_new_convolution_hands_on_what_it_sees():
    convolution = model_of().stages[1].convs[0]
    values = pictures(1, 8)
    torch.testing.assert_close(functional.conv2d(values, convolution.weight, padding=1)[:, :8], values)


def test_norms_shift_but_do_not_scale():
    model = model_of().train()
    model(pictures()).logits.square().sum().backward()
    norm = model.stages[0].norms[0]
    assert norm.weight.grad is None and norm.bias.grad is not None and (norm.weight == 1).all()
