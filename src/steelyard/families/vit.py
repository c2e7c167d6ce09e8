"""vit: a Vision Transformer from scratch (Dosovitskiy et al. 2021, arXiv:2010.11929)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from transformers import AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel, ViTConfig

from steelyard.families._patches import patch_size, patched_processor, sides
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows


class Vit(Family):
    """Learns slowly from few pictures: it has to find out that neighbouring pixels belong together."""

    name: ClassVar[str] = "vit"
    help: ClassVar[str] = "a Vision Transformer from scratch: wants more pictures than a convolutional network"
    takes: ClassVar[tuple[str, ...]] = ("image",)
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 384},
        "small": {"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 6, "intermediate_size": 768},
        "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
        "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
                                          "hidden_dropout_prob", "attention_probs_dropout_prob", "patch_size")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "batch_size": 64,
                                             "epochs": 20}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Size, mean and spread of the rows' pictures; sides that the patch divides."""
        return patched_processor(rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """Patches such that some 8 lie along a side, at most 16 pixels wide. Raises InputError."""
        config = ViTConfig(**{**options, "num_channels": len(processor.image_mean), "image_size": sides(processor),
                              "patch_size": patch_size(processor, options)})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return AutoModelForImageClassification.from_config(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The pixels are real-valued as they are."""
        return dict(inputs), "pixel_values"


PART = Vit
