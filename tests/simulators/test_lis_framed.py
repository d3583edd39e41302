"""Instruments with a framing of their own at the built-in LIS: the port, results, orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.framings_events import Accept, Refuse
from harness.wire.framings_readers import READERS
from simulators.hospital.lis_framed import RESULTS_MAX
from simulators.hospital.lis_framed_drivers import DRIVERS
from tests.simulators.desk import Desk, adt, oml

Open = Callable[..., Desk]

LINK = "analyzer-lis-framed"
AU = "D 000101 0001T1                  E01  5.60  97  4.10  "
"""One result block of an AU, typed column by column: head, 20 columns of id, E, 2 + 6 + 2 each."""
MAP = [{"channel": "01", "item": "GLU", "unit": "mmol/L"},
       {"channel": "97", "item": "K", "unit": "mmol/L"}]  # fmt: skip


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS with tube T1 (K, GLU), its port set up for ``driver``."""
    desks: list[Desk] = []

    def one(*defects: str, driver: str = "beckman-au", **more: Any) -> Desk:
        desk = Desk("LIS", tmp_path, *defects)
        desk.hl7(adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||甲||19800229|F", "PV1|1|I|W03^^12"))
        desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|S", "ORC|NW|O1", "OBR|2|O1|T1|GLU|S"))
        if driver:
            args: dict[str, Any] = {"driver": driver} | more
            assert not order(desk, "configure_port", **args).error
            assert not order(desk, "configure_analyzer", sender=driver, items=MAP).error
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


def order(desk: Desk, name: str, **args: Any) -> act.Reply:
    (reply,) = (
        one
        for one in desk.give(act.Commanded(name=name, args=args, ident=3))
        if isinstance(one, act.Reply)
    )
    return reply


def say(desk: Desk, text: str | bytes, conn: str = "f#1") -> list[act.Command]:
    payload = text if isinstance(text, bytes) else text.encode("ascii")
    return desk.give(act.Received(conn=conn, link=LINK, event=Message(payload=payload)))


def shape(commands: list[act.Command]) -> list[str]:
    return [
        type(one.event).__name__ if isinstance(one, act.Send) else type(one).__name__
        for one in commands
    ]


def results(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows("SELECT item, value, unit, patient_id, instrument FROM results ORDER BY id")


def test_a_block_is_stored_and_then_accepted(open_lis: Open) -> None:
    lis = open_lis()

    assert shape(say(lis, AU)) == ["Commit", "SetTimer", "Accept"]
    assert results(lis) == [
        ("GLU", "5.60", "mmol/L", "P1", "beckman-au"),
        ("K", "4.10", "mmol/L", "P1", "beckman-au"),
    ]


def test_a_block_that_comes_again_is_stored_once(open_lis: Open) -> None:
    lis = open_lis()
    say(lis, AU)

    assert shape(say(lis, AU, conn="f#2"))[-1] == "Accept"
    assert len(results(lis)) == 2


def test_the_defect_accepts_first(open_lis: Open) -> None:
    lis = open_lis("lis-accepts-before-storing")

    assert shape(say(lis, AU)) == ["Accept", "Commit", "SetTimer"]


def test_an_error_of_ours_is_refused(open_lis: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    lis = open_lis()
    monkeypatch.setattr("simulators.trouble.tell", lambda role, error: None)
    monkeypatch.setattr("simulators.hospital.lis_results.take", lambda *args: 1 / 0)

    (refused,) = say(lis, AU)
    assert isinstance(refused, act.Send)
    assert isinstance(refused.event, Refuse)
    assert results(lis) == []


def test_what_cannot_be_read_is_kept_for_a_person(open_lis: Open) -> None:
    lis = open_lis()

    assert shape(say(lis, b"D \xff nonsense"))[-1] == "Accept"
    kept = lis.rows("SELECT reason, instrument FROM unmatched")
    assert kept == [("unreadable", "beckman-au"), ("unreadable", "beckman-au")]


def test_a_port_that_nobody_set_up_keeps_everything(open_lis: Open) -> None:
    lis = open_lis(driver="")

    assert shape(say(lis, AU)) == ["Commit"]
    assert lis.rows("SELECT reason FROM unmatched") == [("no driver",)]


def test_the_orders_of_a_tube(open_lis: Open) -> None:
    lis = open_lis()

    assert shape(say(lis, "RB01")) == ["Accept"]
    *stored, accepted, answer = say(lis, "R 000304 0017T1                  ")
    assert shape([*stored, accepted]) == ["Commit", "Accept"]
    assert isinstance(accepted, act.Send)
    assert isinstance(accepted.event, Accept)
    assert isinstance(answer, act.Send)
    assert isinstance(answer.event, Message)
    assert answer.event.payload == b"S 000304 0017T1                  E0197"
    assert lis.rows("SELECT item, way, state FROM worklist ORDER BY item") == [
        ("GLU", "query", "sent"), ("K", "query", "sent"),
    ]  # fmt: skip


def test_a_tube_without_orders_is_answered_too(open_lis: Open) -> None:
    lis, silent = open_lis(), None
    question = "R 000304 0017T9                  "

    last = say(lis, question)[-1]
    assert isinstance(last, act.Send)
    assert isinstance(last.event, Message)
    assert last.event.payload == b"S 000304 0017T9                  E"

    lis.actor.defects.add("lis-silent-without-order")
    silent = say(lis, question)
    assert shape(silent) == ["Accept"]


def test_results_of_a_specimen_in_messages_of_their_own(open_lis: Open) -> None:
    """A Vitros: the specimen, a line a result, and the count of lines (two more than results)."""
    lis = open_lis(driver="vitros-750")
    order(lis, "configure_analyzer", sender="vitros-750",
          items=[{"channel": "GLU", "item": "GLU"}, {"channel": "K+", "item": "K"}])  # fmt: skip
    lines = [
        "000a260105080000" + "T1".ljust(15) + "01  ",
        "001fGLU   " + "5.60".rjust(9) + "mmol/L  00",
        "002fK+    " + "4.10".rjust(9) + "mmol/L  00",
        "003h4",
    ]

    said = [shape(say(lis, one)) for one in lines]

    assert said == [[], ["Commit", "SetTimer"], ["Commit", "SetTimer"], []]
    assert [row[:2] for row in results(lis)] == [("GLU", "5.60"), ("K", "4.10")]
    assert lis.rows("SELECT * FROM unmatched") == []


def test_a_connection_that_ends_takes_its_specimen_along(open_lis: Open) -> None:
    lis = open_lis(driver="vitros-750")
    say(lis, "000a260105080000" + "T1".ljust(15) + "01  ")
    lis.give(act.Closed(conn="f#1", link=LINK, reason="gone"))

    say(lis, "001fGLU   " + "5.60".rjust(9) + "mmol/L  00")
    assert results(lis) == []
    assert [row[0] for row in lis.rows("SELECT reason FROM unmatched")] == ["unreadable"]


def test_an_endless_specimen_is_forgotten_in_part(open_lis: Open) -> None:
    lis = open_lis(driver="beckman-array")
    say(lis, "21,T1,1")
    for _ in range(RESULTS_MAX + 5):
        say(lis, "22,CRP,1,S,2.8,mg/L,N")

    (line,) = lis.actor.framed._lines.values()
    assert len(line.reading.current.results) <= RESULTS_MAX


def test_a_site_sets_up_what_differs(open_lis: Open) -> None:
    lis = open_lis(setup={"id_width": 6, "test_width": 3}, sender="AU-2")
    order(lis, "configure_analyzer", sender="AU-2", items=[{"channel": "001", "item": "GLU"}])

    say(lis, "D 000101 0001T1    E001  5.60  ")
    assert [row[:2] for row in results(lis)] == [("GLU", "5.60")]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"driver": "nobody"}, "no driver nobody"),
        ({}, "missing 'driver'"),
        ({"driver": "beckman-au", "setup": "[1]"}, "setup is a table"),
        ({"driver": "beckman-au", "setup": {"id_width": [1]}}, "setup is a table"),
        ({"driver": "beckman-au", "setup": {"x": "y" * 10_000}}, "too long"),
    ],
)
def test_what_cannot_be_set_up_is_refused(
    open_lis: Open, args: dict[str, Any], problem: str
) -> None:
    assert problem in order(open_lis(driver=""), "configure_port", **args).error


def test_every_driver_has_a_reader() -> None:
    assert {one.reader for one in DRIVERS.values()} == set(READERS)
