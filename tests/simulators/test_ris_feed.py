"""Orders over HL7 to the RIS, and states back: messages typed from HL7 2.5.1 §4.4, §4.5."""

import pytest

from harness.clock import RealClock
from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from simulators.hospital import his_imaging, ris, ris_feed, ris_orders
from simulators.hospital.his_imaging import ImagingOrders
from simulators.hospital.ris import Ris
from simulators.hospital.ris_feed import RisFeed
from simulators.store import open_store

ORDER = (
    "MSH|^~\\&|HIS|HOSPITAL|RIS|HOSPITAL|20300102030405||OMI^O23^OMI_O23|{id}|P|2.5.1|||||CHN|"
    "UNICODE UTF-8\r"
    "PID|1||MH1^^^^PatientNO||𠮷三||19700101|F\r"
    "PV1|1|O\r"
    "ORC|{control}|HP1\r"
    "TQ1|1||||||{due}\r"
    "OBR|1|HP1||P1^胸部平扫\r"
    "IPC|A1|P1|2.25.1|S1|CT||||MHCT1\r"
    "OBX|1|PN|PINYIN^患者拼音名^L||TEST^MH1||||||F\r"
)


class Desk:
    def __init__(self, folder, defects=()):
        tables = (*ris.TABLES, *ris_feed.TABLES)
        self.store = open_store(str(folder / "ris.sqlite"), tables, durable=True)
        self.ris = Ris(self.store, set(defects))
        self.feed = RisFeed(self.ris, RealClock())
        self.count = 0

    def send(self, control="NW", due="20300105083000", payload=None, conn="his-ris#1"):
        """The code of the answer; commits are carried out in their order."""
        self.count += 1
        raw = payload or ORDER.format(id=f"C{self.count}", control=control, due=due).encode()
        event = act.Received(conn=conn, link=ris_feed.ORDERS, event=Message(payload=raw))
        code, committed = "", False
        for command in self.feed.on_event(event, 0.0):
            if isinstance(command, act.Commit):
                self.store.commit(command.statements)
                committed = not code
            if isinstance(command, act.Send):
                code = Hl7Message.parse(command.event.payload).get("MSA-1")
        assert committed or code != "AA", "acknowledged before it was stored"
        return code

    def steps(self):
        return self.store.rows("SELECT * FROM steps")

    def told(self):
        rows = self.store.rows("SELECT payload FROM outbox ORDER BY id")
        return [Hl7Message.parse(bytes.fromhex(row["payload"])).get("ORC-5") for row in rows]


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_a_new_order_is_a_step_with_every_value(desk):
    assert desk.send() == "AA"
    (row,) = desk.steps()
    assert row == {
        "sps_id": "S1", "patient_id": "MH1", "name": "𠮷三", "latin": "TEST^MH1",
        "birth": "19700101", "sex": "F", "accession": "A1", "procedure_id": "P1",
        "description": "胸部平扫", "study": "2.25.1", "modality": "CT", "station": "MHCT1",
        "date": "20300105", "time": "083000", "state": "SCHEDULED",
    }  # fmt: skip


def test_a_change_moves_it_and_a_cancel_takes_it_away(desk):
    assert [desk.send(), desk.send("XO", "20300106"), desk.send("CA")] == ["AA", "AA", "AA"]
    (row,) = desk.steps()
    assert (row["date"], row["time"], row["state"]) == ("20300106", "", "CANCELLED")
    assert desk.told() == ["CA"]


@pytest.mark.parametrize(
    ("first", "control", "code"),
    [("", "XO", "AE"), ("", "CA", "AE"), ("NW", "NW", "AE"), ("NW", "ZZ", "AE")],
)
def test_what_has_no_meaning_is_refused_and_changes_nothing(desk, first, control, code):
    if first:
        desk.send(first)
    before = desk.steps()

    assert desk.send(control) == code
    assert desk.steps() == before


@pytest.mark.parametrize("control", ["XO", "CA"])
def test_a_step_that_has_begun_is_left_alone(desk, control):
    desk.send()
    desk.store.commit([("UPDATE steps SET state = 'STARTED'", [])])

    assert desk.send(control) == "AE"
    assert desk.steps()[0]["state"] == "STARTED"


@pytest.mark.parametrize("gone", ["IPC|", "PID|", "TQ1|", "ORC|NW|HP1"])
def test_an_order_without_what_a_step_needs_is_refused(desk, gone):
    text = ORDER.format(id="C9", control="NW", due="20300105")
    lines = [line for line in text.split("\r") if not line.startswith(gone)]

    assert desk.send(payload="\r".join(lines).encode()) in {"AE", "AR"}
    assert desk.steps() == []


def test_the_same_message_again_has_no_second_effect(desk):
    raw = ORDER.format(id="SAME", control="NW", due="20300105").encode()
    assert desk.send(payload=raw) == "AA"
    rows = desk.steps()
    desk.count = 0
    event = act.Received(conn="c", link=ris_feed.ORDERS, event=Message(payload=raw))
    commands = desk.feed.on_event(event, 0.0)
    (sent,) = [one for one in commands if isinstance(one, act.Send)]
    assert Hl7Message.parse(sent.event.payload).get("MSA-1") == "AA"
    assert not [one for one in commands if isinstance(one, act.Commit)]
    assert desk.steps() == rows


def test_other_messages_are_refused(desk):
    raw = ORDER.replace("OMI^O23^OMI_O23", "ORU^R01^ORU_R01").format(id="C", control="NW", due="2")
    assert desk.send(payload=raw.encode()) == "AR"


def test_what_the_his_writes_is_what_the_ris_reads(tmp_path, desk):
    store = open_store(str(tmp_path / "his.sqlite"), his_imaging.TABLES, durable=True)
    orders = ImagingOrders(store, RealClock())
    row = {
        "placer": "HP2", "patient_id": "MH2", "name": "誠|昞^&", "latin": "TEST^MH2",
        "birth": "19800101", "sex": "M", "accession": "A2", "procedure_id": "P2",
        "description": "颅脑|增强", "study": "2.25.2", "sps_id": "S2", "modality": "MR",
        "station": "MHMR1", "date": "20300107", "time": "", "charset": "GB 18030-2000",
    }  # fmt: skip
    for command in orders.on_event(act.Commanded(name="order", args=row, ident=1), 0.0):
        if isinstance(command, act.Commit):
            store.commit(command.statements)
    payload = bytes.fromhex(store.rows("SELECT payload FROM outbox")[0]["payload"])
    store.close()

    assert desk.send(payload=payload) == "AA"
    found = desk.steps()[0]
    wanted = {name: row[name] for name in ris.FIELDS}
    assert {name: found[name] for name in ris.FIELDS} == wanted


def test_a_state_goes_back_for_orders_of_the_his_alone(desk):
    desk.send()

    statements = desk.feed.told("S1", "COMPLETED")

    desk.store.commit(statements)
    assert desk.told() == ["CM"]
    assert desk.feed.told("S-of-the-screen", "COMPLETED") == []
    assert set(ris_orders.STATES) >= {"STARTED", "COMPLETED", "DISCONTINUED", "CANCELLED"}
