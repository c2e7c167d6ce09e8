"""Encoder-decoders of Transformers, saved by plain Transformers: answers are those of `generate`, explanations see what the model sees."""

import pytest
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    BartConfig,
    BartForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    T5Config,
    T5ForConditionalGeneration,
)

from steelyard.engine.prepare import prepare
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.recipe.reader import read
from steelyard.tasks._drawn import Drawn
from steelyard.tasks.translation import Translation

ROWS = [{"source": "the old cat sees the red dog .", "target": "mivo veka kanu rubo aspek ."}, {"source": "the dog .", "target": "kanu ."}]
SMALL = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
         "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 128, "forced_eos_token_id": None, "init_std": 0.5}


def built(kind, size, tokens):
    """Random weights, large enough that answers differ."""
    signs = {"vocab_size": size, "pad_token_id": tokens.pad_token_id, "eos_token_id": tokens.eos_token_id}
    if kind == "t5":
        return T5ForConditionalGeneration(T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, initializer_factor=3.0,
                                                   decoder_start_token_id=tokens.pad_token_id, **signs))
    if kind == "marian":
        return MarianMTModel(MarianConfig(decoder_start_token_id=tokens.pad_token_id, scale_embedding=True, **SMALL, **signs))
    return BartForConditionalGeneration(BartConfig(decoder_start_token_id=tokens.eos_token_id, scale_embedding=True, **SMALL, **signs,
                                                   bos_token_id=tokens.bos_token_id))


@pytest.fixture(scope="module", params=["t5", "marian", "bart"])
def opened(request, tmp_path_factory):
    """(prepared, model) from a folder of plain Transformers."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "phrases-cache"))
        tokens = prepare(read(Translation.tiny)).processor
        torch.manual_seed(5)
        built(request.param, len(tokens), tokens).save_pretrained(folder)
        tokens.save_pretrained(folder)
        prepared = prepare(read({**Translation.tiny, "model": {"from": str(folder)}, "training": {"epochs": 1}}))
    return prepared, AutoModelForSeq2SeqLM.from_pretrained(folder).eval()


def batch_of(prepared, rows):
    return prepared.task.collate(stack([own[0] for own in prepared.task.encode(rows, prepared.processor)]), prepared.processor, None)


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_together_are_those_of_generate_one_by_one(opened, beams):
    prepared, model = opened
    model.config.decoding = {"num_beams": beams, "max_new_tokens": 10}
    with torch.inference_mode():
        ours = prepared.task.respond(model, batch_of(prepared, ROWS))
        for row, said in zip(ROWS, ours, strict=True):
            ids = prepared.processor(row["source"], return_tensors="pt")
            theirs = model.generate(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], num_beams=beams, max_new_tokens=10,
                                    do_sample=False)
            assert said == prepared.processor.decode(theirs[0], skip_special_tokens=True).strip()
    assert any(ours)


def test_loss_is_that_of_the_model_itself(opened):
    prepared, model = opened
    batch = batch_of(prepared, ROWS[:1])
    labels = batch.targets.masked_fill(batch.targets < 0, -100)
    with torch.inference_mode():
        theirs = model(input_ids=batch.inputs["input_ids"], attention_mask=batch.inputs["attention_mask"], labels=labels).loss
        ours = prepared.task.loss(model(**batch.inputs), batch) / batch.count
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_embeddings_in_the_tokens_place_give_the_same(opened):
    prepared, model = opened
    batch = batch_of(prepared, ROWS[:1])
    with torch.inference_mode():
        inputs, name = prepared.family.embed(model, batch.inputs)
        assert name == "inputs_embeds"
        torch.testing.assert_close(model(**inputs).logits, model(**batch.inputs).logits, atol=1e-4, rtol=1e-4)


def test_what_is_drawn_hangs_on_the_text_and_the_seed_alone(opened):
    prepared, model = opened

    def said(rows, **told):
        model.config.decoding = {"max_new_tokens": 10, **told}
        with torch.inference_mode():
            return prepared.task.respond(model, batch_of(prepared, rows))

    together, backward = said(ROWS, temperature=2.0), said(ROWS[::-1], temperature=2.0)
    assert together == backward[::-1] == [*said(ROWS[:1], temperature=2.0), *said(ROWS[1:], temperature=2.0)]
    assert together != said(ROWS, temperature=2.0, seed=1)
    assert said(ROWS, top_k=1, seed=3) == said(ROWS) == said(ROWS, seed=9)


def test_draws_are_as_frequent_as_the_softmax_has_them():
    many = 4000
    scores = torch.tensor([0.0, 1.0, -1.0, float("-inf")]).expand(many, 4)
    drawn = Drawn([[number] for number in range(many)], seed=2)(torch.zeros((many, 3)), scores).argmax(dim=1)
    for token, share in enumerate(scores[0].softmax(dim=0).tolist()):
        assert float((drawn == token).double().mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / many) ** 0.5 + 1e-12)


def test_a_beam_search_that_draws_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"decoding\.temperature: a beam search \(num_beams: 2\) draws nothing"):
        prepare(read({**Translation.tiny, "decoding": {"num_beams": 2, "temperature": 0.5}}))
