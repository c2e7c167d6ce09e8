"""What is trained of a model: freezing really freezes, adapters add up to the weights that are saved, and peft reads them."""

import copy
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
)

from steelyard.engine.shaped import head, kept, merged, remark, save_adapter, shaped, sizes
from steelyard.errors import InputError
from steelyard.families.bert import Bert
from steelyard.recipe.reader import read
from steelyard.recipe.recipe import Recipe

TOKENS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 0]])


def recipe(**model: object) -> Recipe:
    return read({"task": "text-classification", "data": {"train": "builtin:messages"}, "model": {"from": "trained", **model}})


def bert() -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                                                    intermediate_size=32, max_position_embeddings=16, num_labels=3))


def distilbert() -> PreTrainedModel:
    torch.manual_seed(0)
    return DistilBertForSequenceClassification(DistilBertConfig(vocab_size=20, dim=16, n_layers=2, n_heads=2, hidden_dim=32,
                                                                max_position_embeddings=16, num_labels=3))


def modernbert() -> PreTrainedModel:
    torch.manual_seed(0)
    return ModernBertForSequenceClassification(ModernBertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=16,
        pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3, num_labels=3))


def resnet() -> PreTrainedModel:
    torch.manual_seed(0)
    return ResNetForImageClassification(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic",
                                                     num_labels=3))


def inputs(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    if model.main_input_name == "pixel_values":
        return {"pixel_values": torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))}
    return {"input_ids": TOKENS, "attention_mask": (TOKENS != 0).long()}


def trained(model: PreTrainedModel, steps: int = 3) -> PreTrainedModel:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.05, weight_decay=0.1)
    model.train()
    for _ in range(steps):
        nn.functional.cross_entropy(model(**inputs(model)).logits, torch.tensor([0, 2])).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(**inputs(model)).logits
    return found


def changed(before: dict[str, torch.Tensor], model: PreTrainedModel) -> set[str]:
    return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


def copied(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_nothing_asked_changes_nothing() -> None:
    model = bert()
    assert shaped(model, Bert(), recipe()) is model and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(("patterns", "still"), [
    (["body"], "bert."),
    (["embeddings"], "bert.embeddings."),
    (["encoder.layer.0.*"], "bert.encoder.layer.0."),
    (["encoder.layer.0"], "bert.encoder.layer.0."),
    (["bert.encoder.layer.?.attention.*"], "attention."),
])
def test_what_is_frozen_stays_to_the_byte(patterns: list[str], still: str) -> None:
    model = shaped(bert(), Bert(), recipe(freeze=patterns))
    before = copied(model)
    moved = changed(before, trained(model))
    assert moved == {name for name in before if still not in name}


def test_weights_that_the_folder_lacked_are_trained_with_the_head() -> None:
    family = Bert()
    family.fresh = ("bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.weight", "classifier.bias")
    model = shaped(bert(), family, recipe(freeze=["body"]))
    assert {name for name, p in model.named_parameters() if p.requires_grad} == set(family.fresh)


def test_batch_norm_of_frozen_layers_keeps_its_statistics() -> None:
    model = shaped(resnet(), Bert(), recipe(freeze=["body"]))
    before = copied(model)
    assert changed(before, trained(model)) == {"classifier.1.weight", "classifier.1.bias"}
    half = shaped(resnet(), Bert(), recipe(freeze=["resnet.embedder.*"]))
    before = copied(half)
    moved = changed(before, trained(half))
    assert not any(name.startswith("resnet.embedder.") for name in moved)
    assert "resnet.encoder.stages.0.layers.0.layer.0.normalization.running_mean" in moved


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PeftModel asks for it
@pytest.mark.parametrize("make", [bert, distilbert, modernbert])
def test_adapters_leave_the_weights_alone_and_merge_to_the_same_answers(make, tmp_path: Path) -> None:
    base = copied(make())
    model = shaped(make(), Bert(), recipe(lora={"rank": 2, "alpha": 8.0}))
    assert torch.equal(logits(model), logits(make())), "a fresh adapter adds nothing"
    before = copied(model)
    moved = changed(before, trained(model))
    behind = head(model)
    assert moved == {name for name in before if ".lora_" in name or name.split(".")[0] in behind}
    own = {name.replace(".base_layer.", "."): tensor for name, tensor in model.state_dict().items() if ".lora_" not in name}
    assert all(torch.equal(own[name], base[name]) for name in base if name.split(".")[0] not in behind)
    with_adapters = logits(model)
    save_adapter(model, tmp_path / "adapter")
    plain = merged(model)
    assert plain.state_dict().keys() == base.keys()
    assert not torch.equal(with_adapters, logits(make()))
    torch.testing.assert_close(logits(plain), with_adapters, rtol=0, atol=1e-5)
    plain.save_pretrained(tmp_path / "model")
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(logits(loaded), with_adapters, rtol=0, atol=1e-5)

    from peft import PeftModel

    text = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert json.loads(text)["base_model_name_or_path"] is None and str(tmp_path) not in text
    read_by_peft = PeftModel.from_pretrained(make(), tmp_path / "adapter")
    torch.testing.assert_close(logits(read_by_peft), with_adapters, rtol=0, atol=1e-5)


def test_convolutions_take_adapters_where_they_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no linear layer but its head; name others with model\.lora\.targets \(.*convolution"):
        shaped(resnet(), Bert(), recipe(lora={}))
    model = shaped(resnet(), Bert(), recipe(lora={"targets": ["convolution"], "rank": 2}))
    before = copied(model)
    moved = changed(before, trained(model))
    assert moved == {name for name in before if ".lora_" in name or name.startswith("classifier.")}, "statistics stay too"
    with_adapters = logits(model)
    torch.testing.assert_close(logits(merged(model)), with_adapters, rtol=0, atol=1e-5)


def test_targets_are_names_patterns_or_ends_of_names() -> None:
    def adapted(*targets: str) -> set[str]:
        model = shaped(bert(), Bert(), recipe(lora={"targets": list(targets)}))
        return {name.partition(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A" in name}

    every = {f"bert.encoder.layer.{n}.attention.self.{what}" for n in range(2) for what in ("query", "value")}
    assert adapted("query", "value") == every
    assert adapted("bert.encoder.layer.1.attention.self.query") == {"bert.encoder.layer.1.attention.self.query"}
    assert adapted("*layer.0*.query") == {"bert.encoder.layer.0.attention.self.query"}


def test_the_state_of_training_is_small_and_complete() -> None:
    asked = recipe(lora={"rank": 2})
    model = shaped(bert(), Bert(), asked)
    twin = copy.deepcopy(model)
    still = kept(model, asked)
    trained(model)
    state = {name: tensor.clone() for name, tensor in still.state(model).items()}
    assert sum(tensor.numel() for tensor in state.values()) < sizes(model)["trained"] + 40  # and what buffers there are
    assert kept(model, asked) == still and kept(shaped(bert(), Bert(), asked), asked) == still
    still.load(twin, state)
    assert torch.equal(logits(twin), logits(model))
    with pytest.raises(RuntimeError, match="of another model"):
        still.load(bert(), state)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[0, 0] += 1
    assert kept(model, asked).mark != still.mark


def test_all_is_state_where_all_is_trained() -> None:
    model = bert()
    assert kept(model, recipe()).state(model).keys() == model.state_dict().keys()


def test_sizes_count_the_model_without_its_adapters() -> None:
    whole = sum(p.numel() for p in bert().parameters())
    model = shaped(bert(), Bert(), recipe(lora={"rank": 2, "targets": ["query"]}))
    assert sizes(model) == {"parameters": whole, "trained": 2 * 2 * (16 + 16) + 16 * 3 + 3}


def test_it_is_shaped_without_memory_too() -> None:
    with torch.device("meta"):
        model = shaped(bert(), Bert(), recipe(lora={}, freeze=["embeddings"]))
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_the_same_seed_draws_the_same_adapters() -> None:
    one, two = (shaped(bert(), Bert(), recipe(lora={})).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("model", "sentence"), [
    ({"freeze": ["encoder.layers.0.*"]}, r'no weight of this model is called "encoder\.layers\.0\.\*"; .* encoder\.layer\.0'),
    ({"freeze": ["body", "classifier"]}, "every weight of the model is frozen"),
    ({"lora": {"targets": ["q_proj"]}}, r'model\.lora\.targets: no layer of this model is called "q_proj"; .* dense, key, query, value'),
])
def test_what_matches_nothing_is_one_sentence(model: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        shaped(bert(), Bert(), recipe(**model))


def test_a_missing_peft_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"pip install 'steelyard\[peft\]'"):
        shaped(bert(), Bert(), recipe(lora={}))


def test_from_scratch_adapters_are_remarked_upon() -> None:
    scratch = read({"task": "text-classification", "data": {"train": "builtin:messages"}, "model": {"family": "bert", "lora": {}}})
    assert "built from scratch" in str(remark(scratch))
    assert remark(recipe(lora={})) is None
