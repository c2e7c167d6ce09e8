"""bert: a BERT encoder from scratch, with a WordPiece tokenizer trained on the data (Devlin et al. 2019, arXiv:1810.04805)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import BertConfig, PreTrainedConfig, PreTrainedModel

from steelyard.families._heads import head
from steelyard.families._tokenizer import wordpiece
from steelyard.families._words import embedded
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows


class Bert(Family):
    """Small encoders for sets that bring their own words."""

    name: ClassVar[str] = "bert"
    help: ClassVar[str] = "a BERT encoder from scratch, with a tokenizer trained on the data"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = ("classes", "token-classes", "spans", "masked")
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
        return wordpiece(task, rows, options, typed=True)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many places as the tokenizer's longest text, as many words as it knows."""
        config = BertConfig(max_position_embeddings=processor.model_max_length)
        config.update({**options, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        model: PreTrainedModel = head(task.takes, task.output, config).from_config(config)
        return model

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the tokens' place."""
        return embedded(model, inputs)


PART = Bert
