"""Pictures of one size, and boxes that go along where a picture is mirrored or moved.

Boxes are goals, (examples, boxes, 5): label, centre, width and height as shares of the picture; the label -1 behind the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from steelyard.parts import Processor

if TYPE_CHECKING:
    from torch import Tensor

STAYS = 0.3  # of a box has to stay in a picture that is moved; else it is gone


def stretched(picture: np.ndarray, processor: Processor) -> np.ndarray:
    """(height, width[, 3]) uint8 -> (channels, height, width) uint8, all of one size: one that names a shorter side gets a square."""
    from PIL import Image

    size = processor.size
    height, width = (int(size.get(side) or size["shortest_edge"]) for side in ("height", "width"))
    if picture.shape[:2] != (height, width):
        picture = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1))


def mirrored(goals: Tensor, which: np.ndarray) -> Tensor:
    """Left and right exchanged in those examples."""
    import torch

    swap = torch.from_numpy(which).to(goals.device)[:, None] & (goals[..., 0] >= 0)
    other = goals.clone()
    other[..., 1] = torch.where(swap, 1 - goals[..., 1], goals[..., 1])
    return other


def moved(goals: Tensor, moves: np.ndarray) -> Tensor:
    """Moved by (examples, 2) shares of the picture, right and down; clipped, and -1 where less than STAYS is left."""
    import torch

    by = torch.from_numpy(np.ascontiguousarray(moves)).to(goals)[:, None]
    low = (goals[..., 1:3] + by - goals[..., 3:] / 2).clamp(0, 1)
    high = (goals[..., 1:3] + by + goals[..., 3:] / 2).clamp(0, 1)
    sides = high - low
    stays = sides.prod(dim=-1) >= STAYS * goals[..., 3:].prod(dim=-1)
    there = (goals[..., 0] >= 0) & stays & (sides > 0).all(dim=-1)
    all_moved = torch.cat([goals[..., :1], (low + high) / 2, sides], dim=-1)
    return torch.where(there[..., None], all_moved, torch.full_like(all_moved, -1.0))
