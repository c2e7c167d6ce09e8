"""modernbert: a ModernBERT encoder from scratch, with a tokenizer trained on the data (Warner et al. 2024, arXiv:2412.13663)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import ModernBertConfig, PreTrainedConfig, PreTrainedModel

from steelyard.families._heads import head
from steelyard.families._tokenizer import wordpiece
from steelyard.families._words import embedded
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

# Dropout, which the authors leave out over two trillion tokens, for sets that are seen several times; and the mean of all
# tokens: from scratch, the first one alone has yet to learn to gather them.
SMALL_SETS = {"embedding_dropout": 0.1, "attention_dropout": 0.1, "mlp_dropout": 0.1, "classifier_dropout": 0.1,
              "classifier_pooling": "mean"}


class ModernBert(Family):
    """Rotary positions, gated layers, attention that alternates between near and far: longer texts at less cost."""

    name: ClassVar[str] = "modernbert"
    help: ClassVar[str] = "a ModernBERT encoder from scratch, with a tokenizer trained on the data: for longer texts"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = ("classes", "token-classes", "spans", "masked")
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256},
        "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512},
        "base": {"hidden_size": 768, "num_hidden_layers": 22, "num_attention_heads": 12, "intermediate_size": 1152},
        "large": {"hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "intermediate_size": 2624},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                                          "hidden_activation", "local_attention", "global_attn_every_n_layers", "vocab_size", *SMALL_SETS)
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 5e-4, "weight_decay": 0.01, "batch_size": 32,
                                             "epochs": 5}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """A tokenizer in lower case, Chinese by characters, trained on the rows' texts; the same for the same texts."""
        return wordpiece(task, rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many words as the tokenizer knows, places for its longest text."""
        first, last = processor.cls_token_id, processor.sep_token_id
        config = ModernBertConfig(**{
            **SMALL_SETS, **options, "vocab_size": len(processor), "max_position_embeddings": processor.model_max_length,
            "pad_token_id": processor.pad_token_id, "bos_token_id": first, "cls_token_id": first, "eos_token_id": last,
            "sep_token_id": last})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        model: PreTrainedModel = head(task.takes, task.output, config).from_config(config)
        return model

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the tokens' place."""
        return embedded(model, inputs)


PART = ModernBert
