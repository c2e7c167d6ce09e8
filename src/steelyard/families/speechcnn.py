"""speechcnn: a convolutional net over log-mel spectra that spells what it hears (CTC), from scratch.

Sources: Kriman et al. 2020, arXiv:1910.10261 (QuartzNet: depthwise over time, then pointwise); the block is ConvNeXt's, Liu et al.
2022, arXiv:2201.03545, in one dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCTC, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from steelyard.families._speech import listening
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

FAINT = 16.0  # nats of power below the loudest, 70 dB


class SpeechCnnConfig(PreTrainedConfig):
    """conv_kernel, conv_stride, conv_padding: of the layers that shorten time, one entry each. kernel_size: frames that a block sees.

    normalize_bands   whether the processor gives each band mean 0 and spread 1; where not, a whole sound is levelled here
    """

    model_type = "steelyard-speechcnn"

    vocab_size: int = 32
    num_mel_bins: int = 64
    hidden_size: int = 144
    num_hidden_layers: int = 6
    kernel_size: int = 11
    expansion: int = 3
    conv_kernel: list[int] | tuple[int, ...] = (5,)
    conv_stride: list[int] | tuple[int, ...] = (2,)
    conv_padding: list[int] | tuple[int, ...] = (2,)
    hidden_dropout_prob: float = 0.1
    normalize_bands: bool = True
    pad_token_id: int = 0


class Shorten(nn.Module):
    """A convolution over time with a stride; what is padding stays zero."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inside, outside, kernel, stride, padding)
        self.norm = nn.LayerNorm(outside)
        self.surplus = 2 * padding - kernel

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, frames, inside), mask (batch, frames, 1) -> the same, shorter."""
        x = self.norm(self.conv((x * mask).transpose(1, 2)).transpose(1, 2))
        lengths = (mask[:, :, 0].sum(dim=1).long() + self.surplus) // self.conv.stride[0] + 1
        inside = torch.arange(x.shape[1], device=x.device)[None] < lengths[:, None]
        return functional.gelu(x), inside[:, :, None].to(mask)


class Block(nn.Module):
    """Each channel over time, then the channels of each frame; added to what came in."""

    def __init__(self, config: SpeechCnnConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.over_time = nn.Conv1d(width, width, config.kernel_size, padding=config.kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, frames, width), mask (batch, frames, 1): 0 where there is padding, on which nothing depends."""
        seen = self.over_time((x * mask).transpose(1, 2))[:, :, : x.shape[1]].transpose(1, 2)
        added: Tensor = self.dropout(self.narrow(functional.gelu(self.wide(self.norm(seen)))))
        return x + added


class SpeechCnnForCTC(PreTrainedModel):
    """Frames of spectra -> for each of fewer frames a token, or the blank (token pad_token_id)."""

    config_class = SpeechCnnConfig
    base_model_prefix = "blocks"
    main_input_name = "input_features"

    def __init__(self, config: SpeechCnnConfig) -> None:
        super().__init__(config)
        widths = [config.num_mel_bins, *[config.hidden_size] * len(config.conv_kernel)]
        self.shorten = nn.ModuleList(Shorten(*shape) for shape in zip(
            widths, widths[1:], config.conv_kernel, config.conv_stride, config.conv_padding, strict=False))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv1d | nn.Linear | nn.LayerNorm):
            module.reset_parameters()

    def forward(self, input_features: Tensor, attention_mask: Tensor | None = None, output_hidden_states: bool = False) -> CausalLMOutput:
        """input_features (batch, frames, bands) -> logits (batch, fewer frames, tokens).

        attention_mask (batch, frames): 0 where there is padding, on which nothing depends; None: all is sound.
        hidden_states: what goes into the last layer, (batch, fewer frames, hidden_size), alone.
        """
        mask = input_features.new_ones(input_features.shape[:2]) if attention_mask is None else attention_mask.to(input_features)
        mask = mask[:, :, None]
        x = input_features if self.config.normalize_bands else levelled(input_features, mask)
        for layer in self.shorten:
            x, mask = layer(x, mask)
        for block in self.blocks:
            x = block(x, mask)
        last = self.norm(x)
        return CausalLMOutput(logits=self.head(last), hidden_states=(last,) if output_hidden_states else None)


def levelled(spectra: Tensor, mask: Tensor) -> Tensor:
    """Each sound less its mean over frames and bands, over its spread: how loud it was recorded does not count, nor what is FAINT.

    spectra (batch, frames, bands), mask (batch, frames, 1): 0 where there is padding, which stays out of both
    """
    loudest = spectra.masked_fill(mask == 0, -1e4).amax(dim=(1, 2), keepdim=True)
    spectra = torch.maximum(spectra, loudest - FAINT)  # samples that are all 0 have a logarithm far below any room's silence
    count = mask.sum(dim=(1, 2), keepdim=True).clamp(min=1) * spectra.shape[2]
    centred = (spectra - (spectra * mask).sum(dim=(1, 2), keepdim=True) / count) * mask
    return centred * (centred.square().sum(dim=(1, 2), keepdim=True) / count + 1e-4).rsqrt()


class SpeechCnn(Family):
    """Learns from minutes of speech; 20 ms a frame, so that short words have frames enough."""

    name: ClassVar[str] = "speechcnn"
    help: ClassVar[str] = "convolutions over log-mel spectra with CTC, from scratch: small and fast"
    takes: ClassVar[tuple[str, ...]] = ("audio",)
    gives: ClassVar[tuple[str, ...]] = ("transcript",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_size": 64, "num_hidden_layers": 3, "num_mel_bins": 40},
        "small": {"hidden_size": 144, "num_hidden_layers": 6},
        "base": {"hidden_size": 256, "num_hidden_layers": 10, "num_mel_bins": 80},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "num_hidden_layers", "kernel_size", "expansion", "num_mel_bins", "conv_kernel",
                                          "conv_stride", "conv_padding", "hidden_dropout_prob", "normalize_bands")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.01, "batch_size": 32,
                                             "epochs": 20, "augment": {"spec_augment": True, "speed": 0.1}}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """Log-mel spectra; the characters of the rows."""
        return listening(task, rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many tokens as the rows have characters, and as many bands as the processor gives."""
        config = SpeechCnnConfig()
        config.update({**options, "vocab_size": len(processor.tokenizer), "pad_token_id": processor.tokenizer.pad_token_id,
                       "num_mel_bins": processor.feature_extractor.feature_size})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return SpeechCnnForCTC(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """Spectra are real-valued as they are."""
        return dict(inputs), "input_features"


AutoConfig.register(SpeechCnnConfig.model_type, SpeechCnnConfig)
AutoModelForCTC.register(SpeechCnnConfig, SpeechCnnForCTC)

PART = SpeechCnn
