"""The picture processor of models that are trained from scratch: size, grey or colour, mean and spread of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math.pictures import decode
from steelyard.parts import Processor
from steelyard.rows import Rows

SAMPLE = 2000  # pictures that size, mean and spread are read from, drawn evenly
LARGEST = 224  # pixels a side, where the pictures are larger and the recipe names no size


def picture_processor(rows: Rows, options: Mapping[str, Any], largest: int = LARGEST) -> Processor:
    """A ViTImageProcessorPil that scales to `image_size` (or the commonest size of the rows) and to mean 0, spread 1.

    options   image_size: int or None; image_mode: "L", "RGB" or None (grey where every picture of the sample is)
    largest   pixels of the longer side, where the options name no size
    """
    from PIL import Image
    from transformers import ViTImageProcessorPil

    if not len(rows):
        raise InputError(say("there is no training row to fit a picture size to"))
    some = rows.select(np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)))
    pictures = [decode(row["image"], "RGB") for row in some]
    mode = options.get("image_mode") or ("L" if all(_grey(picture) for picture in pictures) else "RGB")
    if size := options.get("image_size"):
        height = width = int(size)
    else:
        (height, width), _ = Counter(picture.shape[:2] for picture in pictures).most_common(1)[0]
        shrink = min(1.0, largest / max(height, width))
        height, width = round(height * shrink), round(width * shrink)
    small = [np.asarray(Image.fromarray(picture).convert(mode).resize((width, height))).reshape(height * width, -1) for picture in pictures]
    pixels = np.stack(small) / 255  # (pictures, places, channels)
    mean, spread = pixels.mean(axis=(0, 1)), pixels.std(axis=(0, 1))
    return ViTImageProcessorPil(size={"height": height, "width": width}, image_mean=[round(float(m), 4) for m in mean],
                             image_std=[round(float(max(s, 1e-3)), 4) for s in spread], do_convert_rgb=None)


def _grey(picture: np.ndarray) -> bool:
    return bool((picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all())
