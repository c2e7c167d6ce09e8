"""What image-classification varies in training: by the key and the example's number alone."""

import pytest
import torch

from steelyard.parts import Aim, Augment, Batch, Key
from steelyard.tasks.image_classification import ImageClassification

TASK = ImageClassification(labels=("cat", "dog", "owl"))
EVERY = Augment(flip=True, shift=2, cutout=3)


def batch(numbers):
    numbers = torch.as_tensor(numbers)
    pictures = torch.stack([torch.arange(2 * 7 * 9.0).reshape(2, 7, 9) + 1000 * float(n) for n in numbers])
    return Batch({"pixel_values": pictures, "other": numbers}, numbers % 3, len(numbers), numbers), numbers


KEY = Key(1)


def varied(numbers, how, key=KEY):
    return TASK.augment(*batch(numbers), how, key)


def test_nothing_is_done_unasked():
    before, numbers = batch([1, 2])
    after = TASK.augment(before, numbers, Augment(), Key(0))
    assert torch.equal(after.inputs["pixel_values"], before.inputs["pixel_values"]) and torch.equal(after.targets, before.targets)


@pytest.mark.parametrize("how", [Augment(flip=True), Augment(shift=2), Augment(cutout=3), EVERY])
def test_company_and_micro_batch_do_not_matter(how):
    together = varied(range(20), how, Key(1, 2, 3))
    alone = torch.cat([varied([n], how, Key(1, 2, 3, shard=n)).inputs["pixel_values"] for n in range(20)])
    assert torch.equal(together.inputs["pixel_values"], alone)
    assert together.count == 20 and torch.equal(together.inputs["other"], torch.arange(20))


@pytest.mark.parametrize("how", [Augment(shift=2), Augment(cutout=3), Augment(mixup=1.0)])
def test_every_step_draws_anew(how):
    one, same, other, seed = (varied(range(20), how, key).inputs["pixel_values"]
                              for key in (Key(1, 0, 3), Key(1, 0, 3), Key(1, 1, 20), Key(2, 0, 3)))
    assert torch.equal(one, same) and not torch.equal(one, other) and not torch.equal(one, seed)


def test_two_epochs_show_a_picture_each_way_once():
    plain = batch(range(200))[0].inputs["pixel_values"]
    sides = []
    for epoch in range(4):
        seen = varied(range(200), Augment(flip=True), Key(1, epoch, 7 * epoch)).inputs["pixel_values"]
        sides.append((seen == plain.flip(3)).flatten(1).all(dim=1))
        assert torch.equal(torch.where(sides[-1][:, None, None, None], plain.flip(3), plain), seen)
    assert torch.equal(sides[0], ~sides[1]) and torch.equal(sides[0], sides[2]) and torch.equal(sides[1], sides[3])
    assert 60 < sides[0].sum() < 140


def test_mixed_targets_are_shares_and_the_loss_takes_them():
    mixed = varied(range(30), Augment(mixup=0.5))
    plain, _ = batch(range(30))
    torch.testing.assert_close(mixed.targets.sum(dim=1), torch.ones(30))
    own = mixed.targets.gather(1, plain.targets[:, None])
    assert (own >= 0.5).all() and (own < 0.999).any()
    logits = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    outputs = type("Outputs", (), {"logits": logits})
    for aim in (Aim(), Aim(smoothing=0.1, weights=(0.5, 1.0, 1.5))):
        assert TASK.loss(outputs, mixed, aim).isfinite()
    torch.testing.assert_close(TASK.loss(outputs, mixed), -(mixed.targets * logits.log_softmax(dim=1)).sum())
    hard = Batch(plain.inputs, torch.nn.functional.one_hot(plain.targets, 3).float(), plain.count, plain.rows)
    torch.testing.assert_close(TASK.loss(outputs, hard), TASK.loss(outputs, plain))


def test_one_picture_is_mixed_with_itself():
    mixed = varied([4], Augment(mixup=0.5))
    torch.testing.assert_close(mixed.inputs["pixel_values"], batch([4])[0].inputs["pixel_values"])
    torch.testing.assert_close(mixed.targets, torch.tensor([[0.0, 1.0, 0.0]]))


def test_smaller_early_on_whoever_the_batch_mates_are():
    how = Augment(flip=True, shift=1, early_size=6)
    together = varied(range(8), how).inputs["pixel_values"]
    assert together.shape == (8, 2, 5, 6)  # of 7 x 9
    alone = torch.cat([varied([n], how).inputs["pixel_values"] for n in range(8)])
    torch.testing.assert_close(together, alone)
