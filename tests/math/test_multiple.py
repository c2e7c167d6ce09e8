"""Adjusted p-values against loops and scipy; the test of two proportions."""

import math

import numpy as np
import pytest

from steelyard.math.multiple import benjamini_hochberg, holm, two_proportions_p

P_VALUES = np.array([0.01, 0.04, 0.03, 0.005, 0.9, 0.03])


def literal_holm(p_values: list[float]) -> list[float]:
    """Each p times how many are not smaller, never below an earlier one."""
    ordered = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, so_far = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(ordered):
        so_far = max(so_far, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = so_far
    return adjusted


def test_holm() -> None:
    assert holm(P_VALUES) == pytest.approx(literal_holm(P_VALUES.tolist()), abs=1e-15)
    drawn = np.random.default_rng(0).random(40)
    assert holm(drawn) == pytest.approx(literal_holm(drawn.tolist()), abs=1e-15)


def test_benjamini_hochberg() -> None:
    from scipy.stats import false_discovery_control

    for p_values in (P_VALUES, np.random.default_rng(1).random(40) ** 2):
        assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values), abs=1e-15)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_edges(adjust) -> None:  # type: ignore[no-untyped-def]
    assert len(adjust(np.array([]))) == 0
    assert adjust(np.array([0.03])).tolist() == [0.03]
    with_gap = adjust(np.array([0.01, math.nan, 0.04]))
    assert with_gap[[0, 2]] == pytest.approx(adjust(np.array([0.01, 0.04]))) and math.isnan(with_gap[1])
    assert adjust(np.array([0.9, 0.9])).max() <= 1


def test_two_proportions() -> None:
    from scipy.stats import chi2, chi2_contingency, fisher_exact

    table = [[30, 70], [45, 55]]
    statistic = chi2_contingency(table, correction=False).statistic
    assert two_proportions_p(30, 100, 45, 100) == pytest.approx(chi2.sf(statistic * 199 / 200, 1), rel=1e-9)
    assert two_proportions_p(1, 50, 0, 5) == pytest.approx(fisher_exact([[1, 49], [0, 5]]).pvalue)


def test_two_proportions_edges() -> None:
    assert two_proportions_p(0, 10, 0, 20) == 1 and two_proportions_p(10, 10, 20, 20) == 1
    assert math.isnan(two_proportions_p(0, 0, 3, 10))
    assert two_proportions_p(1, 1, 0, 1) == 1
    assert two_proportions_p(5, 10, 50, 100) == pytest.approx(1)
    assert two_proportions_p(3, 40, 9, 50) == pytest.approx(two_proportions_p(9, 50, 3, 40))
