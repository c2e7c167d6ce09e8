"""hub: any Transformers architecture from a folder: config.json, safetensors, tokenizer or image processor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import transformers
from torch import Tensor
from transformers import (
    AutoConfig,
    PreTrainedConfig,
    PreTrainedModel,
)

from steelyard.errors import InputError, did_you_mean, listing
from steelyard.families._folder import checked
from steelyard.families._heads import HEADS, head
from steelyard.families._speech import has_alphabet, lettered
from steelyard.families._words import embedded
from steelyard.language import say
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

LONGEST = 512  # tokens, where the recipe says nothing: attention's cost grows with the square


class Hub(Family):
    """A trained model from a folder. Files are data: safetensors only, no code of the folder's is ever run."""

    name: ClassVar[str] = "hub"
    help: ClassVar[str] = "any trained model of Transformers, from a folder or a Hub id (model.from)"
    takes: ClassVar[tuple[str, ...]] = tuple(sorted({takes for takes, _ in HEADS}))
    gives: ClassVar[tuple[str, ...]] = tuple(sorted({gives for _, gives in HEADS}))
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {}}
    options: ClassVar[tuple[str, ...]] = ()  # any key of the folder's own config.json
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 5e-5, "weight_decay": 0.01, "batch_size": 32,
                                             "epochs": 3}

    @classmethod
    def does(cls, takes: str, output: str) -> bool:
        """What Transformers has an Auto class for."""
        return (takes, output) in HEADS

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        if folder is None:
            raise InputError(say("model.family: hub wants model.from, the folder of a trained model"))
        self.where = folder
        self.alphabet: dict[str, int] = {}  # keys of the configuration that follow from a new alphabet, where the folder has none
        self.raw = checked(folder)

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """The folder's own. Raises InputError where it has none that fits the task."""
        from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer  # AutoProcessor loads this file before they are ready

        readers = {"text": (AutoTokenizer, "tokenizer"), "image": (AutoImageProcessor, "image processor"),
                   "audio": (AutoProcessor, "processor")}
        auto, what = readers[task.takes]
        try:
            if task.takes == "image":
                return auto.from_pretrained(self.where, local_files_only=True, trust_remote_code=False, backend="pil")
            if task.takes == "audio" and not has_alphabet(self.where):
                processor, self.alphabet = lettered(self.where, task, rows)
                return processor
            processor = auto.from_pretrained(self.where, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise InputError(say('model.from: "{folder}" holds no {what} that loads ({reason}); save it there with save_pretrained',
                                 folder=self.where, what=what,
                                 reason=str(error).splitlines()[0])) from error
        if task.takes == "audio":
            return processor
        if processor.pad_token_id is None:  # decoders have none: what pads is masked
            processor.pad_token = processor.eos_token
        places = int(self.raw.get("max_position_embeddings") or self.raw.get("n_positions") or LONGEST)
        if self.raw.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
            places -= 2  # their positions start behind the padding's
        processor.model_max_length = min(int(options.get("max_length") or LONGEST), places, int(min(processor.model_max_length, 10**9)))
        return processor

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """The folder's own, with the task's labels and the recipe's options."""
        try:
            config = AutoConfig.from_pretrained(self.where, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(say('model.from: Transformers {version} cannot read "{folder}/config.json": {reason}',
                                 version=transformers.__version__, folder=self.where, reason=str(error).splitlines()[0])) from error
        options = {key: value for key, value in options.items() if key not in ("max_length", "image_size", "image_mode")}
        for key in options:
            if key not in config.to_dict():
                raise InputError(say('model.options.{key}: "{folder}/config.json" has no such key{hint}',
                                     key=key, folder=self.where, hint=did_you_mean(key, config.to_dict())))
        config.update({**options, **self.alphabet})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """The same architecture with random weights."""
        try:
            model: PreTrainedModel = head(task.takes, task.output, config).from_config(config, dtype=torch.float32)
            return model
        except (ValueError, KeyError) as error:
            raise InputError(say('model.from: a model of type "{kind}" has no head that does {task}; choose a {takes} model',
                                 kind=config.model_type, task=task.name, takes=task.takes)) from error

    def start(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """The folder's weights; a head for other labels is new, everything else must be there."""
        self.build_on_meta(task, config)
        model, loading = head(task.takes, task.output, config).from_pretrained(
            self.where, config=config, dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            use_safetensors=True, ignore_mismatched_sizes=True, output_loading_info=True)
        absent = {*loading["missing_keys"], *(entry[0] for entry in loading["mismatched_keys"])}
        self.fresh = tuple(sorted(absent))
        body = f"{model.base_model_prefix}."
        lost = sorted(key for key in absent if key.startswith(body) and ".pooler." not in f".{key}")
        if lost:
            raise InputError(say('model.from: the weights in "{folder}" lack {n} tensors of the model ({names}); '
                                 "they belong to another architecture", folder=self.where, n=len(lost), names=listing(lost, 3)))
        return model

    def build_on_meta(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Without memory: finds out whether there is such a head before anything is loaded."""
        with torch.device("meta"):
            return self.build(task, config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """Word embeddings in the tokens' place; pixels are real-valued as they are."""
        return embedded(model, inputs)


PART = Hub
