"""A detector that knows no shape: what stands out from the picture's median colour, named as the training boxes most like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from steelyard.math.pictures import decode

SIDE = 160  # pixels of the longer side that is looked at
FEW = 300  # training pictures, drawn evenly
NEAREST = 5  # training boxes that name a blob
LEAST = 12  # pixels of a blob
SPECK = 2.0  # pixels by which the picture is blurred first

Named = tuple[str, np.ndarray]  # label, (left, top, right, bottom) in shares of the picture


def small(stored: bytes) -> np.ndarray:
    """(height, width, 3) float64, the longer side SIDE pixels at most."""
    from PIL import Image

    picture = Image.fromarray(decode(stored, "RGB"))
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(picture, dtype=np.float64)


def blobs(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """(4,) in shares of the picture: connected places that are far from the median colour, by Otsu's threshold."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(pixels, (SPECK / 2, SPECK / 2, 0))
    far = np.abs(smooth - np.median(smooth, axis=(0, 1))).sum(axis=2)
    marked, _ = ndimage.label(ndimage.binary_fill_holes(far > _otsu(far)))
    height, width = far.shape
    for number, place in enumerate(ndimage.find_objects(marked), start=1):
        rows, columns = place
        if (marked[place] == number).sum() >= LEAST:
            yield np.array([columns.start / width, rows.start / height, columns.stop / width, rows.stop / height])


def _otsu(values: np.ndarray) -> float:
    """The threshold that parts the values best in two. Source: Otsu 1979, IEEE SMC 9:62."""
    counts, edges = np.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    low = np.cumsum(counts * middles) / np.maximum(below, 1)
    high = np.cumsum((counts * middles)[::-1])[::-1] / np.maximum(above, 1)
    between = below[:-1] * above[1:] * (low[:-1] - high[1:]) ** 2
    return float(edges[1:-1][between.argmax()])


def _traits(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(6,) mean colour inside, log of width and height, and how much the colours vary."""
    height, width = pixels.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    part = pixels[top : max(top + 1, round(box[3] * height)), left : max(left + 1, round(box[2] * width))]
    sides = np.log(np.maximum(box[2:] - box[:2], 1e-3))
    return np.concatenate([part.mean(axis=(0, 1)) / 64, sides, [part.std() / 64]])


class Blobs:
    """Fitted to pictures with boxes; answers (label, box, share of the NEAREST that say so)."""

    def __init__(self, pictures: Sequence[tuple[bytes, Sequence[Named]]]) -> None:
        traits, self.labels = [], []
        for stored, boxes in pictures:
            pixels = small(stored) if boxes else np.zeros((1, 1, 3))
            for label, box in boxes:
                traits.append(_traits(pixels, box))
                self.labels.append(label)
        self.traits = np.array(traits).reshape(-1, 6)

    def __call__(self, stored: bytes) -> list[tuple[str, np.ndarray, float]]:
        """The largest 100 blobs."""
        pixels = small(stored)
        found: list[Any] = []
        for box in blobs(pixels):
            if len(self.labels):
                near = np.argsort(np.square(self.traits - _traits(pixels, box)).sum(axis=1), kind="stable")[:NEAREST]
                label, count = Counter(self.labels[place] for place in near).most_common(1)[0]
                found.append((label, box, count / NEAREST))
        return sorted(found, key=lambda entry: -float((entry[1][2] - entry[1][0]) * (entry[1][3] - entry[1][1])))[:100]
