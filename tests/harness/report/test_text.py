"""Text of peers made fit for a page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report import text as module
from harness.report.text import columns, cut, visible


def test_controls_are_shown_as_pictures():
    # Unicode chart 2400: SYMBOL FOR NULL, START OF TEXT, ESCAPE, CARRIAGE RETURN, DELETE
    assert visible("\x00\x02\x1b\r\x7f") == "␀␂␛␍␡"


def test_marks_that_reorder_or_hide_are_shown_by_their_number():
    assert visible("a\u202eb\u200bc\ufeff") == "a⟦202E⟧b⟦200B⟧c⟦FEFF⟧"


def test_a_lone_surrogate_never_reaches_the_encoder():
    assert visible("x\ud800y").encode("utf-8") == "x⟦D800⟧y".encode()


def test_plain_text_stays():
    assert visible("检验结果 ORU^R01\n\t5.62 µg/L") == "检验结果 ORU^R01\n\t5.62 µg/L"


def test_chinese_takes_two_columns():
    assert columns("检验 ORU") == 8


def test_cut_keeps_what_fits():
    assert cut("检验 ORU", 8) == "检验 ORU"


def test_cut_never_splits_a_wide_character():
    assert cut("检验结果", 6) == "检验…"


def test_cut_gives_one_line():
    assert cut("a\nb", 10) == "a b"


def test_cut_looks_only_at_the_head_of_a_long_text():
    assert cut("x" * 5_000_000, 5) == "xxxx…"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40), st.integers(2, 30))
def test_cut_is_bounded_and_printable(text, limit):
    line = cut(text, limit)

    assert columns(line) <= limit
    assert visible(line) == line
    assert "\n" not in line


def test_nothing_hidden_counts_as_printable():
    signs = map(chr, range(0x10000))
    assert [sign for sign in signs if sign == visible(sign) and module._HIDDEN.search(sign)] == []
