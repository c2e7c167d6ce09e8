"""What a model's tokens write, how it shortens time, and how its targets lie in a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math import transcripts
from steelyard.parts import Batch, Processor

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_BEFORE = "\u0120"  # what a token that begins with a space is called by
_UNKNOWN = "\u2047"  # what stands for a character outside the alphabet


@dataclass
class Heard(Batch):
    """A batch of sounds, with the processor whose tokenizer writes down what is said."""

    processor: Any = None

    def to(self, device: torch.device) -> Heard:
        """The same on another device."""
        there = super().to(device)
        return Heard(there.inputs, there.targets, there.count, there.rows, there.extra, self.processor)


@dataclass(frozen=True)
class Layers:
    """Kernel, stride and padding of each layer that shortens time, the first one first."""

    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    paddings: tuple[int, ...]


def tidy(text: str) -> str:
    """One space between words, none at the ends."""
    return " ".join(text.split())


def labels(text: str, processor: Processor) -> list[int]:
    """The transcript's tokens; characters that the alphabet lacks are its unknown one."""
    return list(processor.tokenizer(tidy(text)).input_ids)


def written(tokenizer: Any) -> tuple[str, ...]:
    """What each token of a tokenizer of characters (Wav2Vec2) or pieces (SentencePiece) writes; signs write nothing."""
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    between = tokenizer.convert_ids_to_tokens(list(tokenizer("a a").input_ids))[1:2]
    silent = {tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token}
    return tuple("" if name in silent else _UNKNOWN if name == tokenizer.unk_token else " " if [name] == between and len(name) == 1
                 else name.replace("\u2581", " ") for name in names)


def spelled(numbers: Sequence[int], spans: Sequence[tuple[int, int]], pieces: Sequence[str], second: float) -> dict[str, Any]:
    """{"text", "chunks"}: the words, and when each begins and ends: with its first token's first frame, and its last one's last.

    spans    the frames [start, end) of each token
    pieces   what each token of the tokenizer writes
    second   seconds of a frame
    """
    chunks: list[dict[str, Any]] = []
    apart = True  # whether the next character begins a word
    for number, (start, end) in zip(numbers, spans, strict=True):
        piece = pieces[number]
        apart = apart or piece[:1].isspace()
        if letters := piece.strip():
            if apart:
                chunks.append({"text": "", "timestamp": [round(start * second, 3), 0.0]})
            chunks[-1]["text"] += letters
            chunks[-1]["timestamp"][1] = round(end * second, 3)
            apart = piece[-1].isspace()
    return {"text": " ".join(chunk["text"] for chunk in chunks), "chunks": chunks}


def timed(tokens: Sequence[int], times: Sequence[float], tokenizer: Any) -> list[dict[str, Any]]:
    """[{"text", "timestamp"}] of the words that tokens of Whisper's kind write; nothing where no times are told.

    times   seconds at which each token begins: a word lasts from its first token to the one behind its last
    """
    silent, groups = set(tokenizer.all_special_ids), list[list[int]]()
    names = tokenizer.convert_ids_to_tokens(list(tokens)) if len(times) else []
    for place, name in enumerate(names):
        if tokens[place] not in silent:
            if not groups or name.startswith(_BEFORE):
                groups.append([])
            groups[-1].append(place)
    found = [(tidy(tokenizer.decode([tokens[place] for place in own])), own) for own in groups]
    return [{"text": text, "timestamp": [round(times[own[0]], 3), round(times[min(own[-1] + 1, len(times) - 1)], 3)]}
            for text, own in found if text]


def counted(truth: Sequence[str], said: Sequence[str]) -> np.ndarray:
    """(2,) int64: edits, and the length of the truth."""
    return np.array([transcripts.edits(truth, said), len(truth)], dtype=np.int64)


def inside(lengths: Tensor, width: int) -> Tensor:
    """(examples, width) int64, 1 before each one's end."""
    import torch

    return (torch.arange(width, device=lengths.device)[None] < lengths[:, None]).long()


def needed(targets: Tensor) -> Tensor:
    """(examples,) int64 frames that each one's tokens take at least, as math.ctc.needed; -1 is no token."""
    equal = (targets[:, 1:] == targets[:, :-1]) & (targets[:, 1:] >= 0)
    return (targets >= 0).sum(dim=1) + equal.sum(dim=1)


def shortening(config: Mapping[str, Any]) -> Layers:
    """The layers that shorten time. Raises InputError for an architecture whose configuration says nothing of them."""
    encoder = config.get("encoder_config") or {}
    if "subsampling_factor" in encoder:  # Parakeet
        count = int(encoder["subsampling_factor"]).bit_length() - 1
        kernel, stride = int(encoder["subsampling_conv_kernel_size"]), int(encoder["subsampling_conv_stride"])
        return Layers((kernel,) * count, (stride,) * count, ((kernel - 1) // 2,) * count)
    if "conv_stride" in config:  # Wav2Vec2 and its kin; ours
        kernels, strides = list(config["conv_kernel"]), list(config["conv_stride"])
        paddings = list(config.get("conv_padding") or [0] * len(strides))
    elif "add_adapter" in config:  # Wav2Vec2-BERT reads frames as they are
        kernels, strides, paddings = [], [], []
    else:
        raise InputError(say('steelyard does not know how a model of type "{kind}" shortens time; it knows Wav2Vec2 and its kin, '
                             "Parakeet CTC, Whisper and its own", kind=config.get("model_type", "")))
    if config.get("add_adapter"):
        count = int(config["num_adapter_layers"])
        kernels, strides, paddings = kernels + [1] * count, strides + [int(config["adapter_stride"])] * count, paddings + [0] * count
    return Layers(tuple(kernels), tuple(strides), tuple(paddings))
