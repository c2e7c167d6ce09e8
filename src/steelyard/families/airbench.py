"""airbench: a plain convolutional network that learns small pictures fast, from scratch (Jordan 2024, arXiv:2404.00498)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from steelyard.families._pictures import picture_processor
from steelyard.parts import Batch, Family, Processor, Task
from steelyard.rows import Rows

PATCH = 2  # pixels a side of the patches that are whitened
PICTURES = 1000  # whose patches are looked at
FLOOR = 5e-4  # added to each variance: directions in which the patches hardly vary are not blown up
HEAD = 8.0  # the logits are so many times the mean over channels, the weights so much smaller: the head learns so much faster
NORM_MOMENTUM = 0.2  # trainings are short: the batch norms' averages must follow within some ten steps


PRIMED = 2000  # pictures whose patches are whitened


class AirbenchConfig(PreTrainedConfig):
    """widths: channels of each stage, which halves the picture's side; depth: convolutions of a stage, from the third on residual.

    mirror: outside training the model's logits are the mean of those of the picture and of its mirror image. It costs a
    second forward pass, and belongs to the model: wherever it is loaded, it answers so.
    shrink: pictures are first averaged over so many pixels a side; 1 for pictures up to 64 pixels.
    """

    model_type = "steelyard-airbench"

    num_channels: int = 3
    widths: list[int] | tuple[int, ...] = (64, 256, 256)
    depth: int = 2
    mirror: bool = False
    shrink: int = 1


class Stage(nn.Module):
    """Convolution, the largest of 2 x 2, further convolutions; each with batch norm and GELU. Norms shift but do not scale."""

    def __init__(self, before: int, width: int, depth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(before if i == 0 else width, width, 3, padding=1, bias=False) for i in range(depth))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, momentum=NORM_MOMENTUM) for _ in range(depth))
        for norm in self.norms:
            norm.weight.requires_grad_(False)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, before, height, width) -> (batch, width, height / 2, width / 2), rounded down; one pixel stays one."""
        values = self.convs[0](values)
        if min(values.shape[2:]) > 1:
            values = functional.max_pool2d(values, 2)
        first = values = functional.gelu(self.norms[0](values))
        for place in range(1, len(self.convs)):
            values = self.norms[place](self.convs[place](values))
            values = functional.gelu(values + first if place > 1 else values)
        return values


class AirbenchForImageClassification(PreTrainedModel):
    """Whitened 2 x 2 patches, stages, the largest value over all places, Linear without bias."""

    config_class = AirbenchConfig
    base_model_prefix = "stages"
    main_input_name = "pixel_values"

    def __init__(self, config: AirbenchConfig) -> None:
        super().__init__(config)
        patches = config.num_channels * PATCH**2
        self.whiten = nn.Conv2d(config.num_channels, 2 * patches, PATCH)
        self.whiten.weight.requires_grad_(False)
        widths = [2 * patches, *config.widths]
        self.stages = nn.ModuleList(Stage(before, width, config.depth) for before, width in pairwise(widths))
        self.classifier = nn.Linear(widths[-1], config.num_labels, bias=False)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=1 / HEAD)
        elif isinstance(module, nn.Conv2d):
            module.reset_parameters()
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            else:  # at first a convolution hands on what it sees; where it has more outputs than inputs, the others are random
                nn.init.dirac_(module.weight[: module.in_channels])

    @torch.no_grad()
    def whiten_by(self, pixel_values: Tensor) -> None:
        """Make the first layer the principal directions of these pictures' patches, each to variance 1, and their negatives."""
        pictures = self._shrunk(pixel_values.float())
        patches = functional.unfold(pictures, PATCH).transpose(1, 2).flatten(0, 1).double()  # (places, channels * 2 * 2)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / (variances + FLOOR).sqrt()).T.flip(0).view(-1, *self.whiten.weight.shape[1:])
        self.whiten.weight.copy_(torch.cat([filters, -filters]))

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False) -> ImageClassifierOutputWithNoAttention:
        """pixel_values (batch, channels, height, width) -> logits (batch, labels); hidden_states: after each stage."""
        pictures = self._shrunk(pixel_values)
        logits, states = self._seen(pictures)
        if self.config.mirror and not self.training:
            logits = (logits + self._seen(pictures.flip(3))[0]) / 2
        return ImageClassifierOutputWithNoAttention(logits=logits, hidden_states=states if output_hidden_states else None)

    def _shrunk(self, pictures: Tensor) -> Tensor:
        return functional.avg_pool2d(pictures, self.config.shrink) if self.config.shrink > 1 else pictures

    def _seen(self, pictures: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        values = functional.gelu(self.whiten(pictures))
        states: tuple[Tensor, ...] = ()
        for stage in self.stages:
            values = stage(values)
            states = (*states, values)
        return self.classifier(values.amax(dim=(2, 3))) * (HEAD / values.shape[1]), states


class Airbench(Family):
    """For pictures of 8 to some 128 pixels a side; half a minute of MNIST, some minutes of CIFAR-10."""

    name: ClassVar[str] = "airbench"
    help: ClassVar[str] = "a plain convolutional network that learns small pictures fast, from scratch"
    takes: ClassVar[tuple[str, ...]] = ("image",)
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"widths": [16, 32, 32]},
        "small": {"widths": [32, 128, 128]},
        "base": {"widths": [64, 256, 256]},
        "large": {"widths": [128, 384, 512], "depth": 3},
    }
    options: ClassVar[tuple[str, ...]] = ("widths", "depth", "mirror", "shrink")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "muon", "learning_rate": 0.03, "weight_decay": 1.0, "momentum": 0.6,
                                             "batch_size": 500, "epochs": 8, "schedule": "linear", "warmup_steps": 0}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Size, mean and spread of the rows' pictures."""
        return picture_processor(rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """Larger pictures are first brought down to some 64 pixels a side."""
        side = max(processor.size["height"], processor.size["width"])
        config = AirbenchConfig(num_channels=len(processor.image_mean), shrink=max(1, -(-side // 64)))
        config.update(dict(options))
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return AirbenchForImageClassification(config)

    def prime(self, model: PreTrainedModel, sample: Callable[[int], Batch]) -> None:
        """The first layer whitens the patches of some training pictures."""
        assert isinstance(model, AirbenchForImageClassification)
        model.whiten_by(sample(PRIMED).inputs["pixel_values"])

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The pixels are real-valued as they are."""
        return dict(inputs), "pixel_values"


AutoConfig.register(AirbenchConfig.model_type, AirbenchConfig)
AutoModelForImageClassification.register(AirbenchConfig, AirbenchForImageClassification)

PART = Airbench
