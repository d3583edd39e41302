"""The built-in hospital under noise: it stays up, answers in the protocol, and serves the next peer."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulators.desk import Desk, Ward, adt, frame, mllp, oml, oru, run, sends, specimen

PID = "PID|1|P1|P1^^^^PatientNO~19^^^^IdentifyNO||测试甲||19800229|F|||||139"
SEEDS = [
    adt("A01", "C1", PID, "PV1|1|I|W03^^12"),
    adt("A40", "C2", PID, "MRG|P2^^^^PatientNO"),
    oml("C3", "ORC|NW|O1", "OBR|1|O1|T1|K|R"),
    oml("C4", "ORC|CA|O1", "OBR|1|O1|T1|K|R"),
    oru("R1", "OBX|1|NM|K||7.10|mmol/L||HH|||F|||20260105070000", "OBX|2|ST|NA||阳性|||A|||P"),
]
UPLOADS = [
    run(*specimen("T1", "K|4.1|mmol/L|N|F", "NA|阴性||A|P")),
    run("P|1", "O|1|T1||^^^K|R||||||Q", "R|1|^^^K|4||N||F"),
]
SPLINTERS = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            *(b"\r", b"\n", b"|", b"^", b"~", b"\\", b"&", b'""', b"\0", b"\xb2", b"\\X0D\\"),
            *(b"MSH|", b"MSH|^~\\&", b"PID|1", b"OBX|1|", b"ORC|CA", b"GBK", b"ASCII"),
            *(b"UNICODE UTF-8", b"H|\\^&", b"L|1", b"R|1|", b"O|1|", b"\\X\\"),
        ]
    ),
)
Edit = tuple[float, int, bytes]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SPLINTERS), min_size=1, max_size=5)


def damaged(data: bytes, edits: list[Edit]) -> bytes:
    """Bytes cut out and others put in their place."""
    for where, size, splinter in edits:
        at = int(where * len(data))
        data = data[:at] + splinter + data[at + size :]
    return data


def fields(payload: bytes) -> list[list[bytes]]:
    return [segment.split(b"|") for segment in payload.split(b"\r")]


@given(role=st.sampled_from(["LIS", "HIS"]), seed=st.sampled_from(SEEDS), edits=EDITS)
@settings(max_examples=examples(60), deadline=None)
def test_every_message_has_one_answer_and_only_what_is_accepted_has_an_effect(role, seed, edits):
    payload = damaged(seed, edits)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(role, Path(folder))
        answers = sends(desk.hl7(payload))
        stored = desk.rows("SELECT COUNT(*) FROM received")[0][0]
        again = sends(desk.hl7(payload))
        desk.store.close()

    assert len(answers) == len(again) <= 1
    for answer in answers:
        head, msa = fields(answer)[:2]
        assert head[0] == b"MSH"
        assert msa[0] == b"MSA"
        assert msa[1] in {b"AA", b"AE", b"AR"}
        assert (msa[1] == b"AA") == bool(stored)
        assert b"application error" not in answer
        assert (b"\rERR|" in answer) == (msa[1] != b"AA")
    if stored:
        assert fields(again[0])[1][1] == b"AA"


@given(seed=st.sampled_from(UPLOADS), edits=EDITS)
@settings(max_examples=examples(60), deadline=None)
def test_every_upload_is_accepted_and_has_its_effect_once(seed, edits):
    payload = damaged(seed, edits)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk("LIS", Path(folder))
        desk.hl7(oml("C1", "ORC|NW|O1", "OBR|1|O1|T1|K|R"))
        first = desk.astm(payload)
        held = desk.rows("SELECT COUNT(*) FROM results")
        desk.astm(payload)
        assert desk.rows("SELECT COUNT(*) FROM results") >= held
        desk.store.close()

    # An edit can make a question of a record, and a question is answered.
    asks = any(record[:1] in {b"q", b"Q"} for record in re.split(rb"[\r\n]", payload))
    assert [one for one in first if one != "Send"][-1] == "Accept"
    assert set(first) <= {"Accept", "Commit", "SetTimer"} | ({"Send"} if asks else set())


STREAM = st.lists(
    st.one_of(
        st.sampled_from([b"\x0b", b"\x1c\r", b"\x05", b"\x04", b"\x06", b"\x15", b"\x02", b"\r\n"]),
        st.sampled_from([mllp(SEEDS[0]), mllp(SEEDS[4]), frame(1, UPLOADS[0]), frame(2, b"L|1\r")]),
        st.binary(max_size=20),
    ),
    max_size=8,
)


@given(
    link=st.sampled_from(["his-lis", "lis-his", "analyzer-lis"]),
    pieces=STREAM,
    leaves=st.booleans(),
)
@settings(max_examples=examples(30), deadline=None)
def test_after_any_noise_the_next_peer_is_served(link, pieces, leaves):
    with tempfile.TemporaryDirectory() as folder:
        ward = Ward(Path(folder))
        try:
            ward.connect(link)
            for piece in pieces:
                ward.say(piece)
            if leaves:
                ward.leave(reset=bool(pieces))
            ward.connect("his-lis")
            assert b"\rMSA|AA|C9" in ward.say(mllp(adt("A04", "C9", PID)))
            ward.connect("lis-his")
            assert b"\rMSA|AA|R9" in ward.say(mllp(oru("R9", "OBX|1|NM|K||4.1|||N|||F")))
            ward.connect("analyzer-lis")
            assert ward.say(b"\x05") == b"\x06"
            assert ward.say(frame(1, UPLOADS[0])) == b"\x06"
        finally:
            ward.close()
