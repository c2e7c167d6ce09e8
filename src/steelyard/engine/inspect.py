"""Looking inside a network: its layers in the order they are called, and one real batch's values and gradients in each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from steelyard.engine.flops import layer_flops
from steelyard.engine.step import reseed
from steelyard.parts import Batch, Key, Task

RECTIFIERS = (torch.relu, torch.relu_, functional.relu, functional.relu_, Tensor.relu, Tensor.relu_)  # what they leave at 0 learns nothing
FAR = 1e3  # times the median layer's: gradients further off are flagged
LARGE = 1e4  # root mean square of values: more than this leaves bf16 few digits, and fp16 none


@dataclass(frozen=True)
class Spread:
    """Of the values, or gradients, of one layer's output: over all examples and places.

    zeros    share that is exactly 0
    norm     root mean square for values; for gradients the length of the whole gradient
    finite   whether all are numbers
    """

    mean: float
    std: float
    zeros: float
    norm: float
    finite: bool


@dataclass(frozen=True)
class Layer:
    """One call of one module, or of a rectifier that is a function.

    shape         of its output, the first axis is examples
    flops         of its own forward pass, per example
    dead, units   features that are 0 for every example and place of the batch, of how many; after rectifiers only
    flags         "dead", "exploding values", "no gradient", "vanishing gradient", "exploding gradient", "not finite"
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    flops: float
    values: Spread | None
    gradients: Spread | None
    dead: int | None = None
    units: int | None = None
    flags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is not finite becomes null."""
        whole = asdict(self)
        for part in ("values", "gradients"):
            if whole[part] is not None:
                whole[part] = {k: v if not isinstance(v, float) or math.isfinite(v) else None for k, v in whole[part].items()}
        return {**whole, "shape": list(self.shape), "flags": list(self.flags)}


@dataclass(frozen=True)
class Inspection:
    """The layers of a network, and one batch's loss.

    flops      of a forward pass, per example
    examples   in the batch
    """

    layers: tuple[Layer, ...]
    parameters: int
    trained: int  # parameters that have a gradient asked for
    flops: float
    examples: int
    loss: float

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        loss = self.loss if math.isfinite(self.loss) else None
        return {**asdict(self), "layers": [layer.to_json() for layer in self.layers], "loss": loss}


@dataclass
class _Call:
    """What was seen of a layer while the batch ran; `module` is None for a rectifier that is a function."""

    name: str
    path: str
    module: nn.Module | None
    kind: str
    shape: tuple[int, ...]
    values: Spread | None
    dead: int | None
    units: int | None
    flops: float = 0.0
    gradients: Spread | None = None


def inspect(model: nn.Module, shapes: nn.Module, task: Task, batch: Batch, seed: int = 0) -> Inspection:
    """Run one batch forward and backward, as in training, and look at every layer. The model is as before afterwards.

    shapes   the same architecture on the meta device, for the arithmetic
    """
    flops = {name: number / len(batch.rows) for name, number in layer_flops(shapes, batch).items()}
    with _as_before(model), _Watch(model) as watch:
        reseed(Key(seed))
        loss = task.loss(model(**batch.inputs), batch) / max(1, batch.count)
        loss.backward()
        layers = [_layer(call) for call in _with_flops(watch.calls, flops)]
    parameters = list(model.parameters())
    return Inspection(tuple(_flagged(layers)), sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad),
                      flops.get("", 0.0), len(batch.rows), float(loss.detach()))


class _Watch(TorchFunctionMode):
    """Notes the output of every module, and of every rectifier that is called as a function."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.calls: list[_Call] = []
        self.inside: list[tuple[str, nn.Module]] = []
        self.latest = (0, "")  # where the last output lies, and whose it is
        self.handles = []
        for name, module in model.named_modules():
            self.handles.append(module.register_forward_pre_hook(self._enter(name)))
            self.handles.append(module.register_forward_hook(self._leave(name)))

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # torch gives it no types
        for handle in self.handles:
            handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        if func not in RECTIFIERS or not self.inside or not any(True for _ in self.inside[-1][1].children()):
            return func(*args, **(kwargs or {}))
        place, name = self.latest
        before = name if isinstance(args[0], Tensor) and args[0].data_ptr() == place else self.inside[-1][0]
        result = func(*args, **(kwargs or {}))
        self._note(f"{before}.relu" if before else "relu", None, "relu", result, True)
        return result

    def _enter(self, name: str) -> Callable[[nn.Module, Any], None]:
        def enter(module: nn.Module, _inputs: Any) -> None:
            self.inside.append((name, module))
        return enter

    def _leave(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def leave(module: nn.Module, _inputs: Any, output: Any) -> None:
            self.inside.pop()
            if (tensor := _tensor(output)) is not None:
                self._note(name, module, type(module).__name__, tensor, isinstance(module, (nn.ReLU, nn.ReLU6)))
        return leave

    def _note(self, path: str, module: nn.Module | None, kind: str, output: Tensor, rectified: bool) -> None:
        """What is looked at is read off at once: the output itself may be changed in place, and need not be kept."""
        times = sum(call.path == path for call in self.calls)
        dead, units = _dead(output.detach()) if rectified else (None, None)
        name = f"{path} #{times + 1}" if times else path
        call = _Call(name, path, module, kind, tuple(output.shape), _spread(output.detach(), False), dead, units)
        self.calls.append(call)
        self.latest = (output.data_ptr(), path)
        if output.requires_grad:
            def seen(gradient: Tensor) -> None:
                call.gradients = _spread(gradient.detach(), True)
            output.register_hook(seen)


def _tensor(output: Any) -> Tensor | None:
    """The first real-valued tensor of what a module returned."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, Sequence) and not isinstance(output, str):
        return next((found for one in output if (found := _tensor(one)) is not None), None)
    return None


def _with_flops(calls: list[_Call], flops: Mapping[str, float]) -> list[_Call]:
    """Each module's own arithmetic, shared by its calls. Of containers only those stay that compute something themselves."""
    kept = []
    for call in calls:
        if call.module is None:
            kept.append(call)
            continue
        own = flops.get(call.path, 0.0) - _inner(call.path, call.module, flops)
        call.flops = max(0.0, own) / sum(other.path == call.path for other in calls)
        if call.flops > 0 or not any(True for _ in call.module.children()):
            kept.append(call)
    return kept


def _inner(path: str, module: nn.Module, flops: Mapping[str, float]) -> float:
    """The arithmetic of what is inside a module; a list of modules is never called itself, so it is looked through."""
    inside = [(f"{path}.{name}".lstrip("."), child) for name, child in module.named_children()]
    return sum(flops[name] if name in flops else _inner(name, child, flops) for name, child in inside)


def _dead(output: Tensor) -> tuple[int, int]:
    """(features that are 0 everywhere, features): channels of pictures, else the last axis."""
    axis = 1 if output.dim() == 4 else output.dim() - 1
    silent = (output == 0).transpose(0, axis).flatten(1).all(dim=1) if output.dim() > 1 else output == 0
    return int(silent.sum()), len(silent)


def _layer(call: _Call) -> Layer:
    parameters = 0 if call.module is None else sum(p.numel() for p in call.module.parameters(recurse=False))
    return Layer(call.name or call.kind, call.kind, call.shape, parameters, call.flops, call.values, call.gradients, call.dead, call.units)


def _spread(values: Tensor, whole: bool) -> Spread | None:
    if not values.numel():
        return None
    wide = values.double()
    length = float(wide.norm())
    return Spread(float(wide.mean()), float(wide.std(correction=0)), float((wide == 0).double().mean()),
                  length if whole else length / math.sqrt(values.numel()), bool(torch.isfinite(wide).all()))


def _flagged(layers: list[Layer]) -> Iterator[Layer]:
    """The flags of each layer; gradients are held against the median layer's."""
    lengths = sorted(g.norm for layer in layers if (g := layer.gradients) is not None and g.finite and g.norm > 0)
    median = lengths[len(lengths) // 2] if lengths else 0.0
    for layer in layers:
        flags = []
        if layer.dead:
            flags.append("dead")
        values, gradients = layer.values, layer.gradients
        if (values and not values.finite) or (gradients and not gradients.finite):
            flags.append("not finite")
        elif values and values.norm > LARGE:
            flags.append("exploding values")
        if gradients and gradients.finite:
            if gradients.norm == 0:
                flags.append("no gradient")
            elif gradients.norm < median / FAR:
                flags.append("vanishing gradient")
            elif gradients.norm > median * FAR:
                flags.append("exploding gradient")
        yield replace(layer, flags=tuple(flags))


@contextmanager
def _as_before(model: nn.Module) -> Iterator[None]:
    """In training mode inside; gradients, batch statistics and mode are put back."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    mode = model.training
    model.train()
    try:
        yield
    finally:
        model.zero_grad(set_to_none=True)
        model.train(mode)
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
