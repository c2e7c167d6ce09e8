"""resnet: a residual network for small pictures, from scratch (He et al. 2016, arXiv:1512.03385, section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from steelyard.families._pictures import picture_processor
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows


class SmallResNetConfig(PreTrainedConfig):
    """widths and depths: channels and residual blocks of each stage; every stage but the first halves the picture.

    stem_stride: 1 for pictures up to 64 pixels, 2 or 4 above.
    """

    model_type = "steelyard-resnet"

    num_channels: int = 3
    widths: list[int] | tuple[int, ...] = (32, 64, 128)
    depths: list[int] | tuple[int, ...] = (1, 1, 1)
    stem_stride: int = 1


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to their input."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        same = stride == 1 and before == width
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, width, 1, stride, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, before, height, width) -> (batch, width, height / stride, width / stride)."""
        inner = functional.relu(self.norm1(self.conv1(values)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(values))


class SmallResNetForImageClassification(PreTrainedModel):
    """Stem, stages of blocks, the mean over all places, Linear."""

    config_class = SmallResNetConfig
    base_model_prefix = "stages"
    main_input_name = "pixel_values"

    def __init__(self, config: SmallResNetConfig) -> None:
        super().__init__(config)
        self.stem = nn.Conv2d(config.num_channels, config.widths[0], 3, config.stem_stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(config.widths[0])
        self.stages = nn.ModuleList()
        before = config.widths[0]
        for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            strides = [1 if stage == 0 else 2] + [1] * (depth - 1)
            self.stages.append(nn.Sequential(*(Block(before if i == 0 else width, width, stride) for i, stride in enumerate(strides))))
            before = width
        self.classifier = nn.Linear(before, config.num_labels)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d | nn.Linear):
            module.reset_parameters()

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False) -> ImageClassifierOutputWithNoAttention:
        """pixel_values (batch, channels, height, width) -> logits (batch, labels); hidden_states: after each stage."""
        values = functional.relu(self.norm(self.stem(pixel_values)))
        states: tuple[Tensor, ...] = ()
        for stage in self.stages:
            values = stage(values)
            states = (*states, values)
        return ImageClassifierOutputWithNoAttention(logits=self.classifier(values.mean(dim=(2, 3))),
                                                    hidden_states=states if output_hidden_states else None)


class SmallResNet(Family):
    """For pictures of 8 to some 128 pixels a side."""

    name: ClassVar[str] = "resnet"
    help: ClassVar[str] = "a residual network for small pictures, from scratch"
    takes: ClassVar[tuple[str, ...]] = ("image",)
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"widths": [16, 32], "depths": [1, 1]},
        "small": {"widths": [32, 64, 128], "depths": [1, 1, 1]},
        "base": {"widths": [64, 128, 256], "depths": [2, 2, 2]},
        "large": {"widths": [64, 128, 256, 512], "depths": [2, 2, 2, 2]},
    }
    options: ClassVar[tuple[str, ...]] = ("widths", "depths", "stem_stride")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 0.05, "batch_size": 128,
                                             "epochs": 10}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Size, mean and spread of the rows' pictures."""
        return picture_processor(rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """A stem that brings larger pictures down to some 64 pixels a side."""
        side = max(processor.size["height"], processor.size["width"])
        config = SmallResNetConfig(num_channels=len(processor.image_mean), stem_stride=1 if side <= 64 else 2 if side <= 128 else 4)
        config.update(dict(options))
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return SmallResNetForImageClassification(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The pixels are real-valued as they are."""
        return dict(inputs), "pixel_values"


AutoConfig.register(SmallResNetConfig.model_type, SmallResNetConfig)
AutoModelForImageClassification.register(SmallResNetConfig, SmallResNetForImageClassification)

PART = SmallResNet
