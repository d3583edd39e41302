"""Escape sequences and delimiters (HL7 2.5.1 §2.5.4, §2.7)."""

import dataclasses
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.wire import hl7_escape
from harness.wire.hl7_escape import STANDARD, Delimiters, escape, escape_problems, unescape

OWN = Delimiters("$", "%", "+", "!", "*", "#")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("", ""),
        ("plain", "plain"),
        (r"\F\\S\\T\\R\\E\\P\ ".strip(), "|^&~\\#"),
        (r"a\T\b", "a&b"),
        (r"\X41\\X0D0A\\x", "A\r\n\\x"),
        (r"\X000d\ ".strip(), "\0\r"),
        (r"\XD6D0\ ".strip(), "中"),  # GBK
        (r"\X4\ \XFF\ \X\ ".strip(), r"\X4\ \XFF\ \X\ ".strip()),
        (r"\.br\\.sp3\\.sp+3\\.in-2\\.ti 4\\.ce\\.fi\\.nf\\.sk2\ ".strip(), None),
        (r"\H\bold\N\ ".strip(), None),
        (r"\H\T\N\ ".strip(), None),  # T stands between two sequences, not inside one
        (r"\C2842\\M2442\\M244242\\Zlocal\ ".strip(), None),
        (r"4\5", None),
        (r"\\server\share", None),
        (r"C:\temp\x", None),
        ("\\", None),
        ("\\\\", None),
        (r"\E\.br\E\ ".strip(), r"\.br\ ".strip()),  # once, and once only
        (r"\E\T\E\ ".strip(), "\\T\\"),
        (r"\Q\T\ ".strip(), r"\Q&"),
    ],
)
def test_unescape(written, plain):
    assert unescape(written, STANDARD, "gbk") == (written if plain is None else plain)


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("", ""),
        ("plain 中 #", "plain 中 #"),
        ("|^&~\\", r"\F\\S\\T\\R\\E\ ".strip()),
        ("a\r\n\tb", r"a\X0D\\X0A\\X09\b"),
        (r"one\.br\two\H\x\N\ ".strip(), None),
        (r"4\5", r"4\E\5"),
        (r"\T\ ".strip(), r"\E\T\E\ ".strip()),
        (r"\X41\ ".strip(), r"\E\X41\E\ ".strip()),
    ],
)
def test_escape(plain, written):
    assert escape(plain, STANDARD) == (plain if written is None else written)
    assert unescape(escape(plain, STANDARD), STANDARD, "utf-8") == plain


NO_ESCAPE = Delimiters("|", "^", "~", "", "&")


@given(
    st.text("|^&~\\#$%+*!.HNEXZbr0-]\r\t\x1f 中", max_size=12),
    st.sampled_from([STANDARD, OWN, NO_ESCAPE, Delimiters("-", "]", "^", "\\", "&")]),
)
@example("\x1f", STANDARD)
def test_a_text_that_looks_plain_is_plain(text, delimiters):
    """Without the first glance at it, every text is written in the same way."""

    def written():
        try:
            return escape(text, delimiters)
        except InputError:
            return InputError

    quick = written()
    rules = hl7_escape._rules(delimiters)
    careful = dataclasses.replace(rules, suspect=rules.special)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hl7_escape, "_rules", lambda _: careful)
        assert written() == quick
        if delimiters.escape:
            always = dataclasses.replace(rules, suspect=re.compile(""))
            patched.setattr(hl7_escape, "_rules", lambda _: always)
            assert written() == quick


def test_escapes_are_relative_to_the_delimiters_of_the_message():
    assert unescape("!F!!S!!R!!T!!E!!P!\\F\\", OWN, "ascii") == "$%+*!#\\F\\"
    assert escape("$%+*!#|^~&\\", OWN) == "!F!!S!!R!!T!!E!!P!|^~&\\"


def test_truncation_is_escaped_only_where_it_is_declared():
    assert escape("#", STANDARD) == "#"
    assert escape("#", Delimiters(truncation="#")) == "\\P\\"
    assert unescape("\\P\\", Delimiters(truncation="%"), "ascii") == "%"


def test_without_escape_character_nothing_is_escaped():
    bare = Delimiters("|", "^", "~", "", "")

    assert unescape("\\T\\", bare, "ascii") == "\\T\\"
    assert escape("a&b\\c", bare) == "a&b\\c"
    with pytest.raises(InputError, match="escape character"):
        escape("a|b", bare)
    assert list(escape_problems(b"\\", 0, bare, "ascii")) == []


def test_escapes_for_separators_that_the_message_lacks():
    bare = Delimiters("|", "^", "", "\\", "")

    assert unescape("\\T\\\\R\\", bare, "ascii") == "&~"


@pytest.mark.parametrize(
    ("header", "expected", "problem"),
    [
        (b"MSH|^~\\&|A", STANDARD, ""),
        (b"MSH|^~\\&", STANDARD, ""),
        (b"MSH|^~\\&#|A", Delimiters("|", "^", "~", "\\", "&", "#"), ""),
        (b"MSH$%+!*$A", Delimiters("$", "%", "+", "!", "*", ""), ""),
        (b"MSH|^~\\|A", Delimiters("|", "^", "~", "\\", ""), "hl7.delimiters-short"),
        (b"MSH|^|A", Delimiters("|", "^", "", "", ""), "hl7.delimiters-short"),
        (b"MSH|^~\\&#@|A", Delimiters("|", "^", "~", "\\", "&", "#"), "hl7.delimiters-long"),
        (b"MSH|^^\\&|A", Delimiters("|", "^", "^", "\\", "&"), "hl7.delimiters-duplicated"),
        (b"MSH|~~|A", Delimiters("|", "~", "~", "", ""), "hl7.delimiters-duplicated"),
        (b"MSH|", STANDARD, "hl7.delimiters-missing"),
        (b"MSH", STANDARD, "hl7.delimiters-missing"),
        (b"", STANDARD, "hl7.delimiters-missing"),
        (b"MSH\xff^~\\&\xff", STANDARD, "hl7.delimiters-missing"),
        (b"MSH ^~\\& ", STANDARD, "hl7.delimiters-missing"),
        (b"MSH|HIS|A", STANDARD, "hl7.delimiters-missing"),
        (b"MSH!HIS!A", Delimiters(field="!"), "hl7.delimiters-missing"),
        (b"MSH\\HIS\\A", Delimiters("\\", "^", "~", "|", "&"), "hl7.delimiters-missing"),
    ],
)
def test_delimiters_of_a_header(header, expected, problem):
    assert Delimiters.of_header(header) == (expected, problem)


def test_encoding_characters():
    assert STANDARD.encoding_characters == "^~\\&"
    assert OWN.encoding_characters == "%+!*#"


def test_misused_escapes_with_their_offsets():
    data = b"x\\y \\T\\ \\XD6D0\\ \\XD6\\ \\.br\\ \\"

    assert list(escape_problems(data, 0, STANDARD, "gbk")) == [
        ("hl7.lone-escape", 1),
        ("hl7.escape-malformed", 16),
        ("hl7.lone-escape", 28),
    ]
    assert next(iter(escape_problems(data, 17, STANDARD, "gbk"))) == ("hl7.lone-escape", 20)
