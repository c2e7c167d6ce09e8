"""word-mean: the mean of the words' vectors, and one linear layer: as small as a text model can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from steelyard.families.bert import Bert
from steelyard.parts import Processor, Task


class WordMeanConfig(PreTrainedConfig):
    """hidden_size: the width of a word's vector."""

    model_type = "word-mean"

    vocab_size: int = 8000
    hidden_size: int = 64
    pad_token_id: int | None = 0


class WordMeanForSequenceClassification(PreTrainedModel):
    """Joulin et al. 2017, arXiv:1607.01759, without its pairs of words."""

    config_class = WordMeanConfig
    base_model_prefix = "words"

    def __init__(self, config: WordMeanConfig) -> None:
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The words' vectors."""
        return self.words

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            module.weight.normal_(std=0.1)
        elif isinstance(module, nn.Linear):
            module.reset_parameters()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, inputs_embeds: Tensor | None = None,
                output_hidden_states: bool = False) -> SequenceClassifierOutput:
        """input_ids (batch, tokens), or their vectors -> logits (batch, labels); hidden_states: the words' vectors."""
        vectors = self.words(input_ids) if inputs_embeds is None else inputs_embeds
        weights = torch.ones_like(vectors[..., :1]) if attention_mask is None else attention_mask[..., None].to(vectors)
        mean = (vectors * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
        return SequenceClassifierOutput(logits=self.classifier(mean), hidden_states=(vectors,) if output_hidden_states else None)


class WordMean(Bert):
    """bert's tokenizer, and none of its layers."""

    name: ClassVar[str] = "word-mean"
    help: ClassVar[str] = "the mean of the words' vectors, and one linear layer"
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {"hidden_size": 64}, "base": {"hidden_size": 256}}
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "vocab_size")
    training: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-2, "weight_decay": 0.0, "batch_size": 32, "epochs": 5}

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many words as the tokenizer knows."""
        config = WordMeanConfig()
        config.update({**options, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return WordMeanForSequenceClassification(config)


AutoConfig.register(WordMeanConfig.model_type, WordMeanConfig)
AutoModelForSequenceClassification.register(WordMeanConfig, WordMeanForSequenceClassification)

PART = WordMean
