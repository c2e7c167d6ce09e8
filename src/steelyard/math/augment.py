"""Pictures changed as a whole batch: mirrored, moved, cut out, reduced, mixed. What is random is given in, so each is a pure function.

Pictures are (n, channels, height, width) tensors of any dtype; draws are (n, k) numbers in [0, 1), one row a picture
(math/draws.py makes them from keys). The results are new tensors of the same dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def flip(pictures: Tensor, draws: np.ndarray) -> Tensor:
    """Left and right exchanged where the draw is below one half. draws (n, 1)."""
    import torch

    mirrored = torch.from_numpy(draws[:, 0] < 0.5).to(pictures.device)
    return torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)


def shift(pictures: Tensor, draws: np.ndarray, pixels: int, padding: Literal["reflect", "zero"] = "reflect") -> Tensor:
    """Moved down and to the right by whole pixels, each drawn evenly from -pixels to pixels. draws (n, 2): down, right.

    reflect continues a picture as a mirror at its edge pixel would, back and forth where that does not suffice; zero with 0,
    the mean colour of centred pictures.
    """
    import torch

    n, _, height, width = pictures.shape
    if not n or not pixels:
        return pictures.clone()
    moves = np.floor(draws * (2 * pixels + 1)).astype(np.int64) - pixels
    down, right = (torch.from_numpy(moves[:, axis]) for axis in (0, 1))
    rows, columns = torch.arange(height) - down[:, None], torch.arange(width) - right[:, None]  # (n, height), (n, width)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    which = torch.arange(n)[:, None, None]
    rows, columns = _reflected(rows, height), _reflected(columns, width)
    moved = pictures.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return moved if padding == "reflect" else moved * inside[:, None].to(pictures)


def _reflected(places: Tensor, size: int) -> Tensor:
    """Any whole place -> one from 0 to size - 1, mirrored at both ends; the end places are not doubled."""
    import torch

    period = max(1, 2 * (size - 1))
    places = places.remainder(period)
    return torch.minimum(places, period - places) if size > 1 else torch.zeros_like(places)


def cutout(pictures: Tensor, draws: np.ndarray, pixels: int) -> Tensor:
    """A square of `pixels` a side set to 0, its centre drawn evenly over the picture, so that part of it may lie outside.

    draws   (n, 2): the centre's row and column
    Source: DeVries & Taylor 2017, arXiv:1708.04552.
    """
    import torch

    height, width = pictures.shape[2:]
    spans = []
    for axis, size in enumerate((height, width)):
        first = torch.from_numpy(np.floor(draws[:, axis] * size).astype(np.int64) - pixels // 2)[:, None]
        places = torch.arange(size)
        spans.append((places >= first) & (places < first + pixels))
    gone = spans[0][:, :, None] & spans[1][:, None, :]
    return pictures.masked_fill(gone[:, None].to(pictures.device), 0)


def smaller(pictures: Tensor, size: int) -> Tensor:
    """Reduced so that the longer side has `size` pixels, each the mean of those that it stands for, weighed by a triangle.

    Pictures that are no larger stay as they are. Floats only.
    """
    import torch

    height, width = pictures.shape[2:]
    if max(height, width) <= size or not len(pictures):
        return pictures.clone()
    share = size / max(height, width)
    return torch.nn.functional.interpolate(pictures, size=(max(1, round(height * share)), max(1, round(width * share))),
                                           mode="bilinear", antialias=True)


def mixup(pictures: Tensor, targets: Tensor, draws: np.ndarray, alpha: float) -> tuple[Tensor, Tensor]:
    """Each picture and its target blended with those of another picture of the batch: ((n, c, h, w), (n, classes)).

    targets   (n, classes) float, rows that sum to 1 (one-hot, say)
    draws     (n, 2): the order in which each is paired with its successor (the last with the first), and the share
    alpha     above 0: the larger share of the two is that of Beta(alpha, alpha), and is the picture's own

    Source: Zhang et al. 2018, arXiv:1710.09412, a share a picture.
    """
    import torch
    from scipy.special import betaincinv

    order = np.argsort(draws[:, 0], kind="stable")
    mates = np.empty_like(order)
    mates[order] = np.roll(order, -1)
    share = betaincinv(alpha, alpha, draws[:, 1])
    own = torch.from_numpy(np.maximum(share, 1 - share)).to(pictures.device)
    other = torch.from_numpy(mates).to(pictures.device)
    blended = torch.lerp(pictures[other], pictures, own.to(pictures)[:, None, None, None])
    return blended, torch.lerp(targets[other], targets, own.to(targets)[:, None])
