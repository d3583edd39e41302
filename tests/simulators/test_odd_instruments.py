"""What single makers do otherwise: marks of controls, raw signals, parts, polls, missing ends.

Bytes are cut by hand here; nothing of the simulator reads what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from harness.clock import CHINA
from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.framings import FramingConfig, FramingCore
from simulators.analyzer import families, framed_analyzer, generate, hl7_analyzer
from simulators.analyzer.model import AnalyzerModel, load_model
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen
from tests.simulators.test_every_model import Lab

TIME = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)
STX, ETX, ETB, ACK = b"\x02", b"\x03", b"\x17", b"\x06"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path)
    yield one
    one.store.close()


def sent(model: AnalyzerModel, tested: Specimen) -> list[bytes]:
    return families.payloads(model, [tested], first_id=1, time=TIME)


def heard(lab: Lab, link: str, payload: bytes, conn: str = "m#1") -> list[act.Command]:
    """What the LIS does about one message of an instrument."""
    event = act.Received(conn=conn, link=link, event=Message(payload=payload))
    told: list[act.Command] = lab.lis.on_event(event, lab.pump.clock.now())
    return told


def first_channel(model: AnalyzerModel, value: str, flag: str = "N") -> Result:
    item = next(iter(model.hl7.channels))
    return Result(item=item, value=value, unit="", flag=flag)


@pytest.mark.parametrize(("name", "mark"), [
    ("edan-i15", b"|P|2.4||||1|"),
    ("dirui-bf6900", b"|OUL^R21|1|P^LJ|2.4"),
    ("autobio-a1000", b"|Q|2.4|"),
])  # fmt: skip
def test_a_control_has_its_maker_s_mark_and_never_becomes_a_patient(
    lab: Lab, name: str, mark: bytes
) -> None:
    model = load_model(name)
    control = Specimen(barcode="LOT77", results=[first_channel(model, "5.5")], quality_control=True)

    assert mark in sent(model, control)[0].split(b"\r")[0] + b"|"
    lab.set_up(model, control)
    lab.play(model, control)

    controls = lab.store.rows("SELECT lot, kind FROM quality_control")
    assert [(row["lot"], row["kind"]) for row in controls] == [("LOT77", "control")]
    assert lab.stored("LOT77") == []


def test_arrows_are_flags_on_the_wire_and_letters_in_the_store(lab: Lab) -> None:
    model = load_model("edan-i15")
    tested = Specimen(barcode="B1", results=[first_channel(model, "7.60", "H")])
    lab.order(tested)
    lab.set_up(model, tested)

    assert "|↑|".encode() in sent(model, tested)[0]
    lab.play(model, tested)

    rows = lab.store.rows("SELECT flag FROM results WHERE barcode = 'B1'")
    assert [row["flag"] for row in rows] == ["H"]


def test_a_raw_signal_before_the_value_is_not_the_result(lab: Lab) -> None:
    model = load_model("autobio-a1000")
    tested = Specimen(barcode="B1", results=[first_channel(model, "2.31")])
    field = sent(model, tested)[0].split(b"\rOBX")[1].split(b"|")[5]
    raw, value = field.split(b"^")
    assert raw.isdigit()
    assert len(raw) == 6
    assert value == b"2.31"

    lab.order(tested)
    lab.set_up(model, tested)
    lab.play(model, tested)

    assert [row[1] for row in lab.stored("B1")] == ["2.31"]


def test_a_caret_of_a_unit_is_an_asterisk_and_pictures_reach_64_kilobytes() -> None:
    model = load_model("dirui-bf6900")
    message = sent(model, generate.run(3, model))[0]
    units = {row.split(b"|")[6] for row in message.split(b"\r") if row.startswith(b"OBX")}
    pictures = [row.split(b"|")[5] for row in message.split(b"\r") if b"|ED|" in row]

    assert b"10*9/L" in units
    assert not any(b"^" in unit for unit in units)
    assert 60_000 < max(map(len, pictures)) <= 65_536


def test_segments_without_ends_are_one_segment_and_are_never_accepted(lab: Lab) -> None:
    """HL7 2.5.1 §2.5.2: each segment ends with CR; what follows MSH without one is no segment."""
    model = load_model("getein-magicl")
    assert model.hl7.side == "server"
    tested = generate.run(11, model)
    lab.order(tested)
    lab.set_up(model, tested)
    payload = sent(model, tested)[0]
    assert b"\r" not in payload

    said = heard(lab, hl7_analyzer.LINK, payload)

    answers = [
        one.event.payload
        for one in said
        if isinstance(one, act.Send) and isinstance(one.event, Message)
    ]
    assert len(answers) == 1
    assert not any(b"MSA|AA" in answer or b"MSA|CA" in answer for answer in answers)
    assert not any(isinstance(one, act.Commit) for one in said)


def test_a_message_in_parts_ends_in_etb_until_the_last() -> None:
    model = load_model("abbott-aeroset")
    payload = sent(model, generate.run(3, model))[0]
    core = FramingCore(model.framed.framing.delimited())
    core.send(Message(payload=payload), 0.0)
    frames = []
    while True:
        data = core.data_to_send()
        if not data:
            break
        frames.append(data)
        core.receive(ACK, 0.0)

    assert len(frames) > 1
    assert [frame[-1:] for frame in frames] == [ETB] * (len(frames) - 1) + [ETX]
    assert b"".join(frame[1:-1] for frame in frames) == payload


def test_nobody_answers_so_the_same_frame_comes_five_times_then_eot() -> None:
    """The capture of a 7150 whose host never answered."""
    model = load_model("hitachi-7150")
    payload = sent(model, generate.run(3, model))[0]
    core = FramingCore(model.framed.framing.delimited())
    core.send(Message(payload=payload), 0.0)
    said, now = [core.data_to_send()], 0.0
    while core.next_deadline() is not None:
        now = core.next_deadline() or now
        core.on_deadline(now)
        said.append(core.data_to_send())

    frame = STX + payload + ETX + b"\r\n"
    assert said == [*[frame] * 5, b"\x04"]


def test_a_record_of_793_characters_and_no_other_is_taken(lab: Lab) -> None:
    model = load_model("sebia-hydrasys")
    tested = generate.run(11, model)
    payload = sent(model, tested)[0]
    assert len(payload) == 793
    lab.order(tested)
    lab.set_up(model, tested)

    for number, data in enumerate([payload[:-1], payload + b" ", payload], 1):
        told = heard(lab, framed_analyzer.LINK, data, f"c#{number}")
        lab.store.commit([row for one in told if isinstance(one, act.Commit)
                          for row in one.statements])  # fmt: skip
        assert bool(lab.stored(tested.barcode)) is (number == 3)

    kept = lab.store.rows("SELECT reason FROM unmatched")
    assert [row["reason"] for row in kept] == ["unreadable", "unreadable"]


def test_a_poll_is_told_that_there_is_no_request_and_a_result_is_accepted(lab: Lab) -> None:
    model = load_model("siemens-dimension")
    tested = generate.run(11, model)
    lab.order(tested)
    lab.set_up(model, tested)
    poll, result = sent(model, tested)
    assert (poll[:2], result[:2]) == (b"P\x1c", b"R\x1c")
    text = FramingConfig(
        check=model.framed.framing.check, check_place="before-end", check_end=False
    ).frame(poll)
    assert text[-3:-1] == b"%02X" % (sum(poll) % 256)
    assert text[-1:] == ETX

    for payload, answer in ((poll, b"N\x1c"), (result, b"M\x1cA\x1c\x1c")):
        told = heard(lab, framed_analyzer.LINK, payload)
        said = [one.event for one in told if isinstance(one, act.Send)]
        assert [type(one).__name__ for one in said] == ["Accept", "Message"]
        assert said[1] == Message(payload=answer)
    assert isinstance(told[0], act.Commit)  # it is stored before it is accepted

    assert lab.play(model, tested)["outcome"] == "ok"
    assert {row[1] for row in lab.stored(tested.barcode)} == {one.value for one in tested.results}
