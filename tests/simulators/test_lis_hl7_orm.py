"""ORM^O01 of a haematology analyzer at the built-in LIS, and the ORR^O02 that answers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.link import actor as act
from harness.wire.core import Message
from tests.simulators.desk import Desk, adt, oml, sends

HEAD = "MSH|^~\\&|BC-5130|Mindray|||20260105080000||ORM^O01|5|P|2.3.1||||||UNICODE"


def ask(desk: Desk, order_control: str) -> list[list[str]]:
    event = Message(payload=f"{HEAD}\r{order_control}\r".encode())
    received = act.Received(conn="h#1", link="analyzer-lis-hl7", event=event)
    return [one.decode("utf-8").rstrip("\r").split("\r") for one in sends(desk.give(received))]


@pytest.fixture
def lis(tmp_path: Path) -> Desk:
    desk = Desk("LIS", tmp_path)
    desk.hl7(adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||甲||19800229|F", "PV1|1|I|W03^^12"))
    desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|WBC|S", "ORC|NW|O1", "OBR|2|O1|T1|HGB|S"))
    return desk


@pytest.mark.parametrize("order_control", ["ORC|RF||T1||IP", "ORC|RF|T1|||IP"])
def test_a_tube_with_orders(lis: Desk, order_control: str) -> None:
    (answer,) = ask(lis, order_control)
    lis.store.close()

    fields = [segment.split("|") for segment in answer]
    assert [one[0] for one in fields] == ["MSH", "MSA", "PID", "PV1", "ORC", "OBR", "OBX", "OBX"]
    assert fields[0][8] == "ORR^O02"
    assert fields[1][1:3] == ["AA", "5"]
    assert (fields[2][5], fields[3][3], fields[4][1:3]) == ("甲", "W03^^12", ["AF", "T1"])
    assert [one[3] for one in fields[6:]] == ["HGB", "WBC"]


def test_a_tube_without_orders_is_answered_so(lis: Desk) -> None:
    (answer,) = ask(lis, "ORC|RF||T9||IP")
    assert [segment.split("|")[:3] for segment in answer[1:]] == [["MSA", "AR", "5"]]

    lis.actor.defects.add("lis-silent-without-order")
    assert ask(lis, "ORC|RF||T9||IP") == []
    lis.store.close()
