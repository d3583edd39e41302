"""POCT1-A2 conversations in recordings: whole messages, whose each is, and nobody of the site."""

from __future__ import annotations

import json
import random

from harness.captures.journal import PcapJournal
from harness.captures.network import protocol_of
from harness.captures.poct import is_poct, messages, read_poct
from harness.captures.sources import Stream
from harness.cases import minimise_maker
from harness.cases.acknowledging import acknowledging_device
from harness.cases.deidentify import Piece, deidentify
from harness.cases.identity import load as places
from harness.cases.kept import Line
from harness.cases.player import Player
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.recorded_maker import device_about
from harness.cases.slots import Slots
from harness.cli import main
from harness.clock import RealClock
from harness.link import actor as act
from harness.wire import poct1a
from harness.wire.core import Message
from tests.harness.cases import ward

DEVICE, STATION = ("10.1.1.5", 40001), ("10.1.1.2", 5000)


def message(kind, ident, inside="", head=""):
    return (
        f'{head}<{kind}><HDR><HDR.control_id V="{ident}"/><HDR.version_id V="POCT1"/></HDR>{inside}</{kind}>'
    ).encode()


def ack(ident, of):
    return message(
        "ACK.R01", ident, f'<ACK><ACK.type_cd V="AA"/><ACK.ack_control_id V="{of}"/></ACK>'
    )


def result(ident, who, value="5.6"):
    return message("OBS.R01", ident, (
        f'<SVC><SVC.role_cd V="OBS"/><PT><PT.patient_id V="{who.number}"/><PT.name V="{who.name}"/>'
        f'<PT.birth_dttm V="{who.birth}"/><OBS><OBS.observation_id V="GLU"/><OBS.value V="{value}" U="mmol/L"/></OBS>'
        f'</PT><SPC><SPC.specimen_id V="{who.barcode}"/></SPC></SVC>'
    ))  # fmt: skip


def test_each_message_is_cut_whole_with_what_stands_before_it():
    first = message("HEL.R01", 1, head='<?xml version="1.0" encoding="UTF-8"?>\r\n')
    second, third = message("DST.R01", 2), message("END.R01", 3)
    data = first + b"\r\n" + second + b"noise" + third + b"<OBS.R01><HDR>"
    found = list(messages(data))

    assert b"".join(one.data for one in found) == data
    assert [one.sound for one in found] == [True, True, False, False]
    assert [one.message for one in found[:3]] == [first.partition(b"\n")[2], second, third]
    assert is_poct(data)
    assert protocol_of(b"", data) == "poct1a"
    assert not is_poct(b"<html><body></body></html>")
    reading = read_poct(Stream(direction="", data=data))
    assert len(reading.messages) == 3
    assert {one.code for one in reading.findings} == {"poct1a.noise", "poct1a.incomplete"}


def test_persons_go_and_the_value_stays():
    who = ward.somebody(random.Random(2))
    for codec in ("utf-8", "gb18030"):
        before = result(3, who).decode().encode(codec)
        done = deidentify([Piece("poct1a", before)], Pseudonyms(b"k" * 32), places())
        (after,) = done.payloads
        for text in (who.name, who.number, who.barcode, who.birth):
            assert text.encode(codec) not in after
        assert len(after) == len(before)
        assert b'<OBS.value V="5.6" U="mmol/L"/>' in after
        assert who.name in done.originals
        if codec == "utf-8":
            assert poct1a.read(after).get("PT.name") != who.name


def test_an_answer_of_ours_names_what_was_asked_now():
    assert acknowledging_device(ack(5, 7), "41") == ack(5, 41)
    assert device_about(ack(5, 7)).corr == {"acknowledges": "7", "code": "AA"}


def test_the_station_asks_again_and_is_answered_with_the_number_of_now():
    asked = Line(number=1, at_s=0.0, frm="LIS", to="analyzer", protocol="poct1a", kind="DTV.R02",
                 ident="3", corr={}, link="l", payload=message("DTV.R02", 3))  # fmt: skip
    reply = Line(number=2, at_s=0.0, frm="analyzer", to="LIS", protocol="poct1a", kind="ACK.R01",
                 ident="7", corr={"acknowledges": "3"}, link="l", payload=ack(7, 3))  # fmt: skip
    player = Player("LIS", {"l": "poct1a"}, [asked], {1: [reply]}, Slots("s"), RealClock().wall())
    came = Message(payload=message("DTV.R02", 9))
    (told,) = player.on_event(act.Received(conn="c", link="l", event=came), 0.0)

    assert told.event.payload == ack(7, 9)
    assert player.heard[0].matched == 1
    assert player.slots.filled(b'<OBS.value V="3"/>') == b'<OBS.value V="3"/>'


def test_elements_go_one_by_one_and_the_header_stays():
    who = ward.somebody(random.Random(2))
    payload = result(3, who)
    names = [payload[begin:end].partition(b" ")[0].partition(b">")[0]
             for begin, end in minimise_maker.spans(payload)]  # fmt: skip
    assert names[:3] == [b"<SVC", b"<SVC.role_cd", b"<PT"]
    assert not any(b"HDR" in one for one in names)
    assert b"<OBS.R01" not in names


def capture(tmp_path, *said):
    """One conversation: who says what, one after the other."""
    path = tmp_path / "ward.pcap"
    journal = PcapJournal(path)
    journal.open()
    journal.opened(DEVICE, STATION)
    for source, data in said:
        journal.passed(source, STATION if source == DEVICE else DEVICE, data)
    journal.close()
    return path


def test_one_matter_comes_with_the_greeting_and_without_the_others(tmp_path):
    one, other = ward.somebody(random.Random(2)), ward.somebody(random.Random(3))
    path = capture(
        tmp_path,
        (DEVICE, message("HEL.R01", 1)), (STATION, ack(1, 1)),
        (DEVICE, result(2, other)), (STATION, ack(2, 2)),
        (DEVICE, result(3, one)), (STATION, ack(3, 3)),
        (DEVICE, message("END.R01", 4)), (STATION, ack(4, 4)),
    )  # fmt: skip
    out = tmp_path / "case"
    assert main(["case", "take", str(path), "--about", one.barcode, "--out", str(out)]) == 0

    lines = [json.loads(each) for each in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
    assert sorted(each["type"] for each in lines) == [
        "ACK.R01", "ACK.R01", "ACK.R01", "END.R01", "HEL.R01", "OBS.R01"]  # fmt: skip
    whole = b"\n".join(each.read_bytes() for each in out.rglob("*") if each.is_file())
    for who in (one, other):
        for text in (who.name, who.number, who.barcode):
            assert text.encode() not in whole
