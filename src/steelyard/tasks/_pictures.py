"""What tasks that read pictures have in common: how a picture is hidden piece by piece, scaled and shown."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.parts import Example, Processor, Row, Task, Units
from steelyard.rows import Rows

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

CELLS = 8  # a picture is hidden in some 8 x 8 pieces


@dataclass(frozen=True)
class Seen(Task):
    """Abstract: an example's first field is `pixels`, (channels, height, width) uint8."""

    takes: ClassVar[str] = "image"
    ways: ClassVar[tuple[str, str]] = ("mean", "blur")

    def texts(self, rows: Rows) -> Iterator[str]:
        """None: pictures bring no text."""
        return iter(())

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """Square cells, some 8 across the longer side; places are (left, top, right, bottom) in the example's pixels."""
        _, height, width = example["pixels"].shape
        side = max(1, round(max(height, width) / CELLS))
        down, across = -(-height // side), -(-width // side)
        of = (np.arange(height)[:, None] // side) * across + np.arange(width)[None, :] // side
        places = tuple((x * side, y * side, min((x + 1) * side, width), min((y + 1) * side, height))
                       for y in range(down) for x in range(across))
        return Units(of, places)

    def spot(self, place: Sequence[int]) -> Sentence:
        """A cell, in the example's pixels."""
        left, top, right, bottom = place
        return say("pixels {left} to {right} across, {top} to {bottom} down", left=left, right=right - 1, top=top, bottom=bottom - 1)

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """mean: the training pictures' mean colour; blur: what a blur by a sixth of the side leaves of it."""
        pixels, gone = example["pixels"], hidden[units.of]
        if way == "mean":
            fill = np.array(processor.image_mean)[:, None, None] / processor.rescale_factor
        else:
            fill = _blurred(pixels)
        return {**example, "pixels": np.where(gone, fill.round().clip(0, 255), pixels).astype(np.uint8)}

    def surface(self, rows: Sequence[Row], examples: Sequence[Example], units: Sequence[Units],
                train: Rows) -> Mapping[str, list[np.ndarray]]:
        """ink: how far a cell is from the picture's median; edges: its gradients; centre: how near the middle it is."""
        ink, edges, centre = [], [], []
        for example, own in zip(examples, units, strict=True):
            grey = example["pixels"].mean(axis=0, dtype=np.float64)
            across, down = np.abs(np.diff(grey, axis=1, append=grey[:, -1:])), np.abs(np.diff(grey, axis=0, append=grey[-1:]))
            ink.append(_per_unit(np.abs(grey - np.median(grey)), own))
            edges.append(_per_unit(across + down, own))
            height, width = grey.shape
            boxes = np.array(own.places, dtype=np.float64)
            x, y = (boxes[:, 0] + boxes[:, 2] - width) / width, (boxes[:, 1] + boxes[:, 3] - height) / height
            centre.append(-np.hypot(x, y))
        return {"ink": ink, "edges": edges, "centre": centre}


def url(picture: Image) -> str:
    """The picture as a data: URL of a PNG."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


@lru_cache(16)
def scaling(factor: float, mean: tuple[float, ...], spread: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Two (channels, 1, 1): pixels * the first + the second have mean 0 and spread 1."""
    import torch

    spreads = torch.tensor(spread)[:, None, None]
    return torch.tensor(factor) / spreads, -torch.tensor(mean)[:, None, None] / spreads


def _blurred(pixels: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    sigma = max(pixels.shape[1:]) / 6
    blurred: np.ndarray = gaussian_filter(pixels.astype(np.float64), sigma=(0, sigma, sigma), mode="nearest")
    return blurred


def _per_unit(values: np.ndarray, units: Units) -> np.ndarray:
    """Mean of (height, width) over each unit's pixels."""
    sums = np.bincount(units.of.ravel(), weights=values.ravel(), minlength=len(units))
    return sums / np.bincount(units.of.ravel(), minlength=len(units))


COLOURS = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#46f0f0", "#f032e6", "#d2f53c", "#808000", "#000080")
SHOWN = 320  # pixels of the longer side


def drawn(picture: np.ndarray, true: np.ndarray, said: Sequence[tuple[str, int, Sequence[float]]]) -> Image:
    """(height, width, 3) uint8, reduced to SHOWN, with the boxes `true` (n, 4) in white and those `said` (label, colour, corners)."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    share = SHOWN / max(image.size)
    image = image.resize((max(1, round(image.width * share)), max(1, round(image.height * share))))
    pen = ImageDraw.Draw(image)
    for box in true:
        pen.rectangle([float(end) * share for end in box], outline="white", width=1)
    for label, colour, box in said:
        ends = [float(end) * share for end in box]
        pen.rectangle(ends, outline=COLOURS[colour % len(COLOURS)], width=2)
        pen.text((ends[0] + 3, ends[1] + 1), label[:12].encode("ascii", "replace").decode(), fill=COLOURS[colour % len(COLOURS)])
    return image
