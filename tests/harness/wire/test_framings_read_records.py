"""Records as a plain stream, against messages typed by hand."""

from __future__ import annotations

from harness.wire.core import Message
from harness.wire.framings import FramingConfig, FramingCore
from harness.wire.framings_read import Reading, read
from harness.wire.framings_readers import READERS

MESSAGE = (
    "H|\\^&|||MEK-1305^03-05^00123\rP|1||MH1\r"
    "O|1|24000001^7||^^^CBC|R||||||Q\r"
    "R|1|^^^WBC|6.1|10*3/uL^9^0||H||F\rR|2|^^^HGB|----|g/dL^9^0||||F\rM|1|IMG|AAAA\rL|1|N"
)


def reading(text: str, **setup: str) -> Reading:
    return read(READERS["records"], [text.encode()], setup)


def test_a_message() -> None:
    got = reading(MESSAGE)
    (one,) = got.specimens

    assert (one.barcode, one.control, got.problems) == ("24000001", True, [])
    assert [(row.code, row.value, row.unit, row.flag) for row in one.results] == [
        ("WBC", "6.1", "10*3/uL", "H"), ("HGB", "----", "g/dL", ""),
    ]  # fmt: skip


def test_places_and_delimiters_are_the_instruments_own() -> None:
    got = reading("H!@~&\rP!1\rO!1!!99~T1\rR!1!WBC!5\rL!1", barcode="4.2", code="3.1")
    assert [(one.barcode, one.results[0].code) for one in got.specimens] == [("T1", "WBC")]


def test_what_is_wrong_is_said() -> None:
    assert reading("P|1\rL|1").problems == ["no header record: 'P|1\\rL|1'"]
    assert reading("H|\\^&\rR|1|^^^K|4\rL|1").problems
    assert reading("H|\\^&\rO|1|T\rX|1\rL|1").problems
    assert reading("H|\\^&\rO|1|T").problems == ["the message has no terminator record"]


def test_messages_are_parted_by_an_empty_record_and_nobody_answers() -> None:
    core = FramingCore(FramingConfig(start=b"", end=b"\r\r"))
    wire = (MESSAGE + "\r\r").encode() * 2
    for at in range(0, len(wire), 7):  # a serial line brings it in pieces
        core.receive(wire[at : at + 7], at / 100)
    assert [one.payload for one in core.events() if isinstance(one, Message)] == [
        MESSAGE.encode()
    ] * 2
    assert core.data_to_send() == b""
