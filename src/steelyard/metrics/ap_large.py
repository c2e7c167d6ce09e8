"""COCO's average precision of large boxes."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class ApLarge(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap-large"
    help: ClassVar[str] = "average precision of boxes of 96 x 96 pixels and more, as COCO"
    size: ClassVar[int] = 3


PART = ApLarge
