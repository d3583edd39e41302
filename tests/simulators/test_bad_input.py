"""What strangers say to the built-in hospital: a clear answer or silence, and nothing is stored."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from depth import some

from harness.link.host import Host
from harness.link.threads import Threads
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import plain
from tests.simulators.desk import TABLES, Ward, adt, frame, mllp, oru, run, specimen

MIB = 1024 * 1024
ADMISSION = adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F")
RESULT = oru("R1", "OBX|1|NM|K||4.10|mmol/L||N|||F|||20260105070000")
GOOD = {"his-lis": ADMISSION, "lis-his": RESULT}
ROLES = {"his-lis": "LIS", "lis-his": "HIS"}
UPLOAD = run(*specimen("T9", "K|4.1|||F"))
ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    one = Ward(tmp_path)
    yield one
    one.close()


def served(ward: Ward, link: str) -> None:
    """The next peer gets what it came for."""
    ward.connect(link)
    assert b"\rMSA|AA|" in ward.say(mllp(GOOD[link]))
    assert ward.held(ROLES[link]) == 2  # the patient or the result, and its control id


JUNK = [
    b"\0" * 4096,
    b"GET / HTTP/1.1\r\nHost: lis\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first bytes of TLS
    b"\xff\xfe" + "患者".encode("utf-16-le"),
    b"\x1c\r\x1c\r\x1c\r",
    b"\r\n\r\n",
    ADMISSION,  # without a frame
    mllp(ADMISSION)[:-2],  # half a frame
    b"\x0b",
    b"\x0bMSH|^~\\&|",
]


@pytest.mark.parametrize("link", ["his-lis", "lis-his"])
@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_what_is_no_frame_is_met_with_silence(ward: Ward, link: str, junk: bytes) -> None:
    ward.connect(link)
    assert ward.say(junk, 30) == b""
    ward.leave(reset=link == "his-lis")
    assert ward.held(ROLES[link]) == 0

    served(ward, link)


FRAMED = [
    b"",
    b"NO HL7\r",
    b"\0" * 500,
    b"\xff" * 500,
    b"MSH",
    b"MSH|",
    b"MSH|^~\\&|||||||||||||||||||||\r",
    b"PID|1|P1\rMSH|^~\\&\r",
    b"\r\r\r",
    RESULT.replace(b"|R1|", b"||"),
    ADMISSION.replace(b"|C1|", b"||"),
    ADMISSION.decode("gb18030").encode("utf-16-le"),
    ADMISSION.replace(b"\r", b""),
    RESULT.replace(b"PatientNO", b"\0").replace(b"R1|", b"R\0|"),
]


@pytest.mark.parametrize("link", ["his-lis", "lis-his"])
@pytest.mark.parametrize("payload", FRAMED, ids=range(len(FRAMED)))
def test_what_is_no_message_is_refused(ward: Ward, link: str, payload: bytes) -> None:
    ward.connect(link)
    answer = ward.say(mllp(payload))
    if payload:  # an empty frame is ignored by most receivers, and by this one
        assert answer.count(b"\x0bMSH|^~\\&|") == 1
        assert b"\rMSA|AE|" in answer or b"\rMSA|AR|" in answer
        assert b"\rERR|^^^" in answer
    assert ward.held(ROLES[link]) == 0

    assert b"\rMSA|AA|" in ward.say(mllp(GOOD[link]))  # over the same connection
    assert ward.stranger.ended is None


@pytest.mark.slow
@pytest.mark.parametrize("link", ["his-lis", "lis-his"])
@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(
    "unit", some([b"junk", b"\0", b"\xb2\xe2", b"OBX|1|NM|K||4\r", b"|", b"~", b"\\"], 3)
)
def test_ten_megabytes_of_junk(ward: Ward, link: str, framed: bool, unit: bytes) -> None:
    junk = unit * (10 * MIB // len(unit))
    ward.connect(link)
    answer = ward.say(mllp(junk) if framed else junk)
    assert answer.count(b"MSA|AR|") == int(framed)
    assert len(answer) < 1000
    ward.leave()
    assert ward.held(ROLES[link]) == 0

    served(ward, link)


@pytest.mark.slow
@pytest.mark.parametrize("segment", [b"OBX|1|NM|K||4\r", b"PID|" + b"P^^^^X~" * 40 + b"\r"])
def test_ten_megabytes_behind_a_good_header(ward: Ward, segment: bytes) -> None:
    junk = RESULT + segment * (10 * MIB // len(segment))
    ward.connect("lis-his")

    assert b"\rMSA|AE|R1|more than 1000 " in ward.say(mllp(junk))
    assert ward.held("HIS") == 0
    served(ward, "lis-his")


# -- instruments -----------------------------------------------------------------------------------


def uploads(ward: Ward) -> None:
    """An instrument that follows the standard gets its results in."""
    ward.connect("analyzer-lis")
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, UPLOAD)) == ACK
    assert ward.say(EOT) == b""
    assert ward.rows("LIS", "SELECT barcode, item, value FROM unmatched") == [("T9", "K", "4.1")]


@pytest.mark.parametrize(
    "junk",
    [
        b"\0" * 4096,
        b"GET / HTTP/1.1\r\n\r\n",
        mllp(ADMISSION),
        frame(1, UPLOAD),  # without ENQ before it: LIS01-A2 §8.2
        ACK * 9,
        NAK + EOT,
        UPLOAD,
    ],
    ids=range(7),
)
def test_what_means_nothing_to_the_link_is_met_with_silence(ward: Ward, junk: bytes) -> None:
    ward.connect("analyzer-lis")
    assert ward.say(junk, 40) == b""
    ward.leave(reset=True)
    assert ward.held("LIS") == 0

    uploads(ward)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (frame(1, UPLOAD).replace(b"\x03", b"\x0300x")[:-4] + b"\r\n", NAK),  # LIS01-A2 §8.3.3
        (frame(3, UPLOAD), NAK),  # not the next number: §8.3.2
        (b"\x02\x03\r\n", NAK),
        (frame(1, b"\0\1\7\r"), ACK),
        (frame(1, b"hello\r"), ACK),
        (frame(1, b"L|1\r"), ACK),
        (frame(1, b"H|\\^&\rR|1|^^^K|\xff\xfe\r"), ACK),
        (frame(1, b"H\rO\rR\rL\r"), ACK),
        (frame(1, b"H|||||\rO|||\rC\rQ\rL\r"), ACK),
        (frame(1, "H|\\^&\rL|1|N\r".encode("utf-16-le")), ACK),
        (b"\x021" + UPLOAD[:40], b""),  # half a frame
    ],
    ids=["checksum", "number", "empty", "control", "text", "L", "text as value", "bare", "signs",
         "utf-16", "half"],
)  # fmt: skip
def test_what_is_no_result_is_not_stored(ward: Ward, said: bytes, answer: bytes) -> None:
    ward.connect("analyzer-lis")
    assert ward.say(ENQ) == ACK
    assert ward.say(said) == answer
    ward.say(EOT)
    ward.leave()
    assert ward.held("LIS") == 0

    uploads(ward)


def test_an_upload_that_ends_in_the_middle_leaves_nothing(ward: Ward) -> None:
    """LIS01-A2 §8.5.2: an incomplete message is discarded."""
    ward.connect("analyzer-lis")
    ward.say(ENQ)
    assert ward.say(frame(1, UPLOAD[:60], b"\x17")) == ACK
    ward.leave(reset=True)
    assert ward.held("LIS") == 0

    uploads(ward)


def test_a_silent_instrument_loses_the_line_after_thirty_seconds(ward: Ward) -> None:
    """LIS01-A2 §8.3.6 (receiver time-out): the link is neutral again, and a bid is heard."""
    ward.connect("analyzer-lis")
    assert ward.say(ENQ) == ACK
    assert ward.say(b"\x021H|", 31) == b""

    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, UPLOAD)) == ACK


@pytest.mark.slow
@pytest.mark.parametrize("bid", [b"", ENQ])
@pytest.mark.parametrize(
    ("unit", "size"),
    [(b"junk", 10 * MIB), (b"\0", 10 * MIB), (b"\r", 10 * MIB), (b"\x02", MIB // 4), (ENQ, 20_000)],
)
def test_megabytes_to_the_instruments_link(ward: Ward, bid: bytes, unit: bytes, size: int) -> None:
    ward.connect("analyzer-lis")
    answer = ward.say(bid + unit * (size // len(unit)), 40)
    assert answer[:1] == (ACK if ENQ in bid + unit else b"")
    assert set(answer) <= set(ACK + NAK)
    ward.leave()
    assert ward.held("LIS") == 0

    uploads(ward)


def test_an_instrument_may_be_wrong_while_another_is_right(ward: Ward) -> None:
    ward.connect("analyzer-lis")
    ward.say(ENQ + b"\x02" * 100)
    uploads(ward)


# -- the two systems between each other ------------------------------------------------------------


def test_the_whole_way_of_a_result(ward: Ward) -> None:
    """Admission and order out, results in, and back to the HIS with an alarm."""
    person = {"patient_id": "P1", "name": "测试甲", "sex": "F", "birth": "19800229", "ward": "W03"}
    ward.pump.command("HIS", "admit", person, 5)
    order = {"patient_id": "P1", "placer": "O1", "barcode": "T9", "items": "K"}
    ward.pump.command("HIS", "order", order, 5)
    ward.rest(5)
    ward.connect("analyzer-lis")
    ward.say(ENQ)
    assert ward.say(frame(1, run(*specimen("T9", "K|7.10|mmol/L|HH|F")))) == ACK
    ward.rest(5)

    assert ward.rows("HIS", "SELECT barcode, patient_id, item, value FROM results") == [
        ("T9", "P1", "K", "7.10")
    ]
    assert ward.rows("HIS", "SELECT level, ward, state FROM alarms") == [("HH", "W03", "notified")]
    for role in ("LIS", "HIS"):
        assert ward.pump.command(role, "pending", {}, 5) == 0


# -- over TCP --------------------------------------------------------------------------------------


@pytest.fixture
def over_tcp(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Both systems over sockets; errors of their threads end the test."""
    runtime, hospital = Threads(), BuiltInHospital()
    stores, addresses = {}, {}
    for role in hospital.roles:
        config = {"role": role, "store": str(tmp_path / role), "durable": False}
        actor, stores[role] = hospital.make(config, runtime.clock)
        member = runtime.add(role, Host(actor, runtime.clock, plain, store=stores[role]))
        addresses |= {link: member.listen(link) for link in hospital.listens[role]}
    yield addresses | stores
    assert runtime.stop() == []
    assert runtime.errors == []
    for store in stores.values():
        store.close()


def tcp(address: Any, data: bytes, end: bytes, timeout_s: float = 5.0) -> bytes:
    """Say something over a socket, and listen until the answer ends so or nothing comes."""
    with socket.create_connection((address.host, address.port), 5) as sock:
        sock.settimeout(timeout_s)
        heard = b""
        with contextlib.suppress(OSError):
            sock.sendall(data)
            if not end:
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                heard += piece
                if end and heard.endswith(end):
                    break
    return heard


@pytest.mark.slow
@pytest.mark.parametrize("link", ["his-lis", "lis-his"])
def test_strangers_over_sockets(over_tcp: dict[str, Any], link: str) -> None:
    store = over_tcp[ROLES[link]]
    for junk in [*JUNK, b"junk" * (10 * MIB // 4), ENQ, *FRAMED]:
        framed = junk in FRAMED and junk != b""
        answer = tcp(over_tcp[link], mllp(junk) if framed else junk, b"\x1c\r" if framed else b"")
        assert (b"\rMSA|A" in answer) == framed
        assert b"\rMSA|AA" not in answer
    for table in TABLES[ROLES[link]]:
        assert store.rows(f"SELECT COUNT(*) AS n FROM {table}") == [{"n": 0}]

    assert b"\rMSA|AA|" in tcp(over_tcp[link], mllp(GOOD[link]), b"\x1c\r")


@pytest.mark.slow
def test_strange_instruments_over_sockets(over_tcp: dict[str, Any]) -> None:
    address, store = over_tcp["analyzer-lis"], over_tcp["LIS"]
    for junk in (*JUNK, *FRAMED, ENQ, ENQ + b"\x021H|", ENQ + b"\0" * MIB, b"junk" * MIB):
        assert set(tcp(address, junk, b"")) <= set(ACK + NAK)
    assert tcp(address, ENQ + frame(1, UPLOAD) + EOT, ACK + ACK) == ACK + ACK

    rows = store.rows("SELECT barcode FROM unmatched")
    assert rows == [{"barcode": "T9"}]
