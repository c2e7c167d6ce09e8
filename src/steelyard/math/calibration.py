"""Whether probabilities mean what they say: calibration of the top class, in float64. Bins are closed above.

Throughout: `confidence` (rows,) float, the probability of the answer; `right` (rows,) bool or 0 and 1.
"""

from dataclasses import dataclass

import numpy as np

from steelyard.math.influence import Z
from steelyard.math.intervals import mean, wilson

NUM_BINS = 15
CERTAIN = 3.0  # standard errors from which a bin's sign is believed
DRAWS = 2000


def top_class(probs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, classes) float and (rows,) int64 -> confidence (rows,) float64 and right (rows,) bool of the likeliest class."""
    probs = np.asarray(probs, dtype=np.float64)
    if len(probs) == 0:
        return np.zeros(0), np.zeros(0, dtype=bool)
    return probs.max(axis=1), probs.argmax(axis=1) == labels


def bin_numbers(confidence: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """(rows,) int64, the bin of equal width of each confidence; what rounding puts outside [0, 1] goes to the end bins."""
    return np.clip(np.ceil(np.asarray(confidence, dtype=np.float64) * num_bins).astype(np.int64) - 1, 0, num_bins - 1)


def calibration_error(confidence: np.ndarray, right: np.ndarray, num_bins: int = NUM_BINS) -> float:
    """Expected calibration error, in [0, 1], 0 is best; nan for no rows or a NaN. An empty bin weighs nothing.

    A sample of a perfectly calibrated model has more than 0: read it beside `perfect_quantile`.
    Source: Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    if len(confidence) == 0 or np.isnan(confidence).any():
        return np.nan
    excess = np.asarray(right, dtype=np.float64) - confidence
    return float(np.abs(np.bincount(bin_numbers(confidence, num_bins), excess, num_bins)).sum() / len(confidence))


def error_interval(confidence: np.ndarray, right: np.ndarray, num_bins: int = NUM_BINS, seed: int = 0) -> tuple[float, float]:
    """(low, high) of the calibration error in the population, same bins. Conservative: it covers 94% and more.

    The error is a sum of absolute values, so noise pushes it up. High: |a + h| >= |a| + sign(a) h, so the signed noise bounds it.
    Low: the 97.5% quantile of the noise where a bin's sign is certain, of its absolute value elsewhere (seeded normal draws).
    nan for no rows or a NaN. Source: Fang & Santos 2019, Review of Economic Studies 86:377 (the derivative of a norm).
    """
    value = calibration_error(confidence, right, num_bins)
    if np.isnan(value):
        return np.nan, np.nan
    n, at = len(confidence), bin_numbers(confidence, num_bins)
    excess = np.asarray(right, dtype=np.float64) - confidence
    count = np.bincount(at, minlength=num_bins)
    total, filled = np.bincount(at, excess, num_bins), np.maximum(count, 1)
    share = (np.bincount(at, right, num_bins) + 1) / (count + 2)  # smoothed: ten of ten right are not certainly right
    within = np.bincount(at, excess**2, num_bins) - total**2 / filled
    within = np.where(count > 0, np.maximum(within, count * share * (1 - share)), 0.0)
    variance = (within + total**2 / filled * (1 - count / n)) / n**2
    error = np.sqrt(variance)
    noise = np.random.default_rng(seed).standard_normal((DRAWS, num_bins)) * error
    doubtful = np.abs(total / n) <= CERTAIN * error
    pushed = np.where(doubtful, np.abs(noise), noise * np.sign(total)).sum(axis=1)
    return max(value - float(np.quantile(pushed, 0.975)), 0.0), min(value + Z * float(np.sqrt(variance.sum())), 1.0)


def perfect_quantile(confidence: np.ndarray, num_bins: int = NUM_BINS, seed: int = 0, draws: int = 400) -> float:
    """The calibration error that a perfectly calibrated model with these confidences stays below in 95% of samples.

    nan for no rows or a NaN. Source: simulation, right ~ Bernoulli(confidence); Vaicenavicius et al. 2019, arXiv:1902.06977.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    if len(confidence) == 0 or np.isnan(confidence).any():
        return np.nan
    order = np.argsort(confidence)
    sorted_confidence = np.clip(confidence[order], 0.0, 1.0)
    starts = np.searchsorted(bin_numbers(sorted_confidence, num_bins), np.arange(num_bins))
    edges = np.append(starts, len(confidence))
    rng = np.random.default_rng(seed)
    errors = np.empty(draws)
    for draw in range(draws):
        excess = (rng.random(len(confidence)) < sorted_confidence) - sorted_confidence
        totals = np.concatenate([[0.0], np.cumsum(excess)])
        errors[draw] = np.abs(np.diff(totals[edges])).sum() / len(confidence)
    return float(np.quantile(errors, 0.95))


@dataclass(frozen=True)
class Reliability:
    """The bins of a reliability diagram that have rows, one entry each; low and high are Wilson's, of the accuracy."""

    left: np.ndarray
    right: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray


def reliability(confidence: np.ndarray, right: np.ndarray, num_bins: int = NUM_BINS) -> Reliability:
    """Mean confidence and accuracy a bin. Rows of NaN confidence are left out. Source: DeGroot & Fienberg 1983, The Statistician 32:12."""
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    known = ~np.isnan(confidence)
    confidence, right = confidence[known], right[known]
    at = bin_numbers(confidence, num_bins)
    count = np.bincount(at, minlength=num_bins)
    filled = np.flatnonzero(count)
    hits, number = np.bincount(at, right, num_bins)[filled], count[filled]
    low, high = wilson(hits, number)
    return Reliability(filled / num_bins, (filled + 1) / num_bins, number,
                       np.bincount(at, confidence, num_bins)[filled] / number, hits / number, low, high)


def overconfidence(confidence: np.ndarray, right: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float, float]:
    """(value, low, high) of mean confidence minus accuracy, in [-1, 1]: above 0 the model promises more than it holds."""
    return mean(np.asarray(confidence, dtype=np.float64) - np.asarray(right, dtype=np.float64), clusters)
