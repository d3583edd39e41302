"""Small parts of the messages of the built-in hospital that no other test names."""

from __future__ import annotations

from datetime import datetime

import pytest

from harness.clock import CHINA
from simulators.hospital import messages
from tests.simulators.desk import gb


@pytest.mark.parametrize("text", ["5", "5.20", "-1", "+0.5", ".5", "5."])
def test_numbers_as_hl7_has_them(text: str) -> None:
    """HL7 2.4 §2.8.28: an optional sign, digits, an optional point."""
    assert messages.is_number(text)


@pytest.mark.parametrize("text", ["", "<5", "1e3", "5,2", "1.2.3", "--1", "+-1", "٥", "五", "."])
def test_no_numbers(text: str) -> None:
    assert not messages.is_number(text)


def test_control_ids_follow_from_what_the_message_is_about() -> None:
    one = messages.control_id("L", "T1", "K", "1")

    assert one == messages.control_id("L", "T1", "K", "1")
    assert one != messages.control_id("L", "T1", "K", "2")
    assert one != messages.control_id("L", "T1K", "", "1")
    assert len(one) == 20
    assert one[0] == "L"


def test_civil_time_to_the_second() -> None:
    when = datetime(2026, 1, 5, 8, 0, 9, 999_000, tzinfo=CHINA)

    assert messages.stamp(when) == "20260105080009"


def test_an_answer_to_a_message_of_few_words() -> None:
    """What the message does not say is filled in: our name, P, 2.4, ACK without an event."""
    answer = messages.acknowledgement(
        b"MSH|^~\\&|\r", "AA", error="", text="", time="20260105080000", system="LIS"
    )

    assert answer == gb("MSH|^~\\&|LIS||||20260105080000||ACK|A|P|2.4\nMSA|AA|")


def test_an_answer_to_other_delimiters_is_written_in_the_usual_ones() -> None:
    payload = b"MSH#*~!%#H!F!I#F#L#F#20260105075900##ADT*A01#C!S!1#P#2.4\r"
    answer = messages.acknowledgement(
        payload, "AE", error="101", text="a|b", time="20260105080000", system="LIS"
    )

    assert answer == gb(
        "MSH|^~\\&|L|F|H#I|F|20260105080000||ACK^A01^ACK|AC*1|P|2.4\nMSA|AE|C*1|a\\F\\b\nERR|^^^101"
    ).replace(b"C*1", b"C*1")


def test_text_is_escaped_once() -> None:
    row = {"patient_id": "P1", "name": "A|B^C", "birth": "", "sex": "F"}
    segment = messages.patient(row)

    assert segment[5] == "A|B^C"
    payload = messages.admission("ADT^A01", row, control_id="C1", time="20260105080000")
    assert b"||A\\F\\B\\S\\C||" in payload
