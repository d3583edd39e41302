"""The HL7 analyzer against scripted LIS sides: silence, refusals, worklists, LAW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.core import Message, RawCore
from harness.wire.hl7 import Hl7Message
from simulators.analyzer import hl7_analyzer
from simulators.analyzer.hl7_analyzer import LINK, Hl7Analyzer
from simulators.analyzer.model import load_model
from simulators.analyzer.model_hl7 import Hl7Section
from tests.harness.link.parties import Party, host

Script = Callable[[Hl7Message], list[str]]


def section(name: str = "mindray-bs", **changes: Any) -> Hl7Section:
    return load_model(name).hl7.model_copy(update=changes)


def lis(script: Script) -> Party:
    """Answers each message with what the script says of it; segments end in CR."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                said = script(Hl7Message.parse(payload))
                return [
                    act.Send(conn=event.conn, event=Message(payload=text.encode("gb18030")))
                    for text in said
                ]
        return []

    return Party("LIS", react=react)


def pair(one: Hl7Section, other: Party) -> Pump:
    pump = Pump()
    analyzer = Hl7Analyzer(one, clock=pump.clock)
    if one.side == "server":
        address = pump.add("analyzer", host(analyzer, pump.clock)).listen(LINK)
        pump.add("LIS", host(other, pump.clock)).routes[LINK] = address
    else:
        address = pump.add("LIS", host(other, pump.clock)).listen(LINK)
        pump.add("analyzer", host(analyzer, pump.clock)).routes[LINK] = address
    return pump


def msh(kind: str, number: str = "77") -> str:
    return f"MSH|^~\\&|LIS||AN||20260105080000||{kind}|{number}|P|2.3.1||||0||ASCII\r"


def ack(message: Hl7Message, code: str = "AA", text: str = "") -> str:
    return msh("ACK^R01") + f"MSA|{code}|{message.header.control_id}|{text}\r"


def oru(number: int) -> str:
    return (f"MSH|^~\\&|AN||||20260105080000||ORU^R01|{number}|P|2.3.1||||0||ASCII\r"
            f"OBR|1|24000001|S{number}\rOBX|1|NM|1||5.6\r").encode().hex()  # fmt: skip


UPLOAD = {"payloads": [oru(1), oru(2)]}


def test_an_upload_waits_for_each_answer() -> None:
    other = lis(lambda message: [ack(message)])
    pump = pair(section(), other)

    assert pump.command("analyzer", "upload", UPLOAD, 60) == {
        "outcome": "ok", "detail": "", "tries": 1, "messages": 2,
    }  # fmt: skip
    assert [Hl7Message.parse(one).get("MSH-10") for one in other.payloads] == ["1", "2"]


def test_silence_loses_the_message_and_the_instrument_goes_on() -> None:
    """Mindray: after ten seconds without ACK the next message is sent; nobody is told."""
    other = lis(lambda message: [] if message.header.control_id == "1" else [ack(message)])
    pump = pair(section(), other)
    begun = pump.clock.now()
    answer = pump.command("analyzer", "upload", UPLOAD, 60)

    assert (answer["outcome"], answer["detail"], answer["tries"]) == ("unknown", "no answer", 1)
    assert pump.clock.now() - begun >= 10.0
    assert len(other.payloads) == 2


def test_silence_can_mean_the_same_again() -> None:
    other = lis(lambda message: [])
    pump = pair(section(on_silence="repeat", repeats=2), other)
    answer = pump.command("analyzer", "upload", {"payload": oru(1)}, 60)

    assert (answer["outcome"], answer["tries"], len(other.payloads)) == ("unknown", 3, 3)


@pytest.mark.parametrize(("policy", "sends"), [("repeat", 3), ("drop", 1)])
def test_refusals(policy: str, sends: int) -> None:
    """Only AA ends the transfer; AE and AR cause up to two more sends."""
    other = lis(lambda message: [ack(message, "AE", "no such item")])
    pump = pair(section(on_refusal=policy), other)
    answer = pump.command("analyzer", "upload", {"payload": oru(1)}, 60)

    assert answer == {
        "outcome": "failed", "detail": "AE no such item", "tries": sends, "messages": 1,
    }  # fmt: skip
    assert len(other.payloads) == sends


def test_an_answer_to_something_else_does_not_count() -> None:
    other = lis(lambda message: [msh("ACK^R01") + "MSA|AA|999\r"])
    pump = pair(section(), other)

    assert pump.command("analyzer", "upload", {"payload": oru(1)}, 60)["outcome"] == "unknown"


def test_a_commit_is_no_answer_of_the_application() -> None:
    other = lis(lambda message: [ack(message, "CA"), ack(message, "AR")])
    pump = pair(section(application_ack="AL", on_refusal="drop"), other)
    assert pump.command("analyzer", "upload", {"payload": oru(1)}, 60)["outcome"] == "failed"

    pump = pair(section(on_refusal="drop"), other)
    assert pump.command("analyzer", "upload", {"payload": oru(1)}, 60)["outcome"] == "ok"


def test_a_burst_waits_for_nothing() -> None:
    other = lis(lambda message: [])
    pump = pair(section("snibe-maglumi-hl7"), other)
    begun = pump.clock.now()
    answer = pump.command("analyzer", "upload", {"payloads": [oru(n) for n in range(12)]}, 60)

    assert (answer["outcome"], answer["messages"]) == ("unknown", 12)
    pump.wait(lambda: len(other.payloads) == 12, begun + 1)
    assert len(other.payloads) == 12
    assert pump.clock.now() <= begun + 1


def test_an_instrument_that_waits_for_the_lis_to_connect() -> None:
    other = lis(lambda message: [ack(message)])
    answer_it = other.react

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Started):
            return [act.Open(link=LINK, conn="c")]
        return list(answer_it(event, now))

    other.react = react
    pump = pair(section(side="server"), other)

    assert pump.command("analyzer", "upload", UPLOAD, 60)["outcome"] == "ok"


def test_noise_and_blocks_without_end() -> None:
    wire = Party("LIS", core=RawCore)
    pump = pair(section(lead_noise="0202", cut_trailer=True), wire)
    pump.command("analyzer", "upload", UPLOAD, 60)
    data = b"".join(wire.payloads)

    assert data.startswith(b"\x02\x02\x0bMSH|")
    assert b"\x1c" not in data
    assert data.count(b"\x02") == 2
    assert data.endswith(b"5.6\r\r\r")


def dsr(number: int, barcode: str, more: str = "") -> str:
    return (msh("DSR^Q03", str(number)) + f"MSA|AA|x\rQAK|SR|OK\rDSP|1||P{number}\r"
            f"DSP|21||{barcode}\rDSP|29||1^^^\rDSC|{more}\r")  # fmt: skip


def worklist(status: str, *orders: str) -> Script:
    def script(message: Hl7Message) -> list[str]:
        if message.header.type == "QRY^Q02":
            answer = msh("QCK^Q02") + f"MSA|AA|{message.header.control_id}\rQAK|SR|{status}\r"
            return [answer, *orders[:1]]
        if message.header.type == "ACK^Q03":  # the next one after each acknowledgement
            done = [int(Hl7Message.parse(one.encode()).header.control_id) for one in orders]
            at = done.index(int(message.get("MSA-2") or 0)) + 1
            return list(orders[at : at + 1])
        return []

    return script


def test_a_query_of_mindray() -> None:
    other = lis(worklist("OK", dsr(5, "24000001")))
    pump = pair(section(), other)
    answer = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)

    assert answer["outcome"] == "ok"
    assert [(one["barcode"], one["tests"]) for one in answer["orders"]] == [("24000001", ["GLU"])]
    pump.wait(lambda: len(other.payloads) == 2, pump.clock.now() + 1)
    answered = Hl7Message.parse(other.payloads[1])
    assert [answered.header.type, answered.get("MSA-1"), answered.get("MSA-2")] == [
        "ACK^Q03",
        "AA",
        "5",
    ]


def test_a_group_comes_one_after_the_other() -> None:
    other = lis(worklist("OK", dsr(5, "A", "1"), dsr(6, "B", "2"), dsr(7, "C")))
    pump = pair(section(), other)
    answer = pump.command("analyzer", "query", {"barcode": ""}, 60)

    assert [one["barcode"] for one in answer["orders"]] == ["A", "B", "C"]
    assert pump.command("analyzer", "orders", {}, 1)["orders"] == answer["orders"]


@pytest.mark.parametrize(
    ("status", "outcome", "detail"),
    [("NF", "ok", "no order"), ("AE", "failed", "AA AE"), ("OK", "unknown", "no order came")],
)
def test_a_query_without_orders(status: str, outcome: str, detail: str) -> None:
    pump = pair(section(), lis(worklist(status)))
    answer = pump.command("analyzer", "query", {"barcode": "1"}, 60)

    assert (answer["outcome"], answer["detail"], answer["orders"]) == (outcome, detail, [])


def test_a_query_of_a_haematology_analyzer() -> None:
    def script(message: Hl7Message) -> list[str]:
        number = message.header.control_id
        return [msh("ORR^O02") + f"MSA|AA|{number}\rPID|1||P1^^^^MR||张伟\rORC|AF|24000001\r"
                "OBR|1|24000001\rOBX|1|IS|6690-2^WBC^LN\r"]  # fmt: skip

    pump = pair(section("mindray-bc"), lis(script))
    (order,) = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)["orders"]
    assert (order["patient"], order["tests"], order["control"]) == ("P1", ["WBC"], "AF")

    nothing = lis(lambda m: [msh("ORR^O02") + f"MSA|AR|{m.header.control_id}\r"])
    answer = pair(section("mindray-bc"), nothing).command("analyzer", "query", {"barcode": "1"}, 60)
    assert (answer["orders"], answer["detail"]) == ([], "no order")


def oml(number: str, *orders: str) -> str:
    head = f"MSH|^~\\&|LIS||AN||20260105080000||OML^O33^OML_O33|{number}|P|2.5.1\r"
    return head + "SPM|1|24000001||SER\rSAC|||24000001\r" + "".join(orders)


STEP = "ORC|NW\rOBR||S1||GLU^Glucose^99ROC\r"


def law_script(message: Hl7Message) -> list[str]:
    kind = message.header.type
    if kind == "QBP^Q11":
        answer = msh("RSP^K11^RSP_K11") + f"MSA|AA|{message.header.control_id}\rQAK|q|OK\r"
        return [answer, oml("50", STEP)]
    if kind == "ORL^O34" and message.get("MSA-2") == "50":
        return [oml("51", STEP, "ORC|CA\rOBR||S1||GLU\r", "ORC|CA\rOBR||S9||GLU\r")]
    return [ack(message)] if kind == "OUL^R22" else []


def test_a_query_and_orders_of_law() -> None:
    other = lis(law_script)
    pump = pair(section("roche-cobas-law"), other)
    answer = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)
    assert [(one["step"], one["answer"], one["tests"]) for one in answer["orders"]] == [
        ("S1", "OK", ["GLU"])
    ]
    pump.wait(lambda: len(other.payloads) == 3, pump.clock.now() + 1)
    said = [Hl7Message.parse(one) for one in other.payloads]
    assert [one.header.type for one in said] == ["QBP^Q11", "ORL^O34", "ORL^O34"]
    assert [one.get("1") for one in said[2].segments("ORC")] == ["UA", "CR", "UC"]

    steps = pump.command("analyzer", "orders", {}, 1)["steps"]
    assert [(step["step"], step["state"]) for step in steps] == [("S1", "cancelled")]


def test_no_work_for_a_tube() -> None:
    def script(message: Hl7Message) -> list[str]:
        return [oml("60", "ORC|DC\r")] if message.header.type == "QBP^Q11" else []

    pump = pair(section("roche-cobas-law"), lis(script))
    answer = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)

    assert [(one["control"], one["tests"]) for one in answer["orders"]] == [("DC", [])]


def test_a_result_ends_its_step() -> None:
    one = Hl7Analyzer(section("roche-cobas-law"))
    conn = f"{LINK}#1"

    def got(text: str) -> list[act.Command]:
        event = Message(payload=text.encode())
        return one.on_event(act.Received(conn=conn, link=LINK, event=event), 0.0)

    got(oml("1", STEP))
    result = msh("OUL^R22", "8") + "SPM|1|24000001\rOBR|1|S1||GLU\r"
    args = {"payload": result.encode().hex()}
    one.on_event(act.Commanded(name="upload", args=args, ident=1), 0.0)
    one.on_event(act.Opened(conn=conn, link=LINK), 0.0)
    got(msh("ACK^R22") + "MSA|AA|8\r")

    assert one.work.steps["S1"].state == "done"


def test_what_it_does_not_know_is_rejected() -> None:
    one = Hl7Analyzer(section())

    def got(data: bytes) -> list[act.Command]:
        event = Message(payload=data)
        return one.on_event(act.Received(conn="c", link=LINK, event=event), 0.0)

    for text in (msh("ADT^A01"), oml("3", STEP)):
        (said,) = got(text.encode())
        assert isinstance(said, act.Send)
        assert isinstance(said.event, Message)
        assert Hl7Message.parse(said.event.payload).get("MSA-1") == "AR"
    for junk in (b"", b"junk", b"MSH|", b"\xff\x00", msh("ACK^R01").encode()):
        assert got(junk) == []
    law = Hl7Analyzer(section("roche-cobas-law"))
    (said,) = law.on_event(
        act.Received(conn="c", link=LINK, event=Message(payload=oml("3").encode())), 0.0
    )
    assert isinstance(said, act.Send)
    assert b"MSA|AE|3" in said.event.payload


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hl7_analyzer, "ORDERS_MAX", 1)
    one = Hl7Analyzer(section())
    for number in (1, 2):
        event = Message(payload=dsr(number, "A").encode())
        one.on_event(act.Received(conn="c", link=LINK, event=event), 0.0)

    assert len(one.orders) == 1


def test_commands_that_it_refuses() -> None:
    pump = pair(section(query="none"), lis(lambda message: []))
    for name in ("dance", "query", "upload"):
        with pytest.raises(HarnessError):
            pump.command("analyzer", name, {}, 5)
    assert pump.command("analyzer", "hang-up", {}, 5) is None


def test_a_lost_connection_ends_the_question() -> None:
    def hang_up(event: act.ActorEvent, now: float) -> list[act.Command]:
        return [act.Close(conn=event.conn)] if isinstance(event, act.Received) else []

    pump = pair(section(), Party("LIS", react=hang_up))
    assert pump.command("analyzer", "query", {"barcode": "1"}, 60)["outcome"] == "failed"
    answer = pump.command("analyzer", "upload", {"payload": oru(1)}, 60)
    assert (answer["outcome"], answer["tries"]) == ("unknown", 3)
