"""COCO's average precision of boxes."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class Ap(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap"
    help: ClassVar[str] = "average precision of boxes: mean over labels and over overlaps (IoU) from 0.50 to 0.95, as COCO"


PART = Ap
