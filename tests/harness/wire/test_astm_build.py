"""Writing records: the expected texts are typed from LIS02-A2, not printed by the builder."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire import astm_build
from harness.wire.astm_build import AstmBuilder, Components, Raw, Repeats, build_record
from harness.wire.astm_records import AstmMessage
from harness.wire.astm_text import Signs


def test_records():
    glu, crea = Components.of("", "", "", "GLU"), Components.of("", "", "", "CR^EA")

    assert build_record("L", {2: "1", 3: "N"}) == "L|1|N"
    assert build_record("P", {2: "1", 5: '""'}) == 'P|1|||""'
    assert build_record("O", {5: Repeats.of(glu, crea)}) == "O||||^^^GLU\\^^^CR&S&EA"
    assert build_record("O", {3: Repeats.of("a", "b|")}) == "O||a\\b&F&"
    assert build_record("R", {4: Raw("5^6|7")}) == "R|||5^6|7"
    assert build_record("H", {5: "SIM"}) == "H|\\^&|||SIM"
    assert build_record("H", {2: Raw("\\^")}) == "H|\\^"
    assert build_record("M", {}) == "M"


def test_other_delimiters():
    signs = Signs(component="!", escape="~")

    assert build_record("H", {5: Components.of("DxH", "~")}, signs) == "H|\\!~|||DxH!~E~"


@pytest.mark.parametrize("number", [0, 1, 1001])
def test_no_such_field(number):
    with pytest.raises(LocalProtocolError):
        build_record("P", {number: "x"})


def test_message_with_numbers_that_count_by_themselves():
    builder = AstmBuilder("gbk")
    for letter in "HPCORCRORPOL":
        builder.add(letter)
    builder.add("L", {2: "9"})

    assert builder.build() == (
        b"H|\\^&\rP|1\rC|1\rO|1\rR|1\rC|1\rR|2\rO|2\rR|1\rP|2\rO|1\rL|1\rL|9\r"
    )


def test_encoding_and_record_end():
    built = AstmBuilder("gbk", record_end="\n").add("P", {6: "瑋"}).build()

    assert built == b"P|1||||\xac|\n"
    with pytest.raises(UnicodeEncodeError):
        AstmBuilder("ascii").add("P", {6: "瑋"}).build()


def test_too_many_records(monkeypatch):
    monkeypatch.setattr(astm_build, "RECORDS_MAX", 1)

    with pytest.raises(LocalProtocolError):
        AstmBuilder().add("H").add("L")


PLAIN = st.text(st.characters(codec="gb18030", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=100, deadline=None)
@given(PLAIN, PLAIN, st.sampled_from(["gb18030", "utf-8"]))
def test_what_is_built_can_be_read(one, two, encoding):
    data = AstmBuilder(encoding).add("H").add("P", {6: Components.of(one, two)}).build()
    message = AstmMessage.parse(data, encoding)

    assert message.get("P.6.1") == one
    assert message.get("P.6.2") == two
