"""bert: a BERT encoder from scratch, with a WordPiece tokenizer trained on the data (Devlin et al. 2019, arXiv:1810.04805)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import AutoModelForSequenceClassification, BertConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

VOCABULARY = 8000  # subwords at most; a small set has fewer
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
MODELS = {"classes": AutoModelForSequenceClassification}


class Bert(Family):
    """Small encoders for sets that bring their own words."""

    name: ClassVar[str] = "bert"
    help: ClassVar[str] = "a BERT encoder from scratch, with a tokenizer trained on the data"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = tuple(MODELS)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512},
        "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
        "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
        "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
                                          "hidden_dropout_prob", "attention_probs_dropout_prob", "vocab_size")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 5e-4, "weight_decay": 0.01, "batch_size": 32,
                                             "epochs": 5}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """A tokenizer in lower case, Chinese by characters, trained on the rows' texts; the same for the same texts."""
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

        vocabulary = _vocabulary(task, rows, int(options.get("vocab_size") or VOCABULARY))
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=SPECIAL["unk_token"]))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=int(options.get("max_length") or 256), **SPECIAL)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many places as the tokenizer's longest text, as many words as it knows."""
        config = BertConfig(max_position_embeddings=processor.model_max_length)
        config.update({**options, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return MODELS[task.output].from_config(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the tokens' place."""
        words = model.get_input_embeddings()(inputs["input_ids"])
        return {**{k: v for k, v in inputs.items() if k != "input_ids"}, "inputs_embeds": words}, "inputs_embeds"


def _vocabulary(task: Task, rows: Rows, size: int) -> dict[str, int]:
    """Subword -> number. Raises InputError where the texts hold nothing to learn from.

    The trainer numbers the single characters within words in the order of a hash map, which differs from run to run and
    decides ties between merges. So they are given to it, in their own order, as if they were special.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk_token"]))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters: set[str] = set()
    for text in task.texts(rows):
        letters.update(text)
    known = trained.normalizer.normalize_str("".join(sorted(letters)))
    inside = sorted({letter for letter in known if letter.isalnum() and not _chinese(letter)})
    given = [*SPECIAL.values(), *(f"##{letter}" for letter in inside)]
    trainer = trainers.WordPieceTrainer(vocab_size=max(size, len(given) + 1), min_frequency=2, special_tokens=given, show_progress=False)
    trained.train_from_iterator(task.texts(rows), trainer)
    found: dict[str, int] = trained.get_vocab(with_added_tokens=False)
    if len(found) <= len(given):
        raise InputError(say("the training texts hold no letter or digit that occurs twice: no tokenizer can be trained on them"))
    return found


def _chinese(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff"


PART = Bert
