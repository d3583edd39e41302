"""The test and the effect size, against cases worked by hand and printed critical values."""

from __future__ import annotations

import pytest

from harness.upgrade import shift


def test_a_case_worked_by_hand() -> None:
    """After 3, 5, 6 against before 1, 2, 4: 8 of the 9 pairs are larger after.

    Of the 20 orders of three and three, U = 0 has one and U = 1 has one: p = 2 * 2/20.
    """
    found = shift.test([1, 2, 4], [3, 5, 6])

    assert found.u == 8
    assert found.p == pytest.approx(0.2)
    assert found.delta == pytest.approx(2 * 8 / 9 - 1)


@pytest.mark.parametrize(
    ("m", "n", "critical"), [(5, 5, 2), (6, 6, 5), (7, 7, 8), (8, 8, 13), (10, 10, 23)]
)
def test_printed_critical_values(m: int, n: int, critical: int) -> None:
    """Table of U for a two-sided level of 0.05 (Siegel 1956, table K)."""

    def p_of(u: int) -> float:
        after = [10.0 * number for number in range(n)]
        before: list[float] = []
        left = u  # each value before that lies under k values after adds k to U
        for number in range(m):
            under = min(left, n)
            left -= under
            before.append(10.0 * (n - under) - 5 + number / 100)
        found = shift.test(before, after)
        assert found.u == u
        return found.p

    assert p_of(critical) <= 0.05 < p_of(critical + 1)


def test_ties_share_their_ranks() -> None:
    """1, 2, 2 against 2, 3, 3: ranks 1, 3, 3 | 3, 5.5, 5.5, so U = 14 - 6 = 8.

    Variance 9/12 * (7 - (24 + 6) / 30) = 4.5; z = (3.5 - 0.5) / sqrt(4.5) = 1.4142; p = 0.1573.
    """
    found = shift.test([1, 2, 2], [2, 3, 3])

    assert found.u == 8
    assert found.p == pytest.approx(0.1573, abs=0.0001)
    assert found.delta == pytest.approx(7 / 9)


def test_equal_values_are_no_shift() -> None:
    found = shift.test([1.0] * 50, [1.0] * 50)

    assert (found.p, found.delta, found.named) == (1.0, 0.0, False)


def test_a_shift_needs_samples_significance_and_size() -> None:
    noise = [100 + (number * 37) % 50 for number in range(200)]

    assert shift.test(noise, [one + 30 for one in noise]).named
    small = shift.test(noise * 10, [one + 5 for one in noise * 10])
    assert small.p < shift.P_MAX  # significant, as everything is in many samples
    assert not small.named
    few = shift.test([1, 2, 3], [11, 12, 13])
    assert few.delta == 1
    assert not few.enough
    assert not few.named


def test_an_outlier_is_no_shift() -> None:
    noise = [100 + (number * 37) % 50 for number in range(100)]

    assert not shift.test(noise, [*noise[:-1], 10_000]).named


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        shift.test([], [1.0])
