"""POCT1-A2 devices at the built-in LIS: the conversation, results, times, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.link import actor as act
from harness.wire.core import Message
from simulators.hospital.lis_poct import civil_time
from tests.simulators.desk import Desk, adt, oml, sends

Open = Callable[..., Desk]

LINK = "analyzer-lis-poct"
HEAD = '<HDR><HDR.control_id V="{}"/><HDR.version_id V="POCT1"/></HDR>'


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS with tube T1 (GLU) of one patient, and the item map of one meter."""
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desk = Desk("LIS", tmp_path, *defects)
        desk.hl7(adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||甲||19800229|F", "PV1|1|I|W03^^12"))
        desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|GLU|S"))
        items: Any = [{"channel": "2339-0", "item": "GLU", "unit": "mmol/L"}]
        desk.give(act.Commanded(name="configure_analyzer", ident=1,
                                args={"sender": "METER", "items": items}))  # fmt: skip
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


def say(desk: Desk, text: str) -> list[act.Command]:
    event = Message(payload=text.encode("utf-8"))
    return desk.give(act.Received(conn="p#1", link=LINK, event=event))


def told(commands: list[act.Command]) -> list[tuple[str, str]]:
    """Root element and what it says: of ACK its type and what it answers, else the command."""
    found = []
    for payload in sends(commands):
        text = payload.decode("utf-8")
        words = re.findall(
            r'<(?:ACK.type_cd|ACK.ack_control_id|DTV.command_cd|REQ.request_cd) V="(\w+)"', text
        )
        found.append((text[1:].partition(">")[0], " ".join(words)))
    return found


def hello(*directives: str) -> str:
    known = "".join(f'<DSC.directives_supported_cd V="{one}"/>' for one in directives)
    device = f'<DEV><DEV.model_id V="METER"/><DSC>{known}</DSC></DEV>'
    return f"<HEL.R01>{HEAD.format(1)}{device}</HEL.R01>"


STATUS = f'<DST.R01>{HEAD.format(2)}<DST><DST.new_observations_qty V="1"/></DST></DST.R01>'


def observation(
    kind: str = "OBS.R01", role: str = "OBS", about: str = "", time: str = "2026-01-05T07:00:00"
) -> str:
    about = about or '<SPC><SPC.specimen_id V="T1"/></SPC>'
    return (
        f'<{kind}>{HEAD.format(3)}<SVC><SVC.role_cd V="{role}"/><SVC.observation_dttm V="{time}"/>'
        '<PT><PT.name V="甲"/><OBS><OBS.observation_id V="2339-0"/><OBS.value V="5.6" U="mmol/L"/>'
        f'<OBS.interpretation_cd V="N"/></OBS></PT>{about}</SVC></{kind}>'
    )


@pytest.mark.parametrize(
    ("directives", "wish"),
    [(("START_CONTINUOUS",), ("DTV.R01", "START_CONTINUOUS")), ((), ("REQ.R01", "ROBS"))],
)
def test_the_station_directs(
    open_lis: Open, directives: tuple[str, ...], wish: tuple[str, str]
) -> None:
    lis = open_lis()

    assert told(say(lis, hello(*directives))) == [("ACK.R01", "AA 1")]
    assert told(say(lis, STATUS)) == [("ACK.R01", "AA 2"), ("DTV.R02", "SET_TIME"), wish]


def test_an_observation_is_stored_and_then_acknowledged(open_lis: Open) -> None:
    lis = open_lis()
    say(lis, hello())

    commands = say(lis, observation())

    assert [type(one).__name__ for one in commands] == ["Commit", "SetTimer", "Send"]
    assert told(commands) == [("ACK.R01", "AA 3")]
    columns = "barcode, patient_id, item, value, unit, flag, tested_at, instrument"
    assert lis.rows(f"SELECT {columns} FROM results") == [
        ("T1", "P1", "GLU", "5.6", "mmol/L", "N", "20260105070000", "METER")
    ]
    say(lis, observation())
    assert len(lis.rows("SELECT * FROM results")) == 1


def test_the_defect_acknowledges_first(open_lis: Open) -> None:
    lis = open_lis("lis-acknowledges-analyzer-first")
    say(lis, hello())

    commands = say(lis, observation())
    assert [type(one).__name__ for one in commands] == ["Send", "Commit", "SetTimer"]


@pytest.mark.parametrize(
    ("kind", "role"), [("OBS.R02", "?"), ("OBS.R02", "LQC"), ("OBS.R01", "LQC")]
)
def test_controls_are_no_patients(open_lis: Open, kind: str, role: str) -> None:
    lis = open_lis()
    say(lis, hello())

    say(lis, observation(kind, role, about='<CTC><CTC.lot_number V="LOT9"/></CTC>'))
    assert lis.rows("SELECT lot, item, value FROM quality_control") == [("LOT9", "GLU", "5.6")]
    assert lis.rows("SELECT * FROM results") == []


def test_what_cannot_be_read_is_answered_so(open_lis: Open) -> None:
    lis = open_lis()

    (answer,) = told(say(lis, "<OBS.R01><HDR></OBS.R01>"))
    assert answer[1].startswith("AE")


def test_an_error_of_ours_is_answered_so(open_lis: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    lis = open_lis()
    monkeypatch.setattr("simulators.trouble.tell", lambda role, error: None)
    monkeypatch.setattr("simulators.hospital.lis_results.take", lambda *args: 1 / 0)

    assert told(say(lis, observation())) == [("ACK.R01", "AE 3")]


def test_the_end_of_a_conversation(open_lis: Open) -> None:
    lis = open_lis()
    say(lis, hello())

    assert say(lis, "<ACK.R01/>") == []
    assert told(say(lis, f"<KPA.R01>{HEAD.format(4)}</KPA.R01>")) == [("ACK.R01", "AA 4")]
    commands = say(lis, f"<END.R01>{HEAD.format(5)}</END.R01>")
    assert isinstance(commands[-1], act.Close)
    lis.give(act.Closed(conn="p#1", link=LINK, reason="by us"))
    assert lis.actor.poct._talks == {}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-01-05T07:00:00", "20260105070000"),
        ("2026-01-04T23:00:00+00:00", "20260105070000"),
        ("2026-01-05T07:00:00+08:00", "20260105070000"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_times_become_civil_time(text: str, wanted: str) -> None:
    assert civil_time(text) == wanted
