"""POCT1-A2 messages: typed by hand, written and read again, hostile XML."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import poct1a
from harness.wire.poct1a import Node, acknowledgement, read, write

TYPED = b"""<?xml version="1.0" encoding="UTF-8"?>
<OBS.R01><!-- a meter --><HDR><HDR.control_id V="10007"/><HDR.version_id V="POCT1"/>
<HDR.creation_dttm V="2026-01-05T08:00:00+08:00"/></HDR><SVC><SVC.role_cd V="OBS"/>
<PT><PT.patient_id V="P1"/><OBS><OBS.observation_id V="2339-0" SN="LN"/>
<OBS.value V="5.6" U="mmol/L"/></OBS><OBS><OBS.observation_id V="X"/>
<OBS.value V="7"/></OBS></PT></SVC></OBS.R01>"""


def test_a_typed_message() -> None:
    got = read(TYPED)

    assert (got.kind, got.control_id, got.version, got.problem) == ("OBS.R01", "10007", "POCT1", "")
    assert got.time == "2026-01-05T08:00:00+08:00"
    assert got.get("PT.patient_id") == "P1"
    assert got.get("PT.none") == ""
    assert got.every("OBS.value") == [{"V": "5.6", "U": "mmol/L"}, {"V": "7"}]


def test_the_bytes_of_an_acknowledgement() -> None:
    assert acknowledgement("10007", control_id="1", time="T", code="AE", text="no") == (
        b'<ACK.R01><HDR><HDR.control_id V="1"/><HDR.version_id V="POCT1"/>'
        b'<HDR.creation_dttm V="T"/></HDR><ACK><ACK.type_cd V="AE"/>'
        b'<ACK.ack_control_id V="10007"/><ACK.note_txt V="no"/></ACK></ACK.R01>'
    )


@given(st.text(max_size=30), st.sampled_from(["utf-8", "gb18030", "ascii"]))
@settings(max_examples=80, deadline=None)
def test_any_value_comes_back(text: str, codec: str) -> None:
    text = "".join(char for char in text if char.isprintable())
    node = Node("PT", children=[Node("PT.name", text, {"U": text})])
    data = write("OBS.R01", [node], control_id="1", time="T", codec=codec, declaration=True)

    assert read(data).every("PT.name") == [{"V": text, "U": text}]


def test_control_characters_and_misspellings() -> None:
    data = write(
        "KPA.R01", [Node("A.b", "x\x01y")], control_id="1", time="T", misspelt={"A.b": "A.c"}
    )

    assert read(data).get("A.c") == "x\ufffdy"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<OBS.R01>",
        b"not xml",
        b"<A/><B/>",
        b'<!DOCTYPE A [<!ENTITY e "boom">]><A><B V="&e;"/></A>',
        b'<!DOCTYPE A SYSTEM "http://127.0.0.1:9/x"><A/>',
        b"\xff\xfe",
        b"<A>" * 100_000,
    ],
)
def test_what_is_no_message(data: bytes) -> None:
    got = read(data)

    assert got.problem
    assert got.values == ()
    assert "boom" not in got.problem


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poct1a, "ELEMENTS_MAX", 2)
    assert read(b"<A><B/></A>").problem == ""
    assert "more elements" in read(b"<A><B/><B/></A>").problem
    monkeypatch.setattr(poct1a, "MESSAGE_BYTES_MAX", 5)
    assert "longer" in read(b"<AAAA/>").problem


@given(st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert read(data).problem or read(data).kind
