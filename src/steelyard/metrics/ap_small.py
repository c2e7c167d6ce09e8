"""COCO's average precision of small boxes."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class ApSmall(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap-small"
    help: ClassVar[str] = "average precision of boxes of up to 32 x 32 pixels, as COCO"
    size: ClassVar[int] = 1


PART = ApSmall
