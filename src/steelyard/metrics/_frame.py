"""What the metrics of this room share: a value and its ends become a Quantity."""

import numpy as np

from steelyard.facts import Quantity, unmeasured
from steelyard.language import Sentence, say


def framed(ends: tuple[float, float, float], n: int, how: str, unit: str, better: str, why: Sentence, lacking: str = "") -> Quantity:
    """(value, low, high) -> Quantity; a value that is nan is unmeasured, for the reason `why`; `lacking` says why it has no ends."""
    value, low, high = ends
    if np.isnan(value):
        return unmeasured(why, unit, n)
    if np.isnan(low) or np.isnan(high):
        return Quantity(value=value, n=n, unit=unit, how=f"no interval: {lacking}", better=better)
    return Quantity(value=value, low=low, high=high, n=n, unit=unit, how=how, better=better)


def no_rows() -> Sentence:
    """The reason when there is nothing to measure."""
    return say("there are no rows")


def undefined_probability(n: int) -> Sentence:
    """The reason when probabilities cannot be used."""
    return no_rows() if n == 0 else say("a probability is not a number (NaN)")


def over(clusters: np.ndarray | None) -> str:
    """" over 30 clusters", or nothing."""
    return "" if clusters is None else f" over {len(np.unique(clusters))} clusters"
