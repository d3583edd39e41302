"""A message of HL7 is replayed with the framing that it had, and nobody of the site in it."""

from __future__ import annotations

import random

import pytest

from harness.captures.journal import PcapJournal
from harness.cases import faults
from harness.cases.deidentify import Piece, deidentify
from harness.cases.framing_mllp import (
    WIRE,
    HllpAsRecorded,
    MllpAsRecorded,
    framed,
    part_of,
    parts,
    summed,
)
from harness.cases.guard import persons
from harness.cases.identity import load as places
from harness.cases.kept import Line
from harness.cases.player import FRAMING, Player
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.recorded import MISFRAMED, read
from harness.cases.slots import Slots
from harness.cases.take import take
from harness.cli import main
from harness.clock import RealClock
from harness.evidence import trace
from harness.link import actor as act
from harness.wire.core import Message
from tests.harness.cases import seeded

DEFECT = "lis-nul-costs-frame"
MSH = b"MSH|^~\\&|HIS|H|LIS|L|20260105080000||ADT^A01|M%d|P|2.4|||||||UTF-8\r"
NAME, NUMBER = "欧阳震海", "77001234"
ONE = MSH % 1 + f"PID|1||{NUMBER}||{NAME}\r".encode()
TWO = MSH % 2 + b"PID|1||88\r"


def hybrid(payload, off=0, wrong=0):
    """A block as the guide has it (HL7 2.3 implementation guide C.4.1), wrong by that."""
    whole = b"\x0bD23\r" + payload
    total = 0
    for byte in whole:
        total ^= byte
    return whole + b"%05d%03d\x1c\r" % (len(whole) + off, total ^ wrong)


WAYS = {
    "no end": b"\x0b" + ONE,
    "no start": ONE + b"\x1c\r",
    "start twice": b"\x0b\x0b" + ONE + b"\x1c\r",
    "no return": b"\x0b" + ONE + b"\x1c",
    "line feed": b"\x0b" + ONE + b"\x1c\n",
    "nul behind": b"\x0b" + ONE + b"\x1c\x00",
    "lone return": b"\x0b" + ONE + b"\x1c\r\r",
    "end twice": b"\x0b" + ONE + b"\x1c\x1c\r",
    "nul before": b"\x00\x00\x0b" + ONE + b"\x1c\r",
    "hybrid": hybrid(ONE),
    "hybrid, wrong count": hybrid(ONE, off=2),
    "hybrid, wrong sum": hybrid(ONE, wrong=9),
}


# ---- cut into messages


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_kept_whole_beside_a_sound_one(way):
    bad, good = WAYS[way], b"\x0b" + TWO + b"\x1c\r"
    for data in (bad + good, good + bad, good + bad + good):
        found = parts(data)
        assert b"".join(one.data for one in found) == data
        assert [one.sound for one in found].count(False) == 1
        (one,) = [one for one in found if not one.sound]
        assert (one.data, one.message) == (bad, ONE)
        assert {each.message for each in found} == {ONE, TWO}


def test_a_sound_message_is_sound_and_what_is_none_is_left_alone():
    assert [one.sound for one in parts(b"\x0b" + ONE + b"\x1c\r" + b"\x0b" + TWO + b"\x1c\r")] == [
        True, True]  # fmt: skip
    assert parts(b"\x0bPID|1\x1c\r") == []
    assert part_of(b"PID|1").message == b"PID|1"


# ---- nobody of the site


def hidden(*datas):
    pieces = [Piece(WIRE, one) for one in datas]
    return deidentify(pieces, Pseudonyms(b"k" * 32), places()).payloads


@pytest.mark.parametrize("way", WAYS)
def test_persons_go_and_the_framing_stays(way):
    (after,) = hidden(WAYS[way])

    part, old = part_of(after), part_of(WAYS[way])
    assert NAME.encode() not in after
    assert NUMBER.encode() not in after
    assert after[: part.begin] == WAYS[way][: old.begin]
    if not way.startswith("hybrid"):
        assert after[part.end :] == WAYS[way][old.end :]
    else:
        off, wrong = {"hybrid": (0, 0), "hybrid, wrong count": (2, 0),
                      "hybrid, wrong sum": (0, 9)}[way]  # fmt: skip
        assert after == hybrid(part.message, off, wrong)


def test_text_around_a_message_may_tell_who_somebody_is():
    around = f"{NAME} {NUMBER}".encode()
    after, behind = hidden(around + b"\x0b" + TWO + b"\x1c\r", b"\x0b" + TWO + b"\x1c\r" + around)

    for one in (after, behind):
        assert NAME.encode() not in one
        assert NUMBER.encode() not in one
        assert len(one) == len(around) + len(TWO) + 3


def test_who_stands_in_a_framed_message_is_of_the_case():
    assert persons([(WIRE, WAYS["no end"])], "s") == persons([("hl7", ONE)], "s") != []


# ---- on the line


@pytest.mark.parametrize("core", [MllpAsRecorded, HllpAsRecorded])
@pytest.mark.parametrize("way", WAYS)
def test_it_leaves_as_it_was_with_the_values_of_now(core, way):
    machine = core()
    made = framed(WAYS[way], lambda raw: raw.replace(b"M1|", b"M7|"))
    machine.send(made, 0.0)

    went = machine.data_to_send()
    assert made.payload == ONE.replace(b"M1|", b"M7|")
    assert went == made.data == summed(WAYS[way], WAYS[way].replace(b"M1|", b"M7|"))
    assert went != WAYS[way]
    machine.send(Message(payload=TWO), 0.0)
    plain = machine.data_to_send()
    assert plain == (b"\x0b" + TWO + b"\x1c\r" if core is MllpAsRecorded else hybrid(TWO))


def test_a_hybrid_block_of_the_other_side_is_a_message():
    machine = MllpAsRecorded()
    machine.receive(hybrid(TWO), 0.0)

    assert [one.payload for one in machine.events()] == [TWO]


def line(number, frm, payload, protocol, **more):
    to = "HIS" if frm == "LIS" else "LIS"
    return Line(number=number, at_s=0.0, frm=frm, to=to, protocol=protocol, link="lis-his",
                payload=payload, **more)  # fmt: skip


def test_an_answer_of_ours_is_as_malformed_as_then_and_names_what_was_asked_now():
    ack = MSH.replace(b"ADT^A01", b"ACK") % 5 + b"MSA|AA|M2\r"
    asked = line(1, "LIS", TWO, "hl7", kind="ADT^A01", ident="M2", corr={})
    reply = line(2, "HIS", b"\x0b" + ack + b"\x1c\x00", WIRE, kind="ACK", ident="M5",
                 corr={"acknowledges": "M2"})  # fmt: skip
    player = Player("LIS", {"lis-his": "mllp"}, [asked], {1: [reply]}, Slots("s"),
                    RealClock().wall())  # fmt: skip

    came = Message(payload=TWO.replace(b"|M2|", b"|M9|"))
    (told,) = player.on_event(act.Received(conn="c", link="lis-his", event=came), 0.0)

    assert told.event.data.startswith(b"\x0bMSH")
    assert told.event.data.endswith(b"MSA|AA|M9\r\x1c\x00")


def test_how_the_system_frames_is_a_place_of_a_fault():
    player = Player("LIS", {"lis-his": "mllp"}, [], {}, Slots("s"), RealClock().wall())
    core = MllpAsRecorded()
    core.receive(b"\x0b" + ONE + b"\x1c\n" + b"\x0b" + TWO + b"\x1c\r", 0.0)
    for event in core.events():
        player.on_event(act.Received(conn="c", link="lis-his", event=event), 0.0)

    def seen(text):
        return faults.look(faults.parse(text), player.heard, lambda name: None)

    assert seen(f"LIS {FRAMING} count = 0").shows
    assert seen(f"LIS {FRAMING}^mllp.bad-trailer count = 0").values == ("1",)
    assert not seen(f"LIS {FRAMING}^mllp.double-start count = 0").shows


# ---- from a capture to a replay


def captured(trace_path, path, spoil):
    """What passed, as a sniffer saw it; what the HIS says is spoilt."""
    hosts = {"HIS": "10.0.0.1", "LIS": "10.0.0.2"}
    journal = PcapJournal(path)
    journal.open()
    begun = set()
    for record in trace.read(trace_path).records:
        if record["kind"] != "bytes" or {record["frm"], record["to"]} != {"HIS", "LIS"}:
            continue
        if record["conn"].endswith(">"):  # the same again, behind a relay
            continue
        client = record["link"].partition("-")[0].upper()
        server = "LIS" if client == "HIS" else "HIS"
        ends = (hosts[client], 40000), (hosts[server], 5000)
        if record["link"] not in begun:
            begun.add(record["link"])
            journal.opened(*ends)
        data = trace.unpack(record["raw"])
        ours = record["frm"] == client
        data = spoil(data) if record["frm"] == "HIS" else data
        journal.passed(*(ends if ours else ends[::-1]), data)
    journal.close()
    return path


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """An admission with NUL bytes in front of its frames; taken with its framing, and without."""
    work = tmp_path_factory.mktemp("mllp")
    day = seeded.recorded("feed-admission-message", work / "run")
    path = captured(day, work / "lines.pcap", lambda data: data.replace(b"\x0b", b"\x00\x00\x0b"))
    heard = read([path]).messages
    patient = next(one.corr["patient"] for one in heard if one.corr.get("patient"))
    acks = [one for one in take(heard, patient).messages if one.kind == "ACK^A01"]
    whole = ["case", "take", str(path), "--about", patient, "--fault",
             f"LIS ACK^A01 count = {len(acks)}",
             "--end", "10.0.0.1=HIS", "--end", "10.0.0.2=LIS"]  # fmt: skip
    assert main([*whole, "--framing", "--out", str(work / "framed")]) == 0
    assert main([*whole, "--out", str(work / "plain")]) == 0
    return work


@pytest.mark.slow
def test_a_case_without_framing_says_that_it_lost_it(case):
    assert MISFRAMED in (case / "plain" / "manifest.toml").read_text("utf-8")
    text = (case / "framed" / "manifest.toml").read_text("utf-8")
    assert MISFRAMED not in text
    assert f'"{WIRE}"' in text


@pytest.mark.slow
def test_the_malformed_message_is_sent_as_it_was(case):
    """The defect shows where the framing is kept, and only there."""
    again = ("--profile", "memory", "--times", "1", "--needed", "1")

    assert main(["replay", str(case / "framed"), *again, "--defect", DEFECT]) == 1
    assert main(["replay", str(case / "framed"), *again]) == 0
    assert main(["replay", str(case / "plain"), *again, "--defect", DEFECT]) == 0


@pytest.mark.untraced
def test_spoilt_streams_are_kept_to_the_byte():
    chance = random.Random(4)
    for _ in range(60):
        data = bytearray(b"".join(chance.choice(list(WAYS.values())) for _ in range(4)))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.choice(b"\x0b\x1c\r\x00A")
        found = parts(bytes(data))
        assert b"".join(one.data for one in found) in {bytes(data), b""}


# ---- out of a trace of ours


def spoken(path, *pieces):
    """A trace in which pieces pass: connection, role that says it, role that hears it, bytes."""
    book = trace.Trace(RealClock(), path)
    book.add("open", format=trace.FORMAT, systems=[{"role": "LIS"}])
    for conn, frm, to, data in pieces:
        book.add("bytes", link=conn.partition("#")[0], conn=conn, frm=frm, to=to,
                 raw=trace.pack(data))  # fmt: skip
        if data.endswith(b"\x1c\r"):  # as a core delivers it
            payload = data.lstrip(b"\x00\x0b")[:-2]
            book.add("message", link=conn.partition("#")[0], frm=frm, to=to, protocol="hl7",
                     type="ADT^A01", id="M", corr={}, raw=trace.pack(payload))  # fmt: skip
    book.seal("pass")
    return path


def test_a_trace_has_its_framing_too(tmp_path):
    bad, good = WAYS["nul before"], b"\x0b" + TWO + b"\x1c\r"
    lost = b"\x0b" + MSH % 3 + b"PID|1||99\r"
    path = spoken(tmp_path / "one.jsonl", *(("his-lis#1", "HIS", "LIS", one)
                                            for one in (bad, good, lost)))  # fmt: skip

    plain, framed_ = read([path]).messages, read([path], framing=True).messages

    assert [one.payload for one in plain] == [ONE, TWO]
    assert sorted((one.protocol, one.payload) for one in framed_) == sorted(
        [("hl7", TWO), (WIRE, bad), (WIRE, lost)]
    )
    assert {one.link for one in framed_} == {"his-lis"}
    assert {one.ident for one in framed_ if one.protocol == WIRE} == {"M1", "M3"}


def test_behind_a_relay_counts_what_whoever_listened_got(tmp_path):
    said, bad = WAYS["start twice"], WAYS["no return"]
    ack = b"\x0b" + MSH.replace(b"ADT^A01", b"ACK") % 9 + b"MSA|AA|M1\r\x1c"
    path = spoken(tmp_path / "two.jsonl", ("his-lis#1", "HIS", "LIS", said),
                  ("his-lis#1>", "HIS", "LIS", bad), ("his-lis#1>", "LIS", "HIS", ack + b"\n"),
                  ("his-lis#1", "LIS", "HIS", ack))  # fmt: skip

    framed_ = [one for one in read([path], framing=True).messages if one.protocol == WIRE]

    assert sorted((one.frm, one.payload) for one in framed_) == [("HIS", bad), ("LIS", ack)]


def test_sessions_of_a_trace_stand_in_the_place_of_their_messages(tmp_path):
    session = b"\x05\x021H|\\^&\r\x0300\r\n\x022L|1|N\r\x0308\r\n\x04"
    book = trace.Trace(RealClock(), tmp_path / "three.jsonl")
    book.add("open", format=trace.FORMAT, systems=[{"role": "LIS"}])
    at = {"link": "analyzer-lis", "frm": "analyzer", "to": "LIS"}
    for piece in (session[:9], session[9:]):
        book.add("bytes", conn="analyzer-lis#1", raw=trace.pack(piece), **at)
    book.add("message", protocol="astm", type="ASTM", id="", corr={},
             raw=trace.pack(b"H|\\^&\rL|1|N\r"), **at)  # fmt: skip
    book.seal("pass")

    plain, framed_ = (
        read([tmp_path / "three.jsonl"], framing=one).messages for one in (False, True)
    )

    assert [one.protocol for one in plain] == ["astm"]
    assert [(one.protocol, one.payload) for one in framed_] == [("astm-wire", session)]
