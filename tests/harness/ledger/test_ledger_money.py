"""Exact money and times from text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.ledger import canonical, control, money, when


@given(st.integers(min_value=-(10**16) + 1, max_value=10**16 - 1))
def test_every_16_2_amount_comes_back(fen):
    assert money.fen(money.yuan(fen)) == fen
    assert Decimal(money.yuan(fen)) * 100 == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12", 1200),
        ("12.3", 1230),
        ("-0.05", -5),
        ("+5.00", 500),
        ("1,234,567.80", 123456780),
        ("１２．３０", 1230),
        ("￥12.30", 1230),
        ("`12.30", 1230),
        ("12.3000", 1230),
        ("12.", 1200),
        (" 12.30\u3000", 1230),
    ],
)
def test_amounts_that_are_exact(text, fen):
    assert money.fen(text) == fen


@pytest.mark.parametrize(
    "text",
    ["1e3", "1.005", "12,34", "1,0000", "(5.00)", "--5", "5 0", "", "abc", "1_000", "0x10", "inf"],
)
def test_amounts_that_are_not(text):
    assert money.fen(text) is None


def test_what_a_refused_amount_is_worth():
    assert money.rough("1e3") == 100000
    assert money.rough("1.005") in {100, 101}
    assert money.rough("nan") is None
    assert money.rough("abc") is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 08:05:09",
        "2026-03-02T08:05:09",
        "2026/3/2 8:05:09",
        "20260302080509",
        "2026年3月2日 8时05分09秒",
        "2026-03-02 08:05:09.123",
        "2026-03-02T00:05:09Z",
        "2026-03-02T08:05:09+08:00",
    ],
)
def test_one_moment_in_many_ways(text):
    assert when.moment(text) == datetime(2026, 3, 2, 8, 5, 9)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["08:05:09", "2026-02-30", "2026-13-01", "tomorrow", "", "20260302x"]
)
def test_what_is_no_moment(text):
    assert when.moment(text) is None


def test_a_date_alone_is_its_midnight():
    assert when.moment("20260302") == datetime(2026, 3, 2)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (" s1\u200b", "S1"),
        ("Ｓ１", "S1"),
        ("'0012", "0012"),
        ('="0012"', "0012"),
        ("000", None),
        ("无", None),
        ("null", None),
    ],
)
def test_identifiers_are_tidied(text, word):
    assert canonical.word(text) == word


@given(
    st.lists(
        st.one_of(
            st.integers(-(10**12), 10**12).map(money.yuan),
            st.sampled_from(["", "null", "5 0.00", "1.2.30", "١.٣٠", "-1.00", "1e3", "12", ".50"]),
            st.sampled_from(["9" * 16 + ".00", "9" * 5_000 + ".00"]),
            st.text(alphabet="0123456789.- ,", max_size=8),
        ),
        max_size=12,
    )
)
@example(["9" * 5_000 + ".00", "1.00"])
def test_a_block_of_amounts_is_worth_what_its_cells_are(cells):
    alone = sum(0 if money.is_nothing(one) else money.rough(one) or 0 for one in cells)

    assert control._sum(cells) == alone
