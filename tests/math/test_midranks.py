"""Ranks: parity with scipy's."""

import numpy as np
import pytest
from scipy.stats import rankdata

from steelyard.math.ranking import midranks


@pytest.mark.parametrize("values", [[], [3.0], [1.0, 1.0, 1.0], [2.0, 1.0, 2.0, -0.0, 0.0],
                                    list(np.random.default_rng(0).integers(0, 9, 50) / 7)])
def test_midranks(values: list[float]) -> None:
    assert midranks(np.array(values)).tolist() == rankdata(values).tolist()
