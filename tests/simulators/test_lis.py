"""The built-in LIS as a whole: the order of storing and accepting, and what it survives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.link import actor as act
from harness.wire.astm_link import AstmLinkCore, FrameReceived, MessageReceived
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from tests.simulators.desk import Desk, adt, kinds, oml, run, specimen

PID = "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F"
K = run(*specimen("T1", "K|4.1|mmol/L|N|F"))
NA = run(*specimen("T1", "NA|139|mmol/L|N|F"))


def ordered(desk: Desk) -> Desk:
    desk.hl7(adt("A01", "C1", PID))
    desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|R", "ORC|NW|O1", "OBR|2|O1|T1|NA|R"))
    return desk


@pytest.fixture
def lis(tmp_path: Path) -> Iterator[Desk]:
    desk = ordered(Desk("LIS", tmp_path))
    yield desk
    desk.store.close()


def frame(desk: Desk, *payloads: bytes, conn: str = "an#1") -> list[act.Command]:
    """A frame that completes these messages."""
    commands = []
    for payload in payloads:
        event = MessageReceived(payload=payload)
        commands += desk.give(act.Received(conn=conn, link="analyzer-lis", event=event))
    end = FrameReceived(number=1, text=b"", last=True, hold=4)
    return commands + desk.give(act.Received(conn=conn, link="analyzer-lis", event=end))


def stored(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT item FROM results ORDER BY id")


def test_each_link_has_its_protocol(lis: Desk) -> None:
    assert isinstance(lis.actor.open_core("analyzer-lis", client=False), AstmLinkCore)
    assert isinstance(lis.actor.open_core("his-lis", client=False), MllpCore)
    assert isinstance(lis.actor.open_core("lis-his", client=True), MllpCore)


def test_results_are_stored_before_their_frame_is_accepted(lis: Desk) -> None:
    commands = frame(lis, K)

    assert kinds(commands) == ["Commit", "SetTimer", "Accept"]
    assert commands[1] == act.SetTimer(name="push", at=0.0)
    assert commands[2].event.hold == 4  # type: ignore[union-attr] # an Accept


def test_a_frame_inside_a_message_is_accepted_at_once(lis: Desk) -> None:
    assert kinds(frame(lis)) == ["Accept"]


def test_accepting_before_storing_forgets_none_of_several(tmp_path: Path) -> None:
    lis = ordered(Desk("LIS", tmp_path, "lis-accepts-before-storing"))
    commands = frame(lis, K, NA)

    assert kinds(commands) == ["Accept", "Commit", "SetTimer", "Commit", "SetTimer"]
    assert stored(lis) == [("K",), ("NA",)]
    assert kinds(frame(lis)) == ["Accept"]
    lis.store.close()


def test_a_connection_that_ends_takes_what_was_late_with_it(tmp_path: Path) -> None:
    lis = ordered(Desk("LIS", tmp_path, "lis-accepts-before-storing"))
    event = MessageReceived(payload=K)
    lis.give(act.Received(conn="an#1", link="analyzer-lis", event=event))
    assert lis.give(act.Closed(conn="an#1", link="analyzer-lis", reason="reset")) == []

    assert kinds(frame(lis)) == ["Accept"]
    assert stored(lis) == []
    lis.store.close()


def test_a_message_that_trips_it_is_refused_told_and_survived(
    lis: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("wrong in us")

    with monkeypatch.context() as patch:
        patch.setattr("simulators.hospital.lis_results.store", broken)
        assert kinds(frame(lis, K)) == ["Refuse"]
        assert kinds(frame(lis, K, conn="an#2")) == ["Refuse"]
    assert "LIS: Traceback" in capsys.readouterr().err
    assert stored(lis) == []

    assert kinds(frame(lis, K)) == ["Commit", "SetTimer", "Accept"]
    assert stored(lis) == [("K",)]


def test_a_refusal_does_not_outlive_its_connection(
    lis: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("simulators.hospital.lis_results.store", None)
        event = MessageReceived(payload=K)
        lis.give(act.Received(conn="an#1", link="analyzer-lis", event=event))
    lis.give(act.Closed(conn="an#1", link="analyzer-lis"))

    assert kinds(frame(lis)) == ["Accept"]


def test_events_of_the_link_that_say_nothing_change_nothing(lis: Desk) -> None:
    assert lis.give(act.Opened(conn="an#1", link="analyzer-lis")) == []
    event = Message(payload=K)
    assert lis.give(act.Received(conn="an#1", link="analyzer-lis", event=event)) == []


def test_its_user_can_look_and_give_up(lis: Desk) -> None:
    frame(lis, K)
    assert lis.order("pending").value == 1
    assert lis.order("abandon").error == ""
    assert lis.order("pending").value == 0

    assert lis.order("dance").error == "the LIS knows no command dance"


def test_it_looks_into_its_store_when_it_starts(lis: Desk) -> None:
    assert lis.give(act.Started()) == [act.SetTimer(name="push", at=0.0)]
