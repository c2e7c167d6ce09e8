"""What a detector is taught, and what it said: from outputs of any detector, `logits` and `pred_boxes` (centre, width, height).

targets are (examples, boxes, 5) float32: the label's number, then centre x, centre y, width, height as shares of the picture; the
label -1 behind the last box.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from steelyard.math.boxes import MOST, kept

REACH = 0.54  # of a box is the part whose places answer for it; as TTFNet
REACH_WEIGHT = 5.0
L1_WEIGHT, OVERLAP_WEIGHT = 5.0, 2.0  # DETR's
NOTHING = 0.1  # weight of "no object", as DETR
CANDIDATES = 1000  # boxes among which those that say the same are looked for
LEAST = 1e-6


def corners(boxes: Tensor) -> Tensor:
    """(..., 4) centre, width, height -> left, top, right, bottom."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)


def overlap(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of corners that broadcast, (..., 4) each -> (...). Source: Rezatofighi et al. 2019, arXiv:1902.09630."""
    shared = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0).prod(dim=-1)
    hull = (torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])).clamp(min=0).prod(dim=-1)
    joint = (one[..., 2:] - one[..., :2]).prod(dim=-1) + (other[..., 2:] - other[..., :2]).prod(dim=-1) - shared
    iou = shared / joint.clamp(min=1e-9)
    return iou, iou - (hull - joint) / hull.clamp(min=1e-9)


def map_loss(logits: Tensor, boxes: Tensor, targets: Tensor, grid: tuple[int, int]) -> Tensor:
    """() the sum over examples for a model that answers from each place of a map, row by row.

    logits (n, places, labels), boxes (n, places, 4), grid: rows and columns of places. A label's map is taught to be a hill
    over each centre (focal loss, Zhou et al. 2019, arXiv:1904.07850); places near a centre, to reach the box's sides.
    """
    heat, reach, owner = _hills(targets, logits.shape[-1], grid)
    logs, others = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    chance = logits.sigmoid()
    focal = -torch.where(heat == 1, (1 - chance) ** 2 * logs, (1 - heat) ** 4 * chance**2 * others).sum()
    goals = corners(targets[..., 1:]).gather(1, owner[..., None].expand(-1, -1, 4))
    _, general = overlap(corners(boxes), goals)
    return focal + REACH_WEIGHT * (reach * (1 - general)).sum()


def _hills(targets: Tensor, labels: int, grid: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """(n, places, labels) hills of height 1; (n, places) weights that sum to 1 over a box's places; (n, places) which box's they are.

    A place near the centres of several boxes belongs to the smallest.
    """
    n, count, _ = targets.shape
    down, across = grid
    there = targets[..., 0] >= 0
    size = torch.tensor([across, down], dtype=targets.dtype, device=targets.device)
    centre, half = targets[..., 1:3] * size, targets[..., 3:5] * size * REACH / 2  # (n, boxes, 2) in places
    peak = torch.minimum(centre.floor().clamp(min=0), size - 1)
    y, x = torch.meshgrid(torch.arange(down, device=targets.device), torch.arange(across, device=targets.device), indexing="ij")
    spots = torch.stack([x, y], dim=-1).reshape(1, 1, -1, 2)  # whole places; the peak's own is 0 away
    away = (spots - peak[:, :, None]).to(targets.dtype)
    spread = (2 * half + 1) / 6
    hill = torch.exp(-(away / spread[:, :, None]).square().sum(dim=-1) / 2) * there[..., None]  # (n, boxes, places)
    near = (away.abs() <= half[:, :, None].clamp(min=0.5)).all(dim=-1) & there[..., None]
    label = targets[..., 0].clamp(min=0).long()[:, :, None].expand_as(hill)
    heat = hill.new_zeros(n, labels, hill.shape[-1]).scatter_reduce_(1, label, hill, "amax")
    areas = (targets[..., 3] * targets[..., 4])[..., None].expand_as(hill).masked_fill(~near, torch.inf)
    smallest, owner = areas.min(dim=1)
    own = near & (torch.arange(count, device=targets.device)[None, :, None] == owner[:, None])
    weights = hill * own
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=LEAST)
    reach = weights.sum(dim=1).masked_fill(torch.isinf(smallest), 0.0)
    return heat.transpose(1, 2), reach, owner


def set_loss(logits: Tensor, boxes: Tensor, targets: Tensor, labels: int) -> Tensor:
    """() the sum over examples for a model that answers with a set of boxes: each true one is matched to one answer, at the least cost.

    logits (n, answers, labels) where each label is a question of its own (focal loss), or (n, answers, labels + 1) where the last is
    "no object". Source: Carion et al. 2020, arXiv:2005.12872, with its weights.
    """
    from scipy.optimize import linear_sum_assignment

    total = logits.sum() * 0
    whole = logits.shape[-1] == labels + 1
    for own, said, goal in zip(logits, corners(boxes), targets, strict=True):
        goal = goal[goal[:, 0] >= 0]
        label, true = goal[:, 0].long(), corners(goal[:, 1:])
        with torch.no_grad():
            chance = own.softmax(dim=-1) if whole else own.sigmoid()
            _, general = overlap(said[:, None], true[None])
            cost = L1_WEIGHT * torch.cdist(_centred(said), goal[:, 1:], p=1) - OVERLAP_WEIGHT * general - chance[:, label]
            places, which = linear_sum_assignment(np.nan_to_num(cost.double().cpu().numpy(), nan=1e6))
        at, of = torch.as_tensor(places, device=own.device), torch.as_tensor(which, device=own.device)
        if whole:
            wanted = torch.full((len(own),), labels, device=own.device)
            wanted[at] = label[of]
            weight = torch.where(wanted == labels, NOTHING, 1.0)
            total = total + (weight * functional.cross_entropy(own, wanted, reduction="none")).sum()
        else:
            told = torch.zeros_like(own)
            told[at, label[of]] = 1
            chance = own.sigmoid()
            each = functional.binary_cross_entropy_with_logits(own, told, reduction="none")
            total = total + (torch.where(told == 1, 0.25 * (1 - chance) ** 2, 0.75 * chance**2) * each).sum()
        _, general = overlap(said[at], true[of])
        apart = (_centred(said[at]) - goal[of, 1:]).abs().sum()
        total = total + L1_WEIGHT * apart + OVERLAP_WEIGHT * (1 - general).sum()
    return total


def _centred(boxes: Tensor) -> Tensor:
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], dim=-1)


def log_chances(logits: Tensor, labels: int) -> Tensor:
    """(n, answers, labels) log probability of each label; "no object" is left out."""
    logits = logits.float()
    return logits.log_softmax(dim=-1)[..., :labels] if logits.shape[-1] == labels + 1 else functional.logsigmoid(logits)


def box_log_prob(logs: Tensor, boxes: Tensor, targets: Tensor) -> Tensor:
    """(n,) of each target box the best answer's log(probability of its label x IoU), summed; of none, log(1 - the best answer)."""
    iou, _ = overlap(corners(boxes.float())[:, None], corners(targets[..., 1:])[:, :, None])  # (n, boxes, answers)
    label = targets[..., 0].clamp(min=0).long()
    own = logs.gather(2, label[:, None].expand(-1, logs.shape[1], -1)).transpose(1, 2)
    there = targets[..., 0] >= 0
    each = (own + iou.clamp(min=LEAST).log()).amax(dim=2).masked_fill(~there, 0.0).sum(dim=1)
    nothing = torch.log1p(-logs.flatten(1).amax(dim=1).exp().clamp(max=1 - LEAST))
    return torch.where(there.any(dim=1), each, nothing)


def found(logs: Tensor, boxes: Tensor, least: float, most_overlap: float) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(scores, labels, corners as shares of the picture) of each example, the likeliest first, at most MOST; 1: none is dropped."""
    answers = []
    for chances, ends in zip(logs.exp().double().cpu().numpy(), corners(boxes.float()).double().cpu().numpy(), strict=True):
        places, labels = np.nonzero(chances >= least)
        scores = chances[places, labels]
        order = np.argsort(-scores, kind="stable")[:CANDIDATES]
        places, labels, scores = places[order], labels[order], scores[order]
        best = kept(ends[places], scores, labels, most_overlap) if most_overlap < 1 else np.arange(min(MOST, len(places)))
        answers.append((scores[best], labels[best], ends[places[best]].clip(0, 1)))
    return answers
