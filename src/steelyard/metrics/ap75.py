"""Average precision of boxes that overlap the true one by three quarters."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class Ap75(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap75"
    help: ClassVar[str] = "average precision of boxes that overlap a true one by an IoU of 0.75, mean over labels, as COCO"
    overlaps: ClassVar[slice] = slice(5, 6)


PART = Ap75
