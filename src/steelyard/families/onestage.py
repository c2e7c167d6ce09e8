"""onestage: a small convolutional detector that answers from every place of one map, from scratch.

What is taught is TTFNet's (Liu et al. 2020, arXiv:1909.00700): a heat map per label, and the box's four sides seen from the place;
the map is a residual network's, mended from its coarser ones (Lin et al. 2017, arXiv:1612.03144).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForObjectDetection, PreTrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput

from steelyard.families._pictures import picture_processor
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

SAMPLE = 200  # pictures that size, mean and spread are read from
LARGEST = 320  # pixels of the longer side, where the pictures are larger and the recipe names no size
RARE = 0.01  # what every place answers at first, for every label


class OneStageConfig(PreTrainedConfig):
    """widths and depths: channels and residual blocks of each stage, the first at a quarter of the picture, each next at half of that.

    map_stride   pixels from one answering place to the next: 4 for small things, 8 else; the places go row by row
    neck         channels of that map
    """

    model_type = "steelyard-onestage"

    num_channels: int = 3
    widths: list[int] | tuple[int, ...] = (32, 64, 128, 192)
    depths: list[int] | tuple[int, ...] = (1, 1, 1, 1)
    neck: int = 64
    map_stride: int = 8


@dataclass
class OneStageOutput(ModelOutput):
    """In the form of Transformers' detectors.

    logits             (batch, places, labels): each label a question of its own
    pred_boxes         (batch, places, 4): centre, width and height, as shares of the picture
    last_hidden_state  (batch, places, width)
    hidden_states      (batch, channels, height, width) of each stage, where asked for
    """

    logits: Tensor | None = None
    pred_boxes: Tensor | None = None
    last_hidden_state: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None


def _conv(before: int, width: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, width, side, stride, side // 2, bias=False), nn.BatchNorm2d(width))


class Block(nn.Module):
    """Two 3 x 3 convolutions, added to their input."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _conv(before, width, 3, stride), _conv(width, width, 3)
        self.shortcut = nn.Identity() if stride == 1 and before == width else _conv(before, width, 1, stride)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, before, height, width) -> (batch, width, height / stride, width / stride)."""
        return functional.relu(self.second(functional.relu(self.first(values))) + self.shortcut(values))


class OneStageForObjectDetection(PreTrainedModel):
    """Stem, stages, one map of `map_stride`, two heads."""

    config_class = OneStageConfig
    base_model_prefix = "body"
    main_input_name = "pixel_values"

    def __init__(self, config: OneStageConfig) -> None:
        super().__init__(config)
        self.skipped = {4: 0, 8: 1, 16: 2}[config.map_stride]  # stages finer than the map
        width = config.neck
        self.stem = nn.Sequential(_conv(config.num_channels, config.widths[0], 3, 2), nn.ReLU())
        self.body, self.sides = nn.ModuleList(), nn.ModuleList()
        before = config.widths[0]
        for stage, (own, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            self.body.append(nn.Sequential(*(Block(before if i == 0 else own, own, 2 if i == 0 else 1) for i in range(depth))))
            before = own
            if stage >= self.skipped:
                self.sides.append(_conv(own, width, 1))
        self.merge = nn.Sequential(_conv(width, width, 3), nn.ReLU())
        self.heat = nn.Sequential(_conv(width, width, 3), nn.ReLU(), nn.Conv2d(width, config.num_labels, 1))
        self.reach = nn.Sequential(_conv(width, width, 3), nn.ReLU(), nn.Conv2d(width, 4, 1))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.weight, std=0.01)
                nn.init.constant_(module.bias, float(-np.log(1 / RARE - 1)) if module is self.heat[-1] else 1.0)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False) -> OneStageOutput:
        """pixel_values (batch, channels, height, width) -> an answer for each place of the map, row by row."""
        values, maps = self.stem(pixel_values), []
        for stage in self.body:
            values = stage(values)
            maps.append(values)
        top: Tensor | None = None
        for side, values in zip(reversed(self.sides), reversed(maps[self.skipped :]), strict=True):
            own = side(values)
            top = own if top is None else own + functional.interpolate(top, size=own.shape[2:], mode="nearest")
        assert top is not None
        shared = self.merge(functional.relu(top))
        heat, reach = self.heat(shared), self.reach(shared)
        return OneStageOutput(logits=heat.flatten(2).transpose(1, 2), pred_boxes=self._boxes(reach.float(), pixel_values.shape),
                              last_hidden_state=shared.flatten(2).transpose(1, 2),
                              hidden_states=tuple(maps) if output_hidden_states else None)

    def _boxes(self, reach: Tensor, shape: torch.Size) -> Tensor:
        """(batch, 4, down, across) how far the sides are from each place -> (batch, places, 4)."""
        stride, (down, across) = self.config.map_stride, reach.shape[2:]
        x = (torch.arange(across, device=reach.device) + 0.5) * stride
        y = (torch.arange(down, device=reach.device) + 0.5) * stride
        left, top, right, bottom = (functional.softplus(reach) * (2 * stride)).unbind(dim=1)
        columns, rows = x[None, None, :], y[None, :, None]
        boxes = torch.stack([columns + (right - left) / 2, rows + (bottom - top) / 2, left + right, top + bottom], dim=-1)
        size = torch.tensor([shape[3], shape[2], shape[3], shape[2]], device=reach.device)
        return (boxes / size).flatten(1, 2)


class OneStage(Family):
    """For pictures of 32 to some 640 pixels a side, in which things are larger than a few pixels."""

    name: ClassVar[str] = "onestage"
    help: ClassVar[str] = "a small one-stage convolutional detector, from scratch"
    takes: ClassVar[tuple[str, ...]] = ("image",)
    gives: ClassVar[tuple[str, ...]] = ("boxes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"widths": [16, 32, 48], "depths": [1, 1, 1], "neck": 32, "map_stride": 4},
        "small": {"widths": [32, 64, 128, 192], "depths": [1, 1, 1, 1], "neck": 64},
        "base": {"widths": [48, 96, 192, 256], "depths": [1, 2, 2, 1], "neck": 96},
    }
    options: ClassVar[tuple[str, ...]] = ("widths", "depths", "neck", "map_stride")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.05, "batch_size": 16,
                                             "epochs": 40, "augment": {"flip": True}}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Size, mean and spread of the rows' pictures, the longer side at most LARGEST."""
        some = rows.select(np.unique(np.linspace(0, max(0, len(rows) - 1), SAMPLE).astype(np.int64))) if len(rows) else rows
        return picture_processor(some, options, LARGEST)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many channels as the pictures have."""
        config = OneStageConfig(num_channels=len(processor.image_mean))
        config.update(dict(options))
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return OneStageForObjectDetection(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The pixels are real-valued as they are."""
        return dict(inputs), "pixel_values"


AutoConfig.register(OneStageConfig.model_type, OneStageConfig)
AutoModelForObjectDetection.register(OneStageConfig, OneStageForObjectDetection)

PART = OneStage
