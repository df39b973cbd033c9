import numpy as np
import pytest

from training.comparison import compare


def test_a_better_bundle_is_found_better_and_an_equal_one_is_not() -> None:
    old = np.array([True] * 80 + [False] * 20)
    new = np.array([True] * 95 + [False] * 5)
    better = compare(new, old, rounds=500, seed=1)
    assert better.difference == pytest.approx(0.15)
    assert better.low > 0
    assert better.p_value < 0.001
    same = compare(old, old, rounds=500, seed=1)
    assert (same.difference, same.p_value) == (0, 1)


def test_the_exact_test_counts_only_where_they_differ() -> None:
    old = np.array([True, False, False, False, True, True])
    new = np.array([False, True, True, True, True, True])
    paired = compare(new, old, rounds=200, seed=1)
    assert (paired.new_only_right, paired.old_only_right) == (3, 1)
    assert paired.p_value == pytest.approx(2 * (1 + 4) / 16)
