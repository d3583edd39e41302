"""Views of Q, C and S records, against records typed from the standard and from makers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire.astm_records import AstmMessage, Record
from harness.wire.astm_views import Asked, CommentView, QueryView, ScientificView


def record(text: str, head: str = "H|\\^&") -> Record:
    return AstmMessage.parse(f"{head}\r{text}\rL|1\r".encode(), "utf-8").records[1]


def query(text: str) -> QueryView:
    return QueryView.of(record(text))


def test_the_query_of_the_standard() -> None:
    got = query("Q|1|^T1\\P7^T2^x^y||^^^K\\^^^GLU|R|20260105|20260106|DR&S&X|555|u1|u2|O")

    assert got.starts == (
        Asked(patient="", specimen="T1"), Asked(patient="P7", specimen="T2", more=("x", "y")),
    )  # fmt: skip
    assert (got.ends, got.tests, got.date_kind) == ((), ("K", "GLU"), "R")
    assert (got.begin, got.end, got.physician) == ("20260105", "20260106", "DR^X")
    assert (got.phone, got.user, got.status) == ("555", ("u1", "u2"), "O")
    assert got.orders_only
    assert not got.aborts


def test_everything_and_an_abort() -> None:
    got = query("Q|1|ALL||ALL||||||||A")
    assert (got.starts[0].everything, got.tests, got.aborts) == (True, (), True)
    assert query("Q|1|^ALL||^^^ALL").starts[0].everything
    assert not query("Q|1|^T1").starts[0].everything


def test_a_short_query_and_one_with_an_end() -> None:
    got = query("Q|1")
    assert (got.starts, got.ends, got.tests, got.status) == ((), (), (), "")
    assert query("Q|1|^T1|^T9|^^K").ends == (Asked(specimen="T9"),)
    assert query("Q|1|^T1|^T9|^^K").tests == ()
    assert query("Q|1|^T1||K").tests == ("K",)


def test_padded_parts_of_a_cobas() -> None:
    (got,) = query("Q|1|^^             T1^1^50001^1^^S1^SC||ALL||||||||O").starts
    assert (got.specimen, got.more[:4]) == ("", ("T1", "1", "50001", "1"))


def test_comments() -> None:
    def comment(text: str, head: str = "H|\\^&") -> CommentView:
        return CommentView.of(record(text, head))

    assert comment("C|1|I|26^over range|I") == CommentView(
        source="I", code="26", text="over range", kind="I"
    )
    assert comment("C|1|L|lipaemic&X0A&again|G").text == "lipaemic\nagain"
    assert comment("C|1|I|^CEX^PEX|I").text == "CEX PEX"
    assert comment("C|1") == CommentView()
    assert comment("C!1!I!7~HIGH", head="H!\\~&").code == "7"


def test_the_nineteen_fields_of_s() -> None:
    text = "|".join(["S", "1", *(f"f{at}" for at in range(3, 22))])
    got = ScientificView.of(record(text))

    assert (got.method, got.quality_control, got.container) == ("f3", "f7", "f10")
    assert (got.specimen, got.analyte, got.result, got.race) == ("f11", "f12", "f13", "f21")
    assert ScientificView.of(record("S|1")) == ScientificView()


@pytest.mark.parametrize("view", [QueryView, CommentView, ScientificView])
def test_another_record_is_an_error_of_ours(view: type[QueryView]) -> None:
    with pytest.raises(LocalProtocolError):
        view.of(record("R|1|^^^K|4"))


@given(st.sampled_from("QCS"), st.text(alphabet="|\\^&A1 X0é", max_size=60))
def test_any_text_can_be_viewed(letter: str, rest: str) -> None:
    views = {"Q": QueryView.of, "C": CommentView.of, "S": ScientificView.of}
    assert views[letter](record(f"{letter}|1|{rest}")) is not None
