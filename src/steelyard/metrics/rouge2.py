"""ROUGE-2."""

from typing import ClassVar

from steelyard.metrics._means import RowMean


class Rouge2(RowMean):
    """Needs rouge2 (rows,) float in [0, 1]."""

    name: ClassVar[str] = "rouge2"
    help: ClassVar[str] = "ROUGE-2: F1 of the pairs of words that both summaries have, without stemming, averaged; Chinese by characters"
    averaged: ClassVar[str] = "rouge2"


PART = Rouge2
