"""mlp: the plain network of the textbooks: pixels, hidden layers with ReLU, one output a label."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from steelyard.families._pictures import picture_processor
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows


class MlpConfig(PreTrainedConfig):
    """hidden_sizes: the width of each hidden layer; a picture has num_channels * image_height * image_width inputs."""

    model_type = "steelyard-mlp"

    num_channels: int = 1
    image_height: int = 28
    image_width: int = 28
    hidden_sizes: list[int] | tuple[int, ...] = (128,)
    dropout: float = 0.0


class MlpForImageClassification(PreTrainedModel):
    """Linear, ReLU, ..., Linear."""

    config_class = MlpConfig
    base_model_prefix = "layers"
    main_input_name = "pixel_values"

    def __init__(self, config: MlpConfig) -> None:
        super().__init__(config)
        widths = [config.num_channels * config.image_height * config.image_width, *config.hidden_sizes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(widths[-1], config.num_labels)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            module.reset_parameters()  # PyTorch's own, which the textbooks use

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False) -> ImageClassifierOutputWithNoAttention:
        """pixel_values (batch, channels, height, width) -> logits (batch, labels); hidden_states: after each layer."""
        values = pixel_values.flatten(1)
        states: tuple[Tensor, ...] = ()
        for layer in self.layers:
            values = self.dropout(layer(values).relu())
            states = (*states, values)
        return ImageClassifierOutputWithNoAttention(logits=self.classifier(values),
                                                    hidden_states=states if output_hidden_states else None)


class Mlp(Family):
    """The textbook's network."""

    name: ClassVar[str] = "mlp"
    help: ClassVar[str] = "the plain network of the textbooks, 784-128-10 on MNIST"
    takes: ClassVar[tuple[str, ...]] = ("image",)
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_sizes": [32]},
        "small": {"hidden_sizes": [128]},
        "base": {"hidden_sizes": [512, 512]},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_sizes", "dropout")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01, "batch_size": 64,
                                             "epochs": 10}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Size, mean and spread of the rows' pictures."""
        return picture_processor(rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As wide as the processor's pictures."""
        config = MlpConfig(num_channels=len(processor.image_mean), image_height=processor.size["height"],
                           image_width=processor.size["width"])
        config.update(dict(options))
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return MlpForImageClassification(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The pixels are real-valued as they are."""
        return dict(inputs), "pixel_values"


AutoConfig.register(MlpConfig.model_type, MlpConfig)
AutoModelForImageClassification.register(MlpConfig, MlpForImageClassification)

PART = Mlp
