"""Sending HL7: stored before it is sent, one outstanding, sent again with the same control id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.link import actor as act
from harness.wire.core import Message
from simulators.hospital import outbox as module
from tests.simulators.desk import Desk, ack, kinds, sends

LINK = "his-lis"
PERSON = {"patient_id": "P1", "name": "测试甲", "sex": "F", "birth": "19800229"}

Open = Callable[..., Desk]


@pytest.fixture
def open_his(tmp_path: Path) -> Iterator[Open]:
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desks.append(Desk("HIS", tmp_path, *defects))
        return desks[-1]

    yield one
    for desk in desks:
        desk.store.close()


@pytest.fixture
def his(open_his: Open) -> Desk:
    return open_his()


def queued(desk: Desk, count: int = 1) -> list[str]:
    """Messages that wait; returns their control ids."""
    for number in range(1, count + 1):
        assert desk.order("admit", **PERSON | {"patient_id": f"P{number}"}).error == ""
    return [row[0] for row in desk.rows("SELECT control_id FROM outbox ORDER BY id")]


def states(desk: Desk) -> list[str]:
    return [row[0] for row in desk.rows("SELECT state FROM outbox ORDER BY id")]


def opened(desk: Desk) -> tuple[str, list[act.Command]]:
    """Let it connect; returns the connection and what it did then."""
    (command,) = desk.timer("push")
    assert isinstance(command, act.Open)
    assert command.link == LINK
    return command.conn, desk.give(act.Opened(conn=command.conn, link=LINK))


def answered(desk: Desk, conn: str, payload: bytes) -> list[act.Command]:
    return desk.give(act.Received(conn=conn, link=LINK, event=Message(payload=payload)))


def timers(commands: list[act.Command]) -> dict[str, float | None]:
    return {one.name: one.at for one in commands if isinstance(one, act.SetTimer)}


def sent_id(commands: list[act.Command]) -> str:
    (payload,) = sends(commands)
    return payload.split(b"\r")[0].split(b"|")[9].decode("ascii")


def test_a_message_is_sent_when_it_is_stored_and_the_line_is_there(his: Desk) -> None:
    (control,) = queued(his)
    assert his.actor.outbox.pending() == 1
    conn, commands = opened(his)

    assert kinds(commands) == ["SetTimer", "Commit", "Send"]
    assert timers(commands) == {"answer": 5.0}
    assert sent_id(commands) == control
    assert his.rows("SELECT state, tries FROM outbox") == [("pending", 1)]
    done = answered(his, conn, ack("AA", control))
    assert kinds(done) == ["SetTimer", "SetTimer", "Commit"]
    assert timers(done) == {"answer": None, "push": 0.0}
    assert states(his) == ["accepted"]
    assert his.timer("push") == []
    assert his.actor.outbox.pending() == 0


def test_one_message_is_outstanding(his: Desk) -> None:
    first, second = queued(his, 2)
    conn, commands = opened(his)
    assert sent_id(commands) == first
    assert his.timer("push") == []
    answered(his, conn, ack("AA", first))
    commands = his.timer("push")

    assert sent_id(commands) == second
    assert states(his) == ["accepted", "pending"]


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_a_refused_message_is_not_sent_again(his: Desk, code: str) -> None:
    """HL7 2.4 §2.9.2.3: an error is for a person; the next message goes on."""
    first, second = queued(his, 2)
    conn, _ = opened(his)
    answered(his, conn, ack(code, first))

    assert states(his) == ["refused", "pending"]
    assert sent_id(his.timer("push")) == second


def test_no_answer_closes_backs_off_and_repeats_the_same_message(his: Desk) -> None:
    (control,) = queued(his)
    conn, first = opened(his)
    his.clock.advance_to(5.0)
    commands = his.timer("answer")

    assert commands == [act.Close(conn=conn), act.SetTimer(name="retry", at=6.0)]
    assert his.timer("push") == []  # not before the pause is over
    his.clock.advance_to(6.0)
    (command,) = his.timer("retry")
    assert isinstance(command, act.Open)
    assert command.conn != conn
    again = his.give(act.Opened(conn=command.conn, link=LINK))
    assert sends(again) == sends(first)
    assert his.rows("SELECT control_id, state, tries FROM outbox") == [(control, "pending", 2)]


def test_an_answer_to_another_message_is_not_ours(his: Desk) -> None:
    (control,) = queued(his)
    conn, _ = opened(his)
    for foreign in (ack("AA", "OTHER"), ack("AE", ""), b"NO HL7\r", b"", b"\xff" * 9):
        assert answered(his, conn, foreign) == []
    assert answered(his, conn, ack("XX", control)) == []
    assert states(his) == ["pending"]
    answered(his, conn, ack("CA", control))

    assert states(his) == ["accepted"]
    assert answered(his, conn, ack("AA", control)) == []


def test_an_answer_over_a_connection_that_is_gone_does_not_count(his: Desk) -> None:
    (control,) = queued(his)
    conn, _ = opened(his)
    his.timer("answer")

    assert answered(his, conn, ack("AA", control)) == []
    assert states(his) == ["pending"]
    assert his.timer("answer") == []


def test_a_lost_connection_repeats_the_message(his: Desk) -> None:
    queued(his)
    conn, first = opened(his)
    commands = his.give(act.Closed(conn=conn, link=LINK, reason="reset"))
    assert timers(commands) == {"retry": 1.0}
    (command,) = his.timer("retry")
    assert isinstance(command, act.Open)

    assert sends(his.give(act.Opened(conn=command.conn, link=LINK))) == sends(first)
    assert his.give(act.Closed(conn=conn, link=LINK)) == []


def test_a_refused_connection_is_tried_again(his: Desk) -> None:
    queued(his)
    (command,) = his.timer("push")
    assert isinstance(command, act.Open)
    assert his.timer("push") == []  # it opens already
    commands = his.give(act.Refused(conn=command.conn, link=LINK, reason="refused"))

    assert timers(commands) == {"retry": 1.0}
    (again,) = his.timer("retry")
    assert isinstance(again, act.Open)
    assert again.conn != command.conn
    assert his.rows("SELECT tries FROM outbox") == [(0,)]


def test_nothing_is_opened_for_nothing(his: Desk) -> None:
    assert timers(his.give(act.Started())) == {"push": 0.0}
    assert his.timer("push") == []
    assert his.give(act.Opened(conn="foreign", link=LINK)) == []


def test_it_survives_a_crash_at_each_commit(his: Desk, open_his: Open) -> None:
    """Whatever was carried out before the power went, the next life sends the same bytes."""
    (control,) = queued(his)
    conn, first = opened(his)
    (payload,) = sends(first)
    # Died after the first sending, and again after the second one.
    for tries in (2, 3):
        his = open_his()
        assert timers(his.give(act.Started())) == {"push": 0.0}
        conn, again = opened(his)
        assert sends(again) == [payload]
        assert his.rows("SELECT tries FROM outbox") == [(tries,)]
    answered(his, conn, ack("AA", control))
    his = open_his()

    assert his.timer("push") == []
    assert states(his) == ["accepted"]


def test_a_control_id_is_not_used_again_after_a_crash(his: Desk, open_his: Open) -> None:
    (first,) = queued(his)
    his = open_his()
    assert len(set(queued(his, 1))) == 2
    assert his.rows("SELECT control_id FROM outbox ORDER BY id")[0] == (first,)
    assert {len(row[0]) for row in his.rows("SELECT control_id FROM outbox")} == {20}


def test_after_many_attempts_a_message_is_put_aside_for_a_person(
    his: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIES_MAX", 2)
    _, second = queued(his, 2)
    conn, _ = opened(his)
    for _ in range(2):
        his.give(act.Closed(conn=conn, link=LINK))
        (command,) = his.timer("retry")
        conn = command.conn  # type: ignore[union-attr] # an Open, or the next line fails
        commands = his.give(act.Opened(conn=conn, link=LINK))
    assert kinds(commands) == ["SetTimer", "Commit"]

    assert states(his) == ["failed", "pending"]
    assert sent_id(his.timer("push")) == second


def test_a_commit_that_fails_does_not_stop_the_line(
    his: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer is set before the commit, so the message is tried again when the disk is back."""
    (control,) = queued(his)
    (command,) = his.timer("push")
    assert isinstance(command, act.Open)

    def full(_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(his.store, "commit", full)
        with pytest.raises(OSError, match="disk full"):
            his.give(act.Opened(conn=command.conn, link=LINK))
    his.timer("answer")
    (command,) = his.timer("retry")
    assert isinstance(command, act.Open)

    assert sent_id(his.give(act.Opened(conn=command.conn, link=LINK))) == control


def test_what_waits_can_be_abandoned(his: Desk) -> None:
    queued(his, 2)
    assert his.order("pending").value == 2
    assert his.order("abandon").error == ""

    assert states(his) == ["abandoned", "abandoned"]
    assert his.order("pending").value == 0


# -- defects ---------------------------------------------------------------------------------------


def test_giving_up_without_an_answer(open_his: Open) -> None:
    his = open_his("his-no-resend")
    queued(his)
    conn, _ = opened(his)

    assert kinds(his.timer("answer")) == ["Close", "SetTimer", "Commit"]
    assert states(his) == ["lost"]
    assert his.give(act.Closed(conn=conn, link=LINK)) == []


def test_another_control_id_for_the_same_message(open_his: Open) -> None:
    his = open_his("his-resend-new-control-id")
    (control,) = queued(his)
    conn, first = opened(his)
    assert sent_id(first) == control
    his.give(act.Closed(conn=conn, link=LINK))
    (command,) = his.timer("retry")
    again = his.give(act.Opened(conn=command.conn, link=LINK))  # type: ignore[union-attr] # an Open
    assert sent_id(again) == f"{control}R1"
    answered(his, command.conn, ack("AA", f"{control}R1"))  # type: ignore[union-attr] # as above

    assert states(his) == ["accepted"]


@pytest.mark.parametrize(
    ("defect", "payload", "state"),
    [
        ("lis-ignores-msa-2", ack("AA", "OTHER"), "accepted"),
        ("lis-ignores-msa-2", ack("AE", "OTHER"), "refused"),
        ("lis-ignores-msa-2", b"NO HL7\r", "pending"),
        ("lis-takes-any-answer", ack("AE", "OTHER"), "accepted"),
        ("lis-takes-any-answer", b"NO HL7\r", "accepted"),
    ],
)
def test_trusting_what_comes_back(tmp_path: Path, defect: str, payload: bytes, state: str) -> None:
    lis = Desk("LIS", tmp_path, defect)
    lis.store.commit([lis.actor.outbox.put("C1", "ORU^R01", "T1", b"MSH|^~\\&|LIS\r")])
    (command,) = lis.timer("push")
    assert isinstance(command, act.Open)
    lis.give(act.Opened(conn=command.conn, link="lis-his"))
    event = Message(payload=payload)
    lis.give(act.Received(conn=command.conn, link="lis-his", event=event))

    assert states(lis) == [state]
    lis.store.close()
