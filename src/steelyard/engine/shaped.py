"""What of a model is trained: frozen weights, LoRA adapters beside them, and how adapters become plain weights again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from steelyard.errors import InputError, listing
from steelyard.language import Sentence, say
from steelyard.parts import Family, Key
from steelyard.recipe.model import Lora
from steelyard.recipe.recipe import Recipe

ADAPTER = "adapter"  # the folder in model/
LAYERS = (nn.Linear, nn.Conv2d, nn.Embedding, Conv1D)  # what an adapter can be put beside


def shaped(model: PreTrainedModel, family: Family, recipe: Recipe) -> PreTrainedModel:
    """The same model, ready for training: `model.freeze` and `model.lora` are obeyed. On the meta device too.

    With adapters the model's own weights stay as they are, but for the head and what the family could not find in the folder
    that it started from. Batch norm whose weights stay keeps its statistics too.
    Raises InputError for a pattern or a target that matches nothing, and where nothing is left to train.
    """
    plan = recipe.model
    if not plan.freeze and plan.lora is None:
        return model
    new = _new(model, family)
    frozen = {name for pattern in plan.freeze for name in _matched(model, new, pattern, recipe.where("model.freeze"))}
    if plan.lora is not None:
        targets = _targets(model, new, plan.lora, recipe.where("model.lora"))
        _put_adapters(model, plan.lora, targets, recipe)
        frozen |= {name for name, _ in _own(model) if name not in new}
    for name, parameter in _own(model):
        if name in frozen:
            parameter.requires_grad_(False)
        elif plan.lora is not None:
            parameter.requires_grad_(True)  # peft switches off whatever is no adapter
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(say("{where}: every weight of the model is frozen, so there is nothing to train; freeze fewer",
                             where=recipe.where("model.freeze")))
    for layer in _norms_at_rest(model):
        layer.register_forward_pre_hook(_as_judged)
    return model


def remark(recipe: Recipe) -> Sentence | None:
    """What a specialist would say to it, if anything."""
    if recipe.model.from_ is None and (recipe.model.lora is not None or recipe.model.freeze):
        return say("the model is built from scratch: what stays frozen, or beside an adapter, stays as random as it was drawn; "
                   "model.lora and model.freeze are meant for a trained model (model.from)")
    return None


def head(model: PreTrainedModel) -> tuple[str, ...]:
    """The names of the modules behind the base model, in the order in which they were defined: what answers the task's question.

    A model without a base in its own right has its last module with weights for a head.
    """
    children = [name for name, child in model.named_children() if any(True for _ in child.parameters())]
    prefix = model.base_model_prefix
    behind = children[children.index(prefix) + 1 :] if prefix in children else []
    return tuple(behind or children[-1:])


def sizes(model: PreTrainedModel) -> dict[str, int]:
    """{"parameters": of the model itself, "trained": that change in training, adapters among them}."""
    return {"parameters": sum(p.numel() for _, p in _own(model)), "trained": sum(p.numel() for p in model.parameters() if p.requires_grad)}


def has_adapters(model: PreTrainedModel) -> bool:
    """Whether `shaped` put adapters into it."""
    return any(_is_adapter(name) for name, _ in model.named_parameters())


@dataclass(frozen=True)
class Kept:
    """The weights that stay as they are: training starts from them again, so that no checkpoint has to hold them.

    names   of entries of the model's state
    mark    sha256 of their bytes; "" where there are none
    """

    names: frozenset[str] = frozenset()
    mark: str = ""

    def state(self, model: nn.Module) -> dict[str, Tensor]:
        """All that training may change, buffers too."""
        return {name: tensor for name, tensor in model.state_dict().items() if name not in self.names}

    def load(self, model: nn.Module, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`. Raises RuntimeError where the names are not the same."""
        if (want := self.state(model).keys()) != state.keys():
            raise RuntimeError(f"the state is of another model: {listing(sorted(want ^ state.keys()))}")
        model.load_state_dict(state, strict=False)


def kept(model: nn.Module, recipe: Recipe) -> Kept:
    """What `shaped` took out of training; nothing where the recipe trains all of the model."""
    if not recipe.model.freeze and recipe.model.lora is None:
        return Kept()
    still = {name: parameter for name, parameter in model.named_parameters(remove_duplicate=False) if not parameter.requires_grad}
    whole = sha256()
    for name in sorted(still):
        whole.update(name.encode() + still[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return Kept(frozenset(still), whole.hexdigest() if still else "")


def merged(model: PreTrainedModel) -> PreTrainedModel:
    """The same model without adapters, what they learnt added to the weights beside them: plain Transformers; in place."""
    if not has_adapters(model):
        return model
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)]
    for name, module in layers:
        module.merge()
        above, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(above), leaf, module.get_base_layer())
    del model.peft_config
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


def save_adapter(model: PreTrainedModel, folder: Path, base: str | None = None) -> None:
    """adapter_config.json and adapter_model.safetensors in peft's form: adapters, and the head whole.

    base   the Hub id that the model came from; a folder of this machine is never named
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = model.peft_config["default"].to_dict()
    tensors, saved = {}, set()
    for name, parameter in model.named_parameters():
        if _is_adapter(name):
            tensors["base_model.model." + name.replace(".default", "")] = parameter.detach().cpu().contiguous().clone()
        elif parameter.requires_grad:
            saved.add(_module_of(model, name))
    for name in saved:
        for key, tensor in model.get_submodule(name).state_dict(prefix=f"{name}.").items():
            tensors["base_model.model." + key] = tensor.detach().cpu().contiguous().clone()
    config |= {"base_model_name_or_path": base, "modules_to_save": sorted(saved), "inference_mode": True,
               "target_modules": sorted(config["target_modules"])}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True, default=_plain) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """What of a configuration JSON does not know: sets and enumerations."""
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _module_of(model: PreTrainedModel, parameter: str) -> str:
    """What is saved whole along with adapters: a module of the head, or the one that holds a new weight of the body."""
    top = parameter.partition(".")[0]
    return top if top in head(model) else parameter.rpartition(".")[0]


def _is_adapter(name: str) -> bool:
    return ".lora_" in name


def _own(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that are no adapters', by the names that they had before there were any."""
    return ((name.replace(".base_layer.", "."), p) for name, p in model.named_parameters() if not _is_adapter(name))


def _new(model: PreTrainedModel, family: Family) -> set[str]:
    """Parameters of the head, and those that the folder lacked: training has to find them."""
    behind = tuple(f"{name}." for name in head(model))
    return {name for name, _ in model.named_parameters() if name.startswith(behind) or name in family.fresh}


def _matched(model: PreTrainedModel, new: set[str], pattern: str, where: str) -> list[str]:
    """The parameters that one entry of `model.freeze` means. A pattern may leave out the base model's own name in front."""
    names = [name for name, _ in model.named_parameters()]
    if pattern == "body":
        found = [name for name in names if name not in new]
    elif pattern == "embeddings":
        words = _input_weights(model)
        found = [name for name in names if "embeddings" in name.split(".") or name in words]
    else:
        ends = (pattern, f"{model.base_model_prefix}.{pattern}")
        found = [name for name in names if any(name == end or name.startswith(f"{end}.") or fnmatchcase(name, end) for end in ends)]
    if not found:
        known = {name for name, _ in model.named_modules() if name} | set(names)
        known |= {name.removeprefix(f"{model.base_model_prefix}.") for name in known}
        near = get_close_matches(pattern, known, n=3, cutoff=0.5) or sorted(name for name, _ in model.named_children())
        raise InputError(say('{where}: no weight of this model is called "{pattern}"; want embeddings, body, or a pattern of names such as '
                             "{near}", where=where, pattern=pattern, near=listing(near)))
    return found


def _input_weights(model: PreTrainedModel) -> set[str]:
    """The weights that turn tokens or pixels into vectors, where the model says which these are."""
    try:
        layer = model.get_input_embeddings()
    except NotImplementedError:  # pictures: some have none of that name
        return set()
    own = {id(parameter) for parameter in layer.parameters()} if isinstance(layer, nn.Module) else set()
    return {name for name, parameter in model.named_parameters() if id(parameter) in own}


def _targets(model: PreTrainedModel, new: set[str], lora: Lora, where: str) -> list[str]:
    """The full names of the layers that get an adapter. Raises InputError."""
    layers = {name: module for name, module in model.named_modules()
              if isinstance(module, LAYERS) and not any(parameter.startswith(f"{name}.") for parameter in new)}
    linear = sorted({_kind(name) for name, module in layers.items() if isinstance(module, nn.Linear | Conv1D)})
    others = sorted({_kind(name) for name in layers} - set(linear))
    if lora.targets is None:
        found = [name for name, module in layers.items() if isinstance(module, nn.Linear | Conv1D)]
        if not found:
            raise InputError(say("{where}: this model has no linear layer but its head; name others with model.lora.targets ({others})",
                                 where=where, others=listing(others)))
        return found
    named = {target: [name for name in layers if name == target or name.endswith(f".{target}") or fnmatchcase(name, target)]
             for target in lora.targets}
    if lost := [target for target, found in named.items() if not found]:
        raise InputError(say('{where}.targets: no layer of this model is called "{target}"; its linear layers are {linear}',
                             where=where, target=lost[0], linear=listing(linear or others)))
    return [name for name in layers if any(name in found for found in named.values())]


def _kind(name: str) -> str:
    """The part of a layer's name that its likes share: query, or output.dense where the last word alone is a number."""
    above, _, leaf = name.rpartition(".")
    return f"{above.rpartition('.')[2]}.{leaf}" if leaf.isdigit() else leaf


def _put_adapters(model: PreTrainedModel, lora: Lora, targets: Sequence[str], recipe: Recipe) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError(say("{where}: adapters need the package peft: pip install 'steelyard[peft]'",
                             where=recipe.where("model.lora"))) from error
    torch.manual_seed(Key(recipe.seed).number("adapters"))
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(targets))  # type: ignore[arg-type]
    try:
        inject_adapter_in_model(config, model)
    except ValueError as error:  # convolutions in groups, say
        raise InputError(say("{where}: peft cannot put such adapters into this model: {reason}", where=recipe.where("model.lora"),
                             reason=str(error).splitlines()[0])) from error


def _norms_at_rest(model: nn.Module) -> Iterator[nn.Module]:
    """Batch norms none of whose weights is trained; one without weights goes by the module around it."""
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            around: nn.Module = module
            while not list(around.parameters()) and name:
                name = name.rpartition(".")[0]
                around = model.get_submodule(name)
            if not any(parameter.requires_grad for parameter in around.parameters()):
                yield module


def _as_judged(module: nn.Module, arguments: Any) -> None:
    """Before each forward pass: whoever called `train()` on the model, this layer stays in evaluation."""
    module.training = False
