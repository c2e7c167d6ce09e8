"""bart: an encoder with a decoder from scratch, and byte-level BPE learnt from the data (Lewis et al. 2020, arXiv:1910.13461)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import BartConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from steelyard.families._heads import head
from steelyard.families._words import embedded
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

VOCABULARY = 8000  # pieces at most, of both languages together; a small set has fewer
LONGEST = 128  # tokens of a text, where the recipe says nothing
SIGNS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


def _size(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {"d_model": width, "encoder_layers": layers, "decoder_layers": layers, "encoder_attention_heads": heads,
            "decoder_attention_heads": heads, "encoder_ffn_dim": 4 * width, "decoder_ffn_dim": 4 * width}


class Bart(Family):
    """Small models that turn one text into another; both are divided by one vocabulary."""

    name: ClassVar[str] = "bart"
    help: ClassVar[str] = "an encoder with a decoder from scratch, one vocabulary learnt from both texts"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = ("sequence",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": _size(128, 2, 4), "small": _size(256, 3, 4), "base": _size(768, 6, 12)}
    options: ClassVar[tuple[str, ...]] = (*_size(1, 1, 1), "dropout", "attention_dropout", "activation_dropout", "activation_function",
                                          "vocab_size")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 7e-4, "weight_decay": 0.01, "batch_size": 32,
                                             "epochs": 10}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Bytes, so that no character is unknown, and merges of them; the same for the same texts."""
        from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

        tokenizer = Tokenizer(models.BPE(unk_token=SIGNS["unk_token"]))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=int(options.get("vocab_size") or VOCABULARY), min_frequency=2, show_progress=False,
                                      special_tokens=list(SIGNS.values()), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
        tokenizer.train_from_iterator(task.texts(rows), trainer)
        end = tokenizer.token_to_id(SIGNS["eos_token"])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
                                                        processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", end)])])
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=int(options.get("max_length") or LONGEST),
                                       model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False, **SIGNS)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many places as the tokenizer's longest text, as many words as it knows; writing begins with the sign that ends."""
        end = processor.eos_token_id
        config = BartConfig(max_position_embeddings=processor.model_max_length, decoder_start_token_id=end, forced_eos_token_id=None)
        config.update({**options, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id, "eos_token_id": end,
                       "bos_token_id": processor.bos_token_id})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        model: PreTrainedModel = head(task.takes, task.output, config).from_config(config)
        return model

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the source's place."""
        return embedded(model, inputs)


PART = Bart
