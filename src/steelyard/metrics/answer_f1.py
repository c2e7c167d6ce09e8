"""Questions: mean F1 of words with the nearest true answer."""

from typing import ClassVar

from steelyard.metrics._means import RowMean


class AnswerF1(RowMean):
    """Needs f1 (rows,) float in [0, 1]."""

    name: ClassVar[str] = "answer-f1"
    help: ClassVar[str] = "mean F1 of words with the nearest true answer (SQuAD's script); of characters in Chinese (CMRC 2018)"
    averaged: ClassVar[str] = "f1"


PART = AnswerF1
