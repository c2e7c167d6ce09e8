"""llama: a decoder from scratch, with a tokenizer learnt from the data (Touvron et al. 2023, arXiv:2302.13971)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import LlamaConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from steelyard.errors import InputError, listing
from steelyard.families._heads import head
from steelyard.families._words import embedded
from steelyard.language import say
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

VOCABULARY = 8000  # pieces at most; a small set has fewer
LONGEST = 256  # tokens of a text, where the recipe says nothing
SIGNS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
TOKENIZERS = ("bpe", "characters")


def _size(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": heads,
            "intermediate_size": 64 * round(width * 8 / 3 / 64)}


class Llama(Family):
    """Small models that go on with a text; words before and behind share their vectors."""

    name: ClassVar[str] = "llama"
    help: ClassVar[str] = "a decoder from scratch, with pieces of words or characters learnt from the data"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = ("continuation",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": _size(128, 2, 4), "small": _size(256, 4, 4), "base": _size(768, 12, 12)}
    options: ClassVar[tuple[str, ...]] = (*_size(1, 1, 1), "attention_dropout", "tie_word_embeddings", "vocab_size", "tokenizer")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1, "batch_size": 32,
                                             "epochs": 5}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Bytes and merges of them, so that no character is unknown; or characters. Spaces and line ends are kept as they are."""
        kind = options.get("tokenizer") or TOKENIZERS[0]
        if kind not in TOKENIZERS:
            raise InputError(say("model.options.tokenizer: got {got}, want one of {names}", got=str(kind), names=listing(TOKENIZERS)))
        made = _pieces(task, rows, int(options.get("vocab_size") or VOCABULARY)) if kind == "bpe" else _characters(task, rows)
        return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=int(options.get("max_length") or LONGEST),
                                       model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False, **SIGNS)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many places as the tokenizer's longest text, as many words as it knows."""
        config = LlamaConfig(max_position_embeddings=processor.model_max_length, tie_word_embeddings=True)
        own = {name: value for name, value in options.items() if name != "tokenizer"}
        config.update({**own, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id, "eos_token_id": processor.eos_token_id,
                       "bos_token_id": processor.bos_token_id})
        config.head_dim = config.hidden_size // config.num_attention_heads
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        model: PreTrainedModel = head(task.takes, task.output, config).from_config(config)
        return model

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the tokens' place."""
        return embedded(model, inputs)


def _pieces(task: Task, rows: Rows, size: int) -> Any:
    """A byte-level BPE; the same for the same texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token=SIGNS["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False, special_tokens=list(SIGNS.values()),
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    made.train_from_iterator(task.texts(rows), trainer)
    return made


def _characters(task: Task, rows: Rows) -> Any:
    """A token a character that training has; another is unknown."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted({letter for text in task.texts(rows) for letter in set(text)})
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*SIGNS.values(), *letters])}, unk_token=SIGNS["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    return made


PART = Llama
