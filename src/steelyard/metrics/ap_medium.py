"""COCO's average precision of boxes of middling size."""

from typing import ClassVar

from steelyard.metrics._precision import BoxPrecision


class ApMedium(BoxPrecision):
    """See BoxPrecision."""

    name: ClassVar[str] = "ap-medium"
    help: ClassVar[str] = "average precision of boxes between 32 x 32 and 96 x 96 pixels, as COCO"
    size: ClassVar[int] = 2


PART = ApMedium
