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
    rows = torch.arange(len(sounds), device=sounds.device)[:, None]
    before, after = sounds[rows, low], sounds[rows, high]
    mixed = torch.lerp(before, after, share[:, :, None] if sounds.dim() == 3 else share)
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
    gone = _spans(drawn[:, : 2 * MASKS], lengths.to(sounds), WIDEST_TIME, sounds.shape[1])
    if sounds.dim() == 2:
        return torch.where(gone, mean, sounds)
    bands = _spans(drawn[:, 2 * MASKS :], torch.full_like(size, sounds.shape[2]), WIDEST_BAND, sounds.shape[2])
    return torch.where(gone[:, :, None] | (bands[:, None] & inside[:, :, None]), mean, sounds)


def _spans(draws: Tensor, sizes: Tensor, widest: float, width: int) -> Tensor:
    """(batch, width) whether a place lies in one of the spans; draws (batch, 2 * MASKS), sizes (batch,) places to draw from."""
    import torch

    wide = (draws[:, 0::2] * widest * sizes[:, None]).floor()
    start = (draws[:, 1::2] * (sizes[:, None] - wide + 1)).floor()
    places = torch.arange(width, device=draws.device)[None, None]
    return ((places >= start[:, :, None]) & (places < (start + wide)[:, :, None])).any(dim=1)
