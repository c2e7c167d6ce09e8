"""transformers: any architecture of Transformers by its configuration, from scratch: electra, deberta-v2, swin...

A variant is called as Transformers calls it (model_type). Where one of our own families has that name, ours is meant;
`transformers:resnet` is then Transformers' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import (
    CONFIG_MAPPING,
    PreTrainedConfig,
    PreTrainedModel,
)

from steelyard.errors import InputError
from steelyard.families._heads import HEADS, head, heads_of
from steelyard.families._patches import patch_size, patched_processor, sides
from steelyard.families._pictures import picture_processor
from steelyard.families._sizes import PRESETS, sizes
from steelyard.families._tokenizer import wordpiece
from steelyard.families._words import embedded
from steelyard.language import say
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

ENCODED = ("classes", "token-classes", "spans", "masked")  # what an encoder of texts may have a head for
START = "decoder_start_token_id"  # what encoders with a decoder want, and no configuration lists
PLACES = 4  # more than the longest text: some architectures begin to count behind the padding's number
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "text": {"optimizer": "adamw", "learning_rate": 5e-4, "weight_decay": 0.01, "batch_size": 32, "epochs": 5},
    "image": {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "batch_size": 64, "epochs": 20},
}
# What the processor, the data and the task know, and no recipe has to say.
SETTLED = ("num_channels", "image_size", "max_position_embeddings", "id2label", "label2id", "num_labels", "problem_type", "model_type")


class Transformers(Family):
    """Each variant is a subclass, made when it is asked for."""

    name: ClassVar[str] = "transformers"
    help: ClassVar[str] = "any encoder of Transformers, from scratch: electra, deberta-v2, swin, convnextv2..."
    takes: ClassVar[tuple[str, ...]] = ("image", "text")
    gives: ClassVar[tuple[str, ...]] = ENCODED
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {}}
    options: ClassVar[tuple[str, ...]] = ()
    training: ClassVar[Mapping[str, Any]] = DEFAULTS["text"]
    kind: ClassVar[str] = ""  # model_type; "" for what is no variant

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self.trial: dict[str, Tensor] = {}  # the least that a model can be asked; known once the processor is
        if not self.kind:
            raise InputError(say("model.family: transformers stands for many architectures; name one, such as transformers:electra"))

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Every model_type that has a head for classes."""
        return tuple(sorted({kind for takes in DEFAULTS for kind in HEADS[takes, "classes"][1] if kind in CONFIG_MAPPING}))

    @classmethod
    def does(cls, takes: str, output: str) -> bool:
        """Pictures are classified only."""
        return super().does(takes, output) and (takes == "text" or output == "classes")

    @classmethod
    def variant(cls, name: str) -> type[Family]:
        """The family of one model_type, of `variants`."""
        return _variant(name)

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """A tokenizer or picture processor fitted to the rows."""
        if task.takes == "text":
            return wordpiece(task, rows, options)
        return patched_processor(rows, options) if _cuts(self.kind) else picture_processor(rows, options)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """The architecture's own, with what the processor knows. Raises InputError where Transformers refuses an option."""
        keys, mapped = _keys(self.kind)
        known = _text(processor) if task.takes == "text" else _picture(self.kind, processor, options)
        given = {mapped.get(name, name): value for name, value in {**PRESETS.get(self.kind, {}), **options, **known}.items()}
        try:
            config = CONFIG_MAPPING[self.kind](**{name: value for name, value in given.items() if name in keys or name == START})
            task.describe(config)
            with torch.device("meta"):
                self.build(task, config)
        except (ValueError, TypeError, AttributeError, KeyError, ImportError, ZeroDivisionError, StrictDataclassError) as error:
            raise InputError(say("model.options: Transformers cannot build {family} so ({reason}); mend the option, or leave it out",
                                 family=self.name, reason=_short(error))) from error
        self.trial = _trial(task, processor)
        return config

    def start(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights, asked once. Raises InputError where the architecture wants more than a text or a picture."""
        model = self.build(task, config)
        try:
            with torch.no_grad():
                model.eval()(**self.trial)
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError, ImportError) as error:
            raise InputError(say("model.family: {family} cannot be trained on this by itself: it wants other inputs, or settings of its "
                                 "own in model.options ({reason}); choose another", family=self.name, reason=_short(error))) from error
        return model

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        model: PreTrainedModel = head(task.takes, task.output, config).from_config(config)
        return model

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The word embeddings in the tokens' place; pixels are real-valued as they are."""
        return embedded(model, inputs)


def _trial(task: Task, processor: Processor) -> dict[str, Tensor]:
    """An unknown token and the last one of a text, or a picture of zeros."""
    if task.takes == "text":
        ids = torch.tensor([[processor.unk_token_id, processor.sep_token_id]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return {"pixel_values": torch.zeros(1, len(processor.image_mean), processor.size["height"], processor.size["width"])}


def _short(error: Exception) -> str:
    """What it says, in a line."""
    return " ".join(str(error).split())[:200]


@cache
def _variant(kind: str) -> type[Family]:
    keys, mapped = _keys(kind)
    reads = tuple(takes for takes in DEFAULTS if kind in HEADS[takes, "classes"][1])
    own = {*keys, *mapped} - set(PreTrainedConfig().to_dict()) - set(SETTLED) - {name for name in keys if name.endswith("_token_id")}
    gives = heads_of(kind, ENCODED) if "text" in reads else ("classes",)
    members = {"kind": kind, "name": f"{Transformers.name}:{kind}", "takes": reads, "gives": gives, "sizes": sizes(kind, keys, mapped),
               "options": tuple(sorted(own)), "training": DEFAULTS[reads[0]],
               "help": f"Transformers' {kind}, from scratch", "__doc__": f"Transformers' {kind}."}
    return type(kind, (Transformers,), members)


@cache
def _keys(kind: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """(the keys of the configuration with their defaults, generic name -> its own name)."""
    config = CONFIG_MAPPING[kind]()
    return config.to_dict(), dict(config.attribute_map)


def _cuts(kind: str) -> bool:
    """Whether pictures are cut into patches that must divide them: where stages do not take them in by strides."""
    keys, mapped = _keys(kind)
    return {"patch_size", "image_size", mapped.get("num_attention_heads", "num_attention_heads")} <= set(keys)


def _text(processor: Processor) -> dict[str, Any]:
    first, last = processor.cls_token_id, processor.sep_token_id
    return {"vocab_size": len(processor), "max_position_embeddings": processor.model_max_length + PLACES,
            "pad_token_id": processor.pad_token_id, "bos_token_id": first, "cls_token_id": first, START: first,
            "eos_token_id": last, "sep_token_id": last}


def _picture(kind: str, processor: Processor, options: Mapping[str, Any]) -> dict[str, Any]:
    """Channels and size; patches such that some 8 lie along a side, windows that fit the last stage."""
    known = {"num_channels": len(processor.image_mean), "image_size": sides(processor)}
    keys, _ = _keys(kind)
    if _cuts(kind):
        patch = patch_size(processor, options)
        if "window_size" in keys:  # stages halve the grid: begin with a finer one
            patch = patch if options.get("patch_size") or patch % 2 else patch // 2
            across = min(processor.size["height"], processor.size["width"]) // patch
            stages = len(options.get("depths") or (2, 2, 6, 2))
            known["window_size"] = options.get("window_size") or max(1, min(8, across // 2 ** (stages - 1)))  # no wider than the last grid
        known["patch_size"] = patch
    elif "patch_size" in keys:  # the stride of the first layer: the picture is halved three times more
        shorter = min(processor.size["height"], processor.size["width"])
        known["patch_size"] = options.get("patch_size") or max(1, min(4, shorter // 8))
    return known


PART = Transformers
