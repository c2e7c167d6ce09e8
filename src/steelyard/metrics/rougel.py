"""ROUGE-L."""

from typing import ClassVar

from steelyard.metrics._means import RowMean


class RougeL(RowMean):
    """Needs rougel (rows,) float in [0, 1]."""

    name: ClassVar[str] = "rougel"
    help: ClassVar[str] = "ROUGE-L: F1 of the longest common subsequence of words, without stemming, averaged; Chinese by characters"
    averaged: ClassVar[str] = "rougel"


PART = RougeL
