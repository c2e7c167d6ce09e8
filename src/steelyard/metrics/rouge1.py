"""ROUGE-1."""

from typing import ClassVar

from steelyard.metrics._means import RowMean


class Rouge1(RowMean):
    """Needs rouge1 (rows,) float in [0, 1]."""

    name: ClassVar[str] = "rouge1"
    help: ClassVar[str] = "ROUGE-1: F1 of the words that both summaries have, without stemming, averaged; Chinese by characters"
    averaged: ClassVar[str] = "rouge1"


PART = Rouge1
