"""Questions: share of answers that are a true one but for case, punctuation and articles."""

from typing import ClassVar

from steelyard.metrics._means import RowMean


class ExactMatch(RowMean):
    """Needs exact (rows,) float in [0, 1]."""

    name: ClassVar[str] = "exact-match"
    help: ClassVar[str] = "share of answers that are a true one but for case, signs and articles (SQuAD's script; CMRC 2018's in Chinese)"
    averaged: ClassVar[str] = "exact"


PART = ExactMatch
