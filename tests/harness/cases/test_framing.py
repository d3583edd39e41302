"""A session is replayed byte for byte, its malformed spot with it, and nobody of the site in it."""

from __future__ import annotations

import os
import random

import pytest

from harness.captures.journal import PcapJournal
from harness.cases.deidentify import Piece, deidentify
from harness.cases.framing import (
    WIRE,
    WireCore,
    WireDone,
    WireReply,
    pieces,
    sessions,
    summed,
    text_of,
)
from harness.cases.identity import load as places
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.recorded import read
from harness.cli import main
from harness.errors import InputError
from harness.evidence import trace
from harness.wire.astm_decode import decode_stream
from harness.wire.astm_link import BACKLOG_BYTES_MAX
from harness.wire.core import Message
from tests.harness.cases import seeded, ward

DEFECT = "lis-ignores-checksums"


def frame(number, text, off=0, end=b"\x03"):
    """A frame of LIS01-A2 §8.3, its sum (§8.3.1.5) wrong by ``off``."""
    inside = str(number % 8).encode() + text + end
    return b"\x02" + inside + b"%02X\r\n" % ((sum(inside) + off) & 0xFF)


def session(*frames):
    return b"\x05" + b"".join(frames) + b"\x04"


def off(unit):
    """By how much a sum is wrong."""
    return (int(unit.stated, 16) - int(unit.actual, 16)) & 0xFF


HEAD = frame(1, b"H|\\^&\r")
LAST = frame(3, b"L|1|N\r")


# ---- sessions


def test_a_direction_is_cut_into_sessions_and_says_which_are_sound():
    good = session(HEAD, frame(2, b"P|1\r"), LAST)
    wrong = session(HEAD, frame(2, b"P|1\r", off=3), LAST)
    again = session(HEAD, frame(2, b"P|1\r"), frame(2, b"P|1\r"), LAST)
    cut = b"\x05" + HEAD
    found = sessions(good + wrong + again + b"\x05\x04" + cut)

    assert [one.data for one in found] == [good, wrong, again, cut]
    assert [one.sound for one in found] == [True, False, False, False]
    assert found[1].offset == len(good)


def test_replies_that_are_mixed_in_are_left_out():
    mixed = b"\x05\x06" + HEAD + b"\x06" + LAST + b"\x15" + LAST + b"\x06\x04"

    assert sessions(mixed)[0].data == session(HEAD, LAST, LAST)


def test_the_records_of_a_session_stand_once():
    lost = b"2P|1|77\r\x03"
    whole = session(HEAD, frame(2, b"P|1|", off=1, end=b"\x17"), frame(2, b"P|1|", end=b"\x17"),
                    frame(3, b"88\r"), lost)  # fmt: skip

    assert text_of(whole).startswith(b"H|\\^&\rP|1|88\rP|1|77\r")


# ---- nobody of the site


def hidden(*datas):
    done = deidentify([Piece(WIRE, one) for one in datas], Pseudonyms(b"k" * 32), places())
    return done.payloads


def test_a_sum_that_was_right_is_right_again_and_a_wrong_one_as_wrong():
    who = ward.somebody(random.Random(3))
    records = [one + b"\r" for one in ward.upload(who).split(b"\r") if one]
    wrongs = [0, 5, 0, 0xA0, 0, 0]
    before = session(
        *(frame(n, one, by) for n, (one, by) in enumerate(zip(records, wrongs, strict=True), 1))
    )
    (after,) = hidden(before)

    units = [one for one in decode_stream(after) if one.kind == "FRAME"]
    assert [off(one) for one in units] == wrongs
    assert len(after) == len(before)
    for text in who.originals:
        for codec in ("gb18030", "utf-8"):
            assert text.encode(codec) not in after
    assert before != after


def test_a_name_that_frames_cut_and_one_that_came_again_spoilt_leave_nothing():
    name = "欧阳震".encode("gb18030")
    whole = b"P|1|77001234|||" + name + b"||19800101|M\r"
    at = whole.index(name) + 2
    first, second = whole[:at], whole[at:]
    spoilt = second.replace(name[2:4], b"\xc5?")
    shorter = second[:3] + second[4:]
    (after,) = hidden(session(
        HEAD, frame(2, first, end=b"\x17"), frame(3, spoilt, off=7), frame(3, shorter, off=1),
        frame(3, second), frame(4, b"L|1|N\r"),
    ))  # fmt: skip

    for part in (name, name[2:], name[4:], b"77001234"):
        assert part not in after
    assert [off(one) for one in decode_stream(after) if one.kind == "FRAME"] == [0, 0, 7, 1, 0, 0]


def test_a_frame_that_lost_its_beginning_leaves_nobody_either():
    (after,) = hidden(b"\x05" + b"2P|1|77001234|||WANGWU||19800101|M\r\x03" + LAST + b"\x04")
    (noise,) = hidden(b"\x05" + HEAD + b"WANGWU 77001234" + LAST + b"\x04")

    for data in (after, noise):
        assert b"WANGWU" not in data
        assert b"77001234" not in data


def test_sums_that_nobody_can_tell_apart_are_not_made_up():
    whole = session(HEAD, LAST)
    with pytest.raises(InputError):
        summed(whole, whole.replace(b"\x02", b"", 1))
    no_sum = whole.replace(HEAD, b"\x021H|\\^&\r\x03\r\n")
    assert summed(no_sum, no_sum.replace(b"H|", b"h|")) == no_sum.replace(b"H|", b"h|")
    letters = whole.replace(HEAD[-4:-2], b"zz")
    assert b"zz" in summed(letters, letters.replace(b"L|1", b"L|2"))


# ---- on the line


def test_each_piece_waits_for_an_answer_whatever_it_is():
    core = WireCore(reply_s=15.0)
    bad = frame(2, b"P|1\r", off=3)
    whole = session(HEAD, bad, LAST)
    core.send(Message(payload=whole), 0.0)

    went = [core.data_to_send()]
    for reply in (b"\x06", b"\x15", b"\x06"):
        core.receive(reply, 1.0)
        went.append(core.data_to_send())
    assert core.next_deadline() == 16.0
    core.on_deadline(16.0)
    went.append(core.data_to_send())

    assert went == [b"\x05", HEAD, bad, LAST, b"\x04"]
    assert b"".join(went) == whole
    said = core.events()
    assert [one.name for one in said if isinstance(one, WireReply)] == [
        "ACK", "NAK", "ACK", "no reply"]  # fmt: skip
    assert isinstance(said[-1], WireDone)


def test_a_session_of_the_other_side_is_acknowledged():
    core = WireCore()
    core.receive(session(HEAD, LAST), 0.0)

    assert core.data_to_send() == b"\x06" * 3
    assert [one.payload for one in core.events()] == [HEAD, LAST]


def test_what_never_ends_is_told_in_pieces_and_not_acknowledged():
    core = WireCore()
    for _ in range(3):
        core.receive(b"x" * BACKLOG_BYTES_MAX, 0.0)

    assert [len(one.payload) for one in core.events()] == [BACKLOG_BYTES_MAX] * 3
    assert core.data_to_send() == b""


def test_what_is_no_frame_goes_with_what_follows():
    assert pieces(b"\x05??" + HEAD + b"!\x04") == [b"\x05", b"??" + HEAD, b"!", b"\x04"]


# ---- from a capture to a replay


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A day on which a LIS took a frame with a wrong sum, as a sniffer saw it; and its case."""
    work = tmp_path_factory.mktemp("wire")
    path = seeded.recorded("lab-edge-checksum", work / "run", [DEFECT])
    hosts = {"analyzer": "10.0.0.1", "LIS": "10.0.0.2", "HIS": "10.0.0.3"}
    journal = PcapJournal(work / "lines.pcap")
    journal.open()
    begun = set()
    for record in trace.read(path).records:
        if record["kind"] == "bytes" and not record["conn"].endswith(">"):
            names = [one if one == "analyzer" else one.upper() for one in record["link"].split("-")]
            ends = (hosts[names[0]], 40000), (hosts[names[1]], 5000 + len(record["link"]))
            if record["link"] not in begun:
                begun.add(record["link"])
                journal.opened(*ends)
            ours = hosts[record["frm"]] == ends[0][0]
            journal.passed(*(ends if ours else ends[::-1]), trace.unpack(record["raw"]))
    journal.close()
    barcode = next(one.corr["barcode"] for one in read([journal.path]).messages if one.corr.get("barcode"))  # fmt: skip
    named = [word for role, host in hosts.items() for word in ("--end", f"{host}={role}")]
    whole = ["case", "take", str(journal.path), "--about", barcode, *named,
             "--fault", "lis-results count = 0"]  # fmt: skip
    assert main([*whole, "--framing", "--out", str(work / "framed")]) == 0
    assert main([*whole, "--out", str(work / "plain")]) == 0
    return work


@pytest.mark.slow
def test_a_case_without_framing_says_that_it_lost_it(case):
    assert "--framing" in (case / "plain" / "manifest.toml").read_text("utf-8")
    assert "--framing" not in (case / "framed" / "manifest.toml").read_text("utf-8")


@pytest.mark.slow
def test_the_malformed_frame_is_sent_as_it_was(case):
    """With the defect it is taken over, without it is refused; framed anew nobody could refuse."""
    again = ("--profile", "memory")

    assert main(["replay", str(case / "framed"), *again, "--defect", DEFECT]) == 1
    assert main(["replay", str(case / "framed"), *again]) == 0
    assert main(["replay", str(case / "plain"), *again]) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_a_session_is_played_over_a_serial_line(case):
    words = ("--profile", "builtin-serial", "--times", "1", "--needed", "1")

    assert main(["replay", str(case / "framed"), *words, "--defect", DEFECT]) == 1


def spoilt(chance, who):
    """An upload cut into frames anywhere, with what goes wrong on a line."""
    text = ward.upload(who)
    cuts = sorted(chance.sample(range(1, len(text)), chance.randrange(0, 6)))
    out, number = [b"\x05"], 1
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        part, close = text[begin:end], b"\x03" if end == len(text) else b"\x17"
        one = frame(number, part, chance.choice([0, 0, 0, 9]), close)
        match chance.randrange(8):
            case 0:
                out.append(one)
            case 1:
                at = chance.randrange(len(part))
                out.append(frame(number, part[:at] + b"?" + part[at + 1 :], 1, close))
            case 2:
                at = chance.randrange(len(part))
                out.append(frame(number, part[:at] + part[at + 1 :], 1, close))
            case 3:
                one = one[1:]
            case 4:
                one = one.replace(close, b"", 1)
            case 5:
                out.append(bytes(chance.choice(b"\x00\x7fAZ09") for _ in range(3)))
        out.append(one)
        number += 1
    return b"".join([*out, b"\x04"])


def parts(who):
    """Pieces of a person that a broken line may hold: two Han characters, eight digits."""
    for text in (who.name, who.address):
        for pair in (text[at : at + 2] for at in range(len(text) - 1)):
            if not any(sign.isascii() for sign in pair) and pair not in "长沙市":
                yield pair.encode("gb18030")
    for text in (who.card, who.phone, who.number, who.barcode):
        yield from (text[at : at + 8].encode() for at in range(len(text) - 7))


@pytest.mark.slow
@pytest.mark.untraced
def test_hundreds_of_spoilt_sessions_leave_nobody():
    """Searched without any code of ours, for parts of names and numbers as well."""
    chance = random.Random(12)
    held = 0
    for _ in range(500):
        who = ward.somebody(chance)
        before = spoilt(chance, who)
        (after,) = hidden(before)
        looked = {one.encode("gb18030") for one in who.originals} | {*parts(who)}
        held += sum(one in before for one in looked)
        assert [one for one in looked if one in after and one in before] == [], (before, after)
        assert len(after) == len(before)
    assert held > 8_000
