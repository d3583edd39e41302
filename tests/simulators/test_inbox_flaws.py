"""Defects of reading and answering: harmless while off, and each does what it says."""

from __future__ import annotations

import pytest

from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from simulators.hospital import inbox_flaws
from simulators.hospital.defects_feeds import DEFECTS

HEAD = "MSH|^~\\&|HIS|A|LIS|B|20260105||ADT^A04|C1|P|2.4||||||{charset}\r"
PID = "PID|1||P1||{name}\r"


def message(name: str = "甲", charset: str = "GBK", codec: str = "gbk", more: str = "") -> bytes:
    text = HEAD.format(charset=charset) + PID.format(name=name) + more
    return text.encode(codec)


ACK = b"MSH|^~\\&|LIS|B|HIS|A|20260105||ACK^A04^ACK|A7|P|2.4\rMSA|AA|C1\r"


def misread(payload: bytes, *defects: str) -> bytes:
    return inbox_flaws.misread(payload, set(defects), "in#1", {})


def test_without_defects_every_byte_stays() -> None:
    others = {one.id for one in DEFECTS}
    for payload in (message(), message(more="ZZZ|1\rPV1|1\r"), b"", b"\xff", b"MSH|"):
        assert misread(payload) == payload
        assert misread(payload, "lis-poison-blocks", "his-folds-units") == payload
    assert inbox_flaws.misanswer(ACK, set()) == ACK
    assert type(inbox_flaws.receiving_core(set())) is MllpCore
    assert type(inbox_flaws.sending_core(set())) is MllpCore
    assert {"lis-poison-blocks", "his-folds-units"} <= others


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"MSH|", b"MSH|^~\\&|" + b"\xd6" * 9])
def test_no_defect_fails_on_any_bytes(data: bytes) -> None:
    for one in DEFECTS:
        misread(data, one.id)


def test_a_character_whose_second_byte_is_a_separator_is_lost() -> None:
    assert "錦" in message("錦").decode("gbk")
    read = misread(message("王錦"), "lis-cuts-hl7-at-bytes").decode("utf-8")
    assert "錦" not in read
    assert "王" in read
    assert misread(message("王五"), "lis-cuts-hl7-at-bytes").decode("utf-8").count("王五") == 1


def test_a_connection_keeps_its_first_character_set() -> None:
    codecs: dict[str, str] = {}
    defects = {"lis-charset-of-first-message"}
    first = inbox_flaws.misread(message("甲"), defects, "in#1", codecs)
    second = inbox_flaws.misread(message("甲", "UNICODE UTF-8", "utf-8"), defects, "in#1", codecs)
    other = inbox_flaws.misread(message("甲", "UNICODE UTF-8", "utf-8"), defects, "in#2", codecs)

    assert "甲" in first.decode("utf-8")
    assert "甲" not in second.decode("utf-8")
    assert "甲" in other.decode("utf-8")


def test_what_stands_behind_an_unknown_segment_is_lost() -> None:
    read = misread(message(more="ZPI|1\rPV1|1\r"), "lis-stops-at-unknown-segment")

    assert read == message()


def test_sixty_four_kibibytes_and_no_more() -> None:
    assert len(misread(b"x" * 70_000, "his-cuts-large")) == 65_536


def test_answers() -> None:
    def field(number: int, defect: str) -> str:
        row = inbox_flaws.misanswer(ACK, {defect}).decode("ascii").split("\r")[0].split("|")
        return row[number - 1]

    assert (field(3, "lis-ack-not-swapped"), field(5, "lis-ack-not-swapped")) == ("HIS", "LIS")
    assert field(12, "lis-ack-other-version") == "2.3"
    assert field(9, "lis-ack-without-trigger") == "ACK"
    assert field(10, "lis-ack-same-id") == "1"


# -- cores -----------------------------------------------------------------------------------------


def frames(core: MllpCore, *reads: bytes) -> list[bytes]:
    found = []
    for data in reads:
        core.receive(data, 0.0)
        found += [one.payload for one in core.events() if isinstance(one, Message)]
    return found


A, B = b"\x0bA\x1c\r", b"\x0bB\x1c\r"


@pytest.mark.parametrize(
    ("defect", "reads", "seen"),
    [
        ("lis-first-of-glued", (A + B,), [b"A"]),
        ("lis-first-of-glued", (A, B), [b"A", b"B"]),
        ("lis-stuck-after-junk", (b"log" + A, B), [b"B"]),
        ("lis-stuck-after-junk", (A[:2], A[2:]), [b"A"]),
        ("lis-replays-buffer", (A, B, B), [b"A", b"A", b"B", b"A", b"B"]),
        ("lis-poison-blocks", (A + B,), [b"A", b"B"]),
    ],
)
def test_receiving_cores(defect: str, reads: tuple[bytes, ...], seen: list[bytes]) -> None:
    assert frames(inbox_flaws.receiving_core({defect}), *reads) == seen


def test_an_answer_in_parts_is_not_read() -> None:
    core = inbox_flaws.sending_core({"lis-reads-answer-once"})

    assert frames(core, A[:1], A[1:]) == []
    assert frames(core, A) == [b"A"]
