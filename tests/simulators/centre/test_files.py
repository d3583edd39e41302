"""Packing and unpacking, and hostile packages."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.centre.files import unzip_text, zip_text
from simulators.centre.rules import Refusal

CELL = st.text(
    st.characters(
        blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], blacklist_characters="\ufeff"
    ),
    min_size=1,
).filter(lambda cell: cell != "null")


@given(st.lists(st.lists(CELL, min_size=1, max_size=5), max_size=5), st.booleans())
def test_what_was_packed_is_unpacked(rows: list[list[str]], strict: bool) -> None:
    assert unzip_text(zip_text("a.txt", rows), strict=strict) == rows


def test_null_is_empty_and_equal_rows_make_equal_bytes() -> None:
    assert unzip_text(zip_text("a.txt", [["1", "null", "3"]]), strict=True) == [["1", "", "3"]]
    assert zip_text("a.txt", [["1"]]) == zip_text("a.txt", [["1"]])


SAMPLE = zip_text("a.txt", [["12345", "x" * 20, "67.89"]] * 20)


def test_a_name_that_begins_with_nul_is_refused() -> None:
    with pytest.raises(Refusal, match="file_bad"):
        unzip_text(SAMPLE.replace(b"a.txt", b"\0.txt"), strict=True)


@given(
    st.lists(
        st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_a_damaged_package_is_read_or_refused_and_nothing_else(
    changes: list[tuple[int, int]],
) -> None:
    body = bytearray(SAMPLE)
    for place, byte in changes:
        body[place] = byte
    try:
        rows = unzip_text(bytes(body), strict=False)
    except Refusal as refusal:
        assert refusal.cause == "file_bad"
    else:
        assert all(isinstance(cell, str) for row in rows for cell in row)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    try:
        unzip_text(body, strict=True)
    except Refusal as refusal:
        assert refusal.cause == "file_bad"


def test_a_package_that_states_a_small_size_is_bounded_all_the_same(tmp_path: Path) -> None:
    """The size in the directory is what the sender says; reading stops at our own limit."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"0" * 1_000_000)
    assert len(path.read_bytes()) < 2_000
    assert unzip_text(path.read_bytes(), strict=True) == [["0" * 1_000_000]]
