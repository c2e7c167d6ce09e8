"""How far groups' rates lie apart, as seen and with sampling noise taken out."""

from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True)
class Spread:
    """Of groups' rates; all in the unit of a share.

    raw_gap, raw_deviation   largest minus smallest rate, and standard deviation (n - 1), as seen
    gap, deviation           the same without what sampling alone adds; 0 where noise explains all. Never negative, so of 8 equal
                             groups of 100 at 0.9 its median is 0 and its mean 2.5 points (raw: 8.5)
    by_chance                the raw gap that groups of these sizes show on average when all have one rate
    p_value                  of "all have one rate": how often such groups show a gap like this (seeded simulation)
    """

    raw_gap: float
    raw_deviation: float
    gap: float
    deviation: float
    by_chance: float
    p_value: float


def spread(successes: np.ndarray, n: np.ndarray, seed: int = 0) -> Spread | None:
    """successes, n (groups,) int64 -> Spread, over groups of at least two rows; None for fewer than two such groups.

    Variance between groups: that of the rates minus the mean of their sampling variances (unbiased; cut at 0). The gap is that
    of rates drawn towards their mean until their variance is that one. Source: Lum, Zhang & Bower 2022, "De-biasing bias
    measurement", FAccT (the double-corrected variance); Louis 1984, JASA 79:393 (the constrained shrinkage).
    """
    successes, n = np.asarray(successes, dtype=np.int64), np.asarray(n, dtype=np.int64)
    successes, n = successes[n >= 2], n[n >= 2]
    if len(n) < 2:
        return None
    rates, pooled = successes / n, successes.sum() / n.sum()
    raw_gap, raw_variance = float(rates.max() - rates.min()), float(rates.var(ddof=1))
    between = max(raw_variance - float((rates * (1 - rates) / (n - 1)).mean()), 0.0)
    noise = pooled * (1 - pooled) / n
    kept = np.sqrt(between / (between + noise)) if between > 0 else np.zeros(len(n))
    drawn = pooled + kept * (rates - pooled)
    chance = np.random.default_rng(seed).binomial(n, pooled, (DRAWS, len(n))) / n
    gaps = chance.max(axis=1) - chance.min(axis=1)
    return Spread(raw_gap, raw_variance**0.5, min(float(drawn.max() - drawn.min()), raw_gap), between**0.5,
                  float(gaps.mean()), float((1 + (gaps >= raw_gap - 1e-12).sum()) / (DRAWS + 1)))
