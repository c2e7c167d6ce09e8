"""Average precision of boxes that overlap the true one by half."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class Ap50(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap50"
    help: ClassVar[str] = "average precision of boxes that overlap a true one by an IoU of 0.5, mean over labels, as COCO"
    overlaps: ClassVar[slice] = slice(0, 1)


PART = Ap50
