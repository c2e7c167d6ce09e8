"""How what a model hears is varied: faster and slower, and with pieces left out. Sounds are (batch, frames, width) or (batch, samples)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

MASKS = 2  # of time, and of frequency, each
WIDEST_TIME, WIDEST_BAND = 0.15, 0.25  # a mask's share of the frames, and of the bands, at most


def faster(sounds: Tensor, lengths: Tensor, factors: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """(sounds, lengths): each `factors` times as fast, read off between its frames in a straight line; zeros beyond its end.

    sounds    (batch, frames[, bands]) float
    lengths   (batch,) int64 frames of each that are heard
    factors   (batch,) float, 2: twice as fast
    width     frames of the result, at least the longest of round(lengths / factors)

    Of samples this moves the pitch too, as a tape does (Ko et al. 2015); of spectra it moves the pace only.
    """
    import torch

    new = (lengths / factors).round().long().clamp(min=1)
    places = torch.arange(width, device=sounds.device)[None] * factors[:, None].to(sounds)
    places = torch.minimum(places, (lengths[:, None] - 1).to(sounds))
    low = places.floor().long()
    high = torch.minimum(low + 1, lengths[:, None] - 1)
    share = (places - low).to(sounds)
    if sounds.dim() == 3:
        low, high, share = (values[:, :, None].expand(-1, -1, sounds.shape[2]) for values in (low, high, share))
    mixed = sounds.gather(1, low) * (1 - share) + sounds.gather(1, high) * share
    inside = torch.arange(width, device=sounds.device)[None] < new[:, None]
    return mixed * (inside[:, :, None] if sounds.dim() == 3 else inside).to(sounds), new


def masked(sounds: Tensor, lengths: Tensor, draws: np.ndarray) -> Tensor:
    """The sounds with MASKS spans of time, and of spectra as many bands of frequency, set to each sound's own mean.

    sounds  (batch, frames[, bands]), 0 behind each one's end
    draws   (batch, 4 * MASKS) in [0, 1): a width and a place for each; a width is drawn up to WIDEST_TIME, WIDEST_BAND
    Source: SpecAugment, Park et al. 2019, arXiv:1904.08779, without its warping.
    """
    import torch

    drawn = torch.from_numpy(draws).to(sounds)
    size = lengths.to(sounds) * (sounds.shape[2] if sounds.dim() == 3 else 1)
    mean = sounds.flatten(1).sum(dim=1) / size.clamp(min=1)  # behind its end a sound is 0
    mean = mean.view(-1, *[1] * (sounds.dim() - 1))
    inside = torch.arange(sounds.shape[1], device=sounds.device)[None] < lengths[:, None]
    frames = torch.arange(sounds.shape[1], device=sounds.device)[None].to(sounds)
    for number in range(MASKS):
        wide = (drawn[:, 2 * number] * WIDEST_TIME * lengths).floor()
        start = (drawn[:, 2 * number + 1] * (lengths - wide + 1)).floor()
        gone = (frames >= start[:, None]) & (frames < (start + wide)[:, None])
        sounds = torch.where(gone[:, :, None] if sounds.dim() == 3 else gone, mean, sounds)
    if sounds.dim() == 2:
        return sounds
    bands = torch.arange(sounds.shape[2], device=sounds.device)[None].to(sounds)
    for number in range(MASKS, 2 * MASKS):
        wide = (drawn[:, 2 * number] * WIDEST_BAND * sounds.shape[2]).floor()
        start = (drawn[:, 2 * number + 1] * (sounds.shape[2] - wide + 1)).floor()
        gone = (bands >= start[:, None]) & (bands < (start + wide)[:, None])
        sounds = torch.where(gone[:, None] & inside[:, :, None], mean, sounds)
    return sounds
