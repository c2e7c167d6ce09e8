"""muon: hidden matrices and convolutions step along the orthogonal matrix nearest to their momentum, all else by AdamW."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Newton-Schulz's quintic step; Jordan et al. 2024, kellerjordan.github.io/posts/muon
ITERATIONS = 5
TOGETHER = 2**18  # numbers in matrices that are worked on at once: below, calls cost more than products; above, nothing is gained


class Muon(Optimizer):
    """Both methods in one object, so that rates, states and checkpoints are one optimiser's.

    torch.optim.Muon takes matrices only, and a kernel in the channels_last layout has no flattened view: here a
    convolution's (out, in, height, width) is taken as (out, in * height * width), in any layout.

    A step is scaled as in Liu et al. 2025, arXiv:2502.16982, to the size that AdamW's has: learning_rate and weight_decay mean
    the same for both. Nesterov's momentum. Which parameters are hidden: see `hidden`.
    """

    def __init__(self, model: nn.Module, lr: float, weight_decay: float = 0.1, momentum: float = 0.95,
                 dtype: torch.dtype = torch.bfloat16) -> None:
        chosen = hidden(model)
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        super().__init__([{"params": [p for name, p in named if name in chosen]}],
                         {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        rest = [p for name, p in named if name not in chosen]
        self.dtype = dtype
        self.rest = AdamW([{"params": [p for p in rest if p.dim() >= 2], "weight_decay": weight_decay},
                           {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0}], lr=lr, fused=True)
        self.param_groups.extend(self.rest.param_groups)  # the same dictionaries: a rate that is set here is set there
        self.rest.state = self.state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of both; a parameter without a gradient stays as it is. Returns what `closure` does, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            self._matrices()
        self.rest.step()
        return loss

    def _matrices(self) -> None:
        group = self.param_groups[0]
        rate, momentum = group["lr"], group["momentum"]
        alike: dict[tuple[Any, ...], list[nn.Parameter]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                alike[len(parameter), parameter[0].numel(), parameter.device].append(parameter)
        for (height, width, _), parameters in alike.items():
            scale = 0.2 * math.sqrt(max(height, width))
            for part in _parts(parameters, max(1, TOGETHER // (height * width))):
                steps = orthogonal(torch.stack([self._momentum(p, momentum).flatten(1) for p in part]).to(self.dtype))
                for parameter, step in zip(part, steps, strict=True):
                    parameter.mul_(1 - rate * group["weight_decay"])
                    parameter.add_(step.view(parameter.shape).to(parameter.dtype), alpha=-rate * scale)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """The parameter's shape: the gradient, looked ahead by Nesterov."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum_buffer"], momentum)


def hidden(model: nn.Module) -> set[str]:
    """Names of the parameters for which muon is made: weights of linear layers and ungrouped convolutions.

    Left out: what shares its weight with an embedding, and the linear layers of a head (those outside a Transformers model's body).
    """
    body = model.base_model if isinstance(model, PreTrainedModel) else model
    inside = {id(module) for module in body.modules()}
    embedded = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    found = set()
    for name, module in model.named_modules():
        linear = isinstance(module, nn.Linear) and id(module) in inside
        convolution = isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and module.groups == 1
        if (linear or convolution) and id(module.weight) not in embedded:
            found.add(f"{name}.weight" if name else "weight")
    return found


def orthogonal(matrices: Tensor) -> Tensor:
    """(k, height, width), each near the orthogonal matrix that is nearest to it: singular values of 0.7 to 1.2, as Muon has them.

    Five steps of Newton-Schulz's iteration in the dtype given; a matrix of zeros stays one.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    values = matrices.mT if tall else matrices
    values = values / values.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = values @ values.mT
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return values.mT if tall else values


def _parts(parameters: list[nn.Parameter], size: int) -> Iterator[list[nn.Parameter]]:
    return (parameters[start : start + size] for start in range(0, len(parameters), size))
