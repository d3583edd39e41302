"""Instruments that flood, hang and overwhelm the built-in LIS.

Whoever misbehaves costs himself his line: the next peer is served, and what was acknowledged stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulators.analyzer.analyzer import LINK
from tests.simulators.desk import Ward, frame, mllp, oml, run, specimen

ENQ, ACK, NAK, EOT, ETB = b"\x05", b"\x06", b"\x15", b"\x04", b"\x17"
UPLOAD = run(*specimen("T9", "K|4.1|||F"))
MANY = 10_000


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    one = Ward(tmp_path)
    yield one
    one.close()


def uploads(ward: Ward, barcode: str = "T9") -> None:
    """Another instrument gets its result in."""
    ward.connect(LINK)
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, run(*specimen(barcode, "K|4.1|||F")))) == ACK
    assert ward.say(EOT) == b""
    rows = ward.rows("LIS", f"SELECT item, value FROM unmatched WHERE barcode = '{barcode}'")
    assert rows == [("K", "4.1")]


@pytest.mark.slow
def test_ten_thousand_results_in_one_message(ward: Ward) -> None:
    """Each stands once, under its specimen, and the message is acknowledged like any other."""
    ward.connect("his-lis")
    ward.say(mllp(oml("C1", "ORC|NW|O1", "OBR|1|O1|T1|K|R")))
    ward.connect(LINK)
    assert ward.say(ENQ) == ACK
    text = run(*specimen("T1", *(f"K{number}|{number}|||F" for number in range(MANY))))
    pieces = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    started = time.process_time()
    for number, piece in enumerate(pieces, 1):
        end = b"\x03" if number == len(pieces) else ETB
        assert ward.say(frame(number % 8, piece, end)) == ACK

    assert time.process_time() - started < 60, "its limit: a minute of work for ten thousand"
    counted = ward.rows("LIS", "SELECT COUNT(*), COUNT(DISTINCT item), SUM(value) FROM results")
    assert counted == [(MANY, MANY, MANY * (MANY - 1) / 2)]
    assert ward.say(EOT) == b""
    uploads(ward)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [ENQ, ENQ + EOT, ENQ + b"\x021H|" + ENQ, EOT, ENQ + NAK])
def test_a_flood_of_calls(ward: Ward, unit: bytes) -> None:
    """Each call is answered, nothing is stored, and another instrument is served meanwhile."""
    ward.connect(LINK)
    heard = ward.say(unit * 3_000, 1)
    assert set(heard) <= set(ACK + NAK)
    assert len(heard) <= 3_000 * (unit.count(ENQ) + 1)
    assert ward.held("LIS") == 0

    uploads(ward)


def test_half_frames_held_open_by_many(ward: Ward) -> None:
    """The line of each is its own; after 30 s of silence each is neutral again (§8.5.2)."""
    for _ in range(40):
        ward.connect(LINK)
        assert ward.say(ENQ, 0.01) == ACK
        assert ward.say(b"\x021" + UPLOAD[:50], 0.01) == b""
    uploads(ward)
    ward.rest(31)
    uploads(ward, "T8")

    assert ward.rows("LIS", "SELECT COUNT(*) FROM unmatched") == [(2,)]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text.replace(b"|M1|", b"|\xd5|"), id="half a character"),
        pytest.param(lambda text: text.replace(b"^^^K", b"^^^\xd5"), id="half before a sign"),
        pytest.param(lambda text: text.replace(b"T9", b"T9\x00"), id="NUL"),
        pytest.param(lambda text: b"\xff\x00" * 50 + text, id="noise before"),
    ],
)
def test_halves_of_characters_and_nuls_end_nothing(
    ward: Ward, damage: Callable[[bytes], bytes]
) -> None:
    """GBK halves eat the sign behind them: whatever that message becomes, the next is whole."""
    ward.connect(LINK)
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, damage(UPLOAD))) == ACK
    assert ward.say(EOT) == b""

    uploads(ward, "T7")


def test_an_eot_inside_a_frame_ends_the_session(ward: Ward) -> None:
    """What was accepted before it is no message, and is not stored (LIS01-A2 §8.5.2)."""
    ward.connect(LINK)
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, UPLOAD[:60], ETB)) == ACK
    assert ward.say(b"\x022abc" + EOT, 2) in {b"", NAK}
    assert ward.held("LIS") == 0

    uploads(ward)
