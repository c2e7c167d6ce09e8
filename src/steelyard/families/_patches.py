"""Pictures that are cut into square patches: how large a patch is, and sides that it divides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import InputError
from steelyard.families._pictures import picture_processor
from steelyard.language import say
from steelyard.parts import Processor
from steelyard.rows import Rows

ACROSS = 8  # patches along the longer side, where nothing is told: attention's cost grows with the fourth power
LARGEST = 16  # pixels a side of a patch
MOST = 32  # patches along a side


def patched_processor(rows: Rows, options: Mapping[str, Any]) -> Processor:
    """`picture_processor`, its size brought to the nearest multiple of the patch; a size that the recipe names stays.

    options   patch_size and image_size: int or None
    Raises InputError where a size that is named cannot be divided.
    """
    processor = picture_processor(rows, options)
    height, width = processor.size["height"], processor.size["width"]
    told = options.get("patch_size")
    patch = int(told) if told else wanted(height, width)
    if options.get("image_size"):
        patch_size(processor, options)
    else:
        processor.size = {"height": max(1, round(height / patch)) * patch, "width": max(1, round(width / patch)) * patch}
    return processor


def wanted(height: int, width: int) -> int:
    """Pixels a side of a patch, whether it divides the picture or not."""
    return min(LARGEST, max(1, round(max(height, width) / ACROSS)))


def patch_size(processor: Processor, options: Mapping[str, Any]) -> int:
    """The recipe's, or the one that divides the processor's pictures and is nearest to what is wanted. Raises InputError."""
    height, width = processor.size["height"], processor.size["width"]
    if told := options.get("patch_size"):
        if height % int(told) or width % int(told):
            raise InputError(say("model.options.patch_size: pictures of {height} x {width} pixels cannot be cut into patches of {patch}; "
                                 "want data.image_size to be a multiple of it", height=height, width=width, patch=told))
        return int(told)
    fitting = [side for side in range(1, min(height, width) + 1) if height % side == 0 and width % side == 0]
    best = min(fitting, key=lambda side: abs(side - wanted(height, width)))
    if max(height, width) > MOST * best:
        raise InputError(say("data.image_size: pictures of {height} x {width} pixels cannot be cut into patches of some {patch} pixels; "
                             "choose a multiple of it, or leave image_size out", height=height, width=width, patch=wanted(height, width)))
    return best


def sides(processor: Processor) -> int | list[int]:
    """The processor's size as configurations have it: one number for squares, else height and width."""
    height, width = processor.size["height"], processor.size["width"]
    return int(height) if height == width else [int(height), int(width)]
