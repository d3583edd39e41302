"""Which value of one run stands for which of the other."""

from __future__ import annotations

import pytest

from harness.upgrade.names import Names


def test_a_pair_stays_a_pair_and_neither_side_gets_a_second_one() -> None:
    names = Names()

    assert names.differ("M1", "M7", strict=True) is None
    assert names.differ("M1", "M7", strict=True) is None
    assert names.holds("M1", "M7")
    assert names.differ("M1", "M8", strict=True) == ("<serial 1>", "<serial 2>")
    assert names.differ("M2", "M7", strict=True) == ("<serial 3>", "<serial 1>")


@pytest.mark.parametrize(("old", "new"), [("20260105080000", "M1"), ("张三", "M1"), ("M1", "高")])
def test_another_kind_of_value_is_never_hidden(old: str, new: str) -> None:
    assert Names().differ(old, new, strict=False) is not None


def test_texts_must_be_equal_and_short_values_may_differ_where_no_standard_says_id() -> None:
    names = Names()

    assert names.differ("高", "低", strict=False) == ("高", "低")
    assert names.differ("高", "高", strict=False) is None
    assert names.differ("4", "5", strict=False) is None
    assert not names.holds("4", "5"), "too short to tell"


def test_times_and_measured_values_are_compared_by_their_kind_alone() -> None:
    names = Names()

    assert names.differ("20260105080000", "20260203090000", strict=True) is None
    assert names.differ("20260105080000", "20260304090000", strict=True) is None
    assert names.differ("4.1", "4.2", strict=True) is None
