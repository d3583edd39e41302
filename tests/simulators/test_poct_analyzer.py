"""The POCT1-A2 device against scripted stations; and all three families over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.clock import VIRTUAL_EPOCH
from harness.errors import HarnessError
from harness.link import actor as act
from harness.link.pump import Pump
from harness.link.threads import Threads
from harness.model import Person
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from harness.wire.poct1a import DmlMessage, Node, acknowledgement, read, write
from harness.wire.poct1a_core import Poct1aCore
from simulators.analyzer import poct_messages
from simulators.analyzer.framed_analyzer import FramedAnalyzer
from simulators.analyzer.hl7_analyzer import Hl7Analyzer
from simulators.analyzer.model import load_model
from simulators.analyzer.model_poct1a import Poct1aSection
from simulators.analyzer.poct_analyzer import LINK, PoctAnalyzer
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen
from tests.harness.link.parties import Party, host

Script = Callable[[DmlMessage], list[bytes]]
PERSON = Person(patient_id="MHTEST001", name="张伟", sex="M", birth="19800229")


def section(**changes: Any) -> Poct1aSection:
    model: Poct1aSection = load_model("poct-glucose").poct1a
    return model.model_copy(update=changes)


def station(script: Script) -> Party:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                said = script(read(payload))
                return [act.Send(conn=event.conn, event=Message(payload=one)) for one in said]
        return []

    return Party("LIS", core=Poct1aCore, react=react)


def pair(one: Poct1aSection, other: Party) -> Pump:
    pump = Pump()
    address = pump.add("LIS", host(other, pump.clock)).listen(LINK)
    device = PoctAnalyzer(one, clock=pump.clock)
    pump.add("analyzer", host(device, pump.clock)).routes[LINK] = address
    return pump


def ack(message: DmlMessage, code: str = "AA") -> bytes:
    return acknowledgement(message.control_id, control_id="s", time="T", code=code)


def directive(kind: str, name: str, value: str) -> bytes:
    group = Node(name.partition(".")[0], children=[Node(name, value)])
    return write(kind, [group], control_id="d1", time="T")


REQUEST = directive("REQ.R01", "REQ.request_cd", "ROBS")
CONTINUOUS = directive("DTV.R01", "DTV.command_cd", "START_CONTINUOUS")


def asking(ask: bytes, *, refuse: str = "") -> Script:
    """Acknowledges all but ``refuse``, and asks after the status."""

    def script(message: DmlMessage) -> list[bytes]:
        if message.kind == "ACK.R01":
            return []
        said = [ack(message, "AE" if message.kind == refuse else "AA")]
        return [*said, ask] if message.kind == "DST.R01" else said

    return script


def upload(*barcodes: str) -> dict[str, list[str]]:
    tested = [
        Specimen(barcode=barcode, person=PERSON, results=[Result(item="GLU", value="5.64")])
        for barcode in barcodes
    ]
    sent = poct_messages.uploads(section(), tested, first_id=1, time=VIRTUAL_EPOCH)
    return {"payloads": [one.hex() for one in sent]}


def kinds(other: Party) -> list[str]:
    return [read(payload).kind for payload in other.payloads]


def test_the_messages_of_a_meter() -> None:
    patient = Specimen(
        barcode="24000001", person=PERSON, results=[Result(item="GLU", value="5.64", unit="mmol/L")]
    )
    control = Specimen(barcode="LOT9", quality_control=True, results=[Result(item="X", value="HI")])
    one, two = (
        read(data)
        for data in poct_messages.uploads(
            section(), [patient, control], first_id=7, time=VIRTUAL_EPOCH
        )
    )
    assert (one.kind, one.control_id, one.get("SVC.role_cd")) == ("OBS.R01", "7", "OBS")
    assert (one.get("PT.patient_id"), one.get("SPC.specimen_id")) == ("MHTEST001", "24000001")
    assert one.every("OBS.value") == [{"V": "5.6", "U": "mmol/L"}]
    assert one.every("OBS.observation_id") == [{"V": "2339-0", "SN": "LN", "DN": "Glucose"}]

    assert (two.kind, two.control_id, two.get("SVC.role_cd")) == ("OBS.R02", "8", "LQC")
    assert (two.get("CTC.lot_number"), two.get("OBS.qualitative_value")) == ("LOT9", "HI")


def test_a_whole_conversation() -> None:
    other = station(asking(REQUEST))
    pump = pair(section(), other)
    answer = pump.command("analyzer", "upload", upload("A", "B"), 60)

    assert answer == {"outcome": "ok", "detail": "", "tries": 1, "messages": 2}
    pump.wait(lambda: False, pump.clock.now() + 10)
    assert kinds(other) == [
        "HEL.R01", "DST.R01", "ACK.R01", "OBS.R01", "OBS.R01", "EOT.R01", "END.R01",
    ]  # fmt: skip
    status = read(other.payloads[1])
    assert status.get("DST.new_observations_qty") == "2"
    assert len(other.of(act.Closed)) == 1

    assert pump.command("analyzer", "upload", upload("C"), 60)["outcome"] == "ok"
    assert len(other.of(act.Opened)) == 2


def test_continuous_mode_with_signs_of_life() -> None:
    other = station(asking(CONTINUOUS))
    pump = pair(section(keep_alive_s=5.0), other)
    assert pump.command("analyzer", "upload", upload("A"), 60)["outcome"] == "ok"
    pump.wait(lambda: False, pump.clock.now() + 12)
    assert kinds(other)[-2:] == ["KPA.R01", "KPA.R01"]
    assert pump.command("analyzer", "upload", upload("B"), 60)["outcome"] == "ok"
    assert len(other.of(act.Opened)) == 1
    assert pump.command("analyzer", "heard", {}, 1)["heard"] == [
        {"kind": "DTV.R01", "detail": "START_CONTINUOUS"}
    ]


def test_refused_and_unanswered_observations() -> None:
    other = station(asking(REQUEST, refuse="OBS.R01"))
    pump = pair(section(repeats=1), other)
    answer = pump.command("analyzer", "upload", upload("A"), 60)
    assert answer == {"outcome": "failed", "detail": "AE", "tries": 2, "messages": 1}

    def deaf(message: DmlMessage) -> list[bytes]:
        return [] if message.kind == "OBS.R01" else asking(REQUEST)(message)

    other = station(deaf)
    pump = pair(section(repeats=1), other)
    answer = pump.command("analyzer", "upload", upload("A"), 200)
    assert (answer["outcome"], answer["detail"], answer["tries"]) == ("unknown", "no answer", 2)
    assert kinds(other).count("OBS.R01") == 2


def test_a_station_that_asks_for_nothing() -> None:
    other = station(lambda message: [ack(message)])
    pump = pair(section(), other)
    answer = pump.command("analyzer", "upload", upload("A", "B"), 100)
    assert (answer["outcome"], answer["detail"]) == ("failed", "the station asked for nothing")

    answer = pump.command("analyzer", "upload", upload("C"), 100)
    assert answer["outcome"] == "failed"
    assert "OBS.R01" not in kinds(other)


def test_a_station_that_does_not_greet() -> None:
    other = station(lambda message: [b"<no xml", ack(message).replace(b'V="8', b'V="9')])
    pump = pair(section(repeats=1), other)
    answer = pump.command("analyzer", "upload", upload("A"), 200)

    assert (answer["outcome"], answer["detail"]) == ("unknown", "hello: no answer")
    assert kinds(other) == ["HEL.R01", "HEL.R01"]


def test_a_station_that_says_goodbye() -> None:
    goodbye = directive("END.R01", "TRM.reason_cd", "NRM")
    other = station(asking(goodbye))
    pump = pair(section(), other)
    with pytest.raises(HarnessError):
        pump.command("analyzer", "upload", upload("A"), 2)

    assert kinds(other)[:3] == ["HEL.R01", "DST.R01", "ACK.R01"]
    assert len(other.of(act.Closed)) >= 1


def test_commands_that_it_refuses() -> None:
    pump = pair(section(), station(asking(REQUEST)))
    for name in ("dance", "upload"):
        with pytest.raises(HarnessError):
            pump.command("analyzer", name, {}, 5)
    assert pump.command("analyzer", "hang-up", {}, 5) is None


# -- over real sockets -------------------------------------------------------------------------


@pytest.fixture
def runtime() -> Iterator[Threads]:
    before = set(threading.enumerate())
    one = Threads()
    yield one
    assert one.stop() == []
    assert set(threading.enumerate()) <= before


def over_sockets(runtime: Threads, device: Any, other: Party, args: dict[str, Any]) -> Any:
    address = runtime.add("LIS", host(other, runtime.clock)).listen(device.link)
    runtime.add("analyzer", host(device, runtime.clock)).routes[device.link] = address
    return runtime.command("analyzer", "upload", args, 10)


def test_a_meter_over_sockets(runtime: Threads) -> None:
    other = station(asking(CONTINUOUS))
    answer = over_sockets(runtime, PoctAnalyzer(section()), other, upload("A", "B"))

    assert (answer["outcome"], answer["messages"]) == ("ok", 2)


def test_a_framed_analyzer_over_sockets(runtime: Threads) -> None:
    au = load_model("beckman-au").framed
    lis = FramedAnalyzer(au)
    other = Party("LIS", core=lambda: lis.open_core("L", client=False))
    payloads = {"payloads": [b"DB01".hex(), b"DE01".hex()]}

    assert over_sockets(runtime, FramedAnalyzer(au), other, payloads)["outcome"] == "ok"
    assert other.payloads == [b"DB01", b"DE01"]


def test_an_hl7_analyzer_over_sockets(runtime: Threads) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message()):
                said = b"MSH|^~\\&|L||||2026||ACK^R01|1|P|2.3.1\rMSA|AA|7\r"
                return [act.Send(conn=event.conn, event=Message(payload=said))]
        return []

    other = Party("LIS", core=MllpCore, react=react)
    result = b"MSH|^~\\&|A||||2026||ORU^R01|7|P|2.3.1\rOBR|1|24000001\r"
    device = Hl7Analyzer(load_model("mindray-bs").hl7)

    assert over_sockets(runtime, device, other, {"payload": result.hex()})["outcome"] == "ok"
