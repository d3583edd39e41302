"""The analyzer with a framing of its own against scripted LIS sides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from harness.clock import CHINA
from harness.errors import HarnessError
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.core import Core, Message, RawCore
from harness.wire.framings import FramingCore
from harness.wire.framings_blocks import BlocksCore
from harness.wire.framings_fixed import FixedCore
from simulators.analyzer import courier
from simulators.analyzer.framed_analyzer import LINK, FramedAnalyzer, read_order
from simulators.analyzer.framed_build import payloads
from simulators.analyzer.model import load_model
from simulators.analyzer.model_framed import FramedSection
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen
from tests.harness.link.parties import Party, host

TIME = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)
AU: FramedSection = load_model("beckman-au").framed
KX21: FramedSection = load_model("sysmex-kx21").framed
ID20 = "24000001".ljust(20)


def core(section: FramedSection) -> Core:
    return FramedAnalyzer(section).open_core(LINK, client=False)


def pair(section: FramedSection, lis: Party, **fields: Any) -> tuple[Pump, FramedAnalyzer]:
    pump = Pump()
    one = FramedAnalyzer(section, clock=pump.clock, **fields)
    if section.side == "server":
        address = pump.add("analyzer", host(one, pump.clock)).listen(LINK)
        pump.add("LIS", host(lis, pump.clock)).routes[LINK] = address
    else:
        address = pump.add("LIS", host(lis, pump.clock)).listen(LINK)
        pump.add("analyzer", host(one, pump.clock)).routes[LINK] = address
    return pump, one


def run_of(section: FramedSection, **values: str) -> dict[str, list[str]]:
    results = [Result(item=item, value=value) for item, value in values.items()]
    sent = payloads(section, [Specimen(barcode="24000001", results=results)], time=TIME)
    return {"payloads": [payload.hex() for payload in sent]}


def test_an_acknowledged_upload() -> None:
    lis = Party("LIS", core=lambda: core(AU))
    pump, _ = pair(AU, lis)

    assert pump.command("analyzer", "upload", run_of(AU, GLU="5.6"), 60) == {
        "outcome": "ok", "detail": "", "tries": 1, "messages": 3,
    }  # fmt: skip
    assert lis.payloads == [b"DB01", f"D 000101 0001{ID20}E01  5.60  ".encode(), b"DE01"]


def test_a_stream_cannot_know() -> None:
    lis = Party("LIS", core=lambda: core(KX21))
    pump, _ = pair(KX21, lis)
    answer = pump.command("analyzer", "upload", run_of(KX21, WBC="6.1"), 60)

    assert (answer["outcome"], answer["messages"]) == ("unknown", 1)
    pump.wait(lambda: False, pump.clock.now() + 1)
    assert len(lis.payloads) == 1


def test_a_silent_lis() -> None:
    lis = Party("LIS", core=RawCore)
    pump, _ = pair(AU, lis)
    answer = pump.command("analyzer", "upload", {"payload": b"DB01".hex()}, 600)

    assert answer["outcome"] == "unknown"
    assert (answer["detail"], answer["tries"]) == ("no-answer", AU.framing.sends_max)
    assert b"".join(lis.payloads) == b"\x02DB01\x03\x04" * AU.framing.sends_max


def test_a_lis_that_refuses_everything() -> None:
    def refuse(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message()):
                return [act.Send(conn=event.conn, event=Message(payload=b"\x15"))]
        return []

    pump, _ = pair(AU, Party("LIS", core=RawCore, react=refuse))
    answer = pump.command("analyzer", "upload", {"payload": b"DB01".hex()}, 600)

    assert (answer["outcome"], answer["detail"]) == ("failed", "refused")


def orders(reply: bytes) -> Party:
    """A LIS that answers each question frame with ``reply``."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)) if payload.startswith(b"R "):
                return [act.Send(conn=event.conn, event=Message(payload=reply))]
        return []

    return Party("LIS", core=lambda: core(AU), react=react)


def test_a_query_and_its_order() -> None:
    lis = orders(f"S 000101 0001{ID20}E019755".encode())
    pump, one = pair(AU, lis)
    answer = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)

    assert answer["outcome"] == "ok"
    assert answer["orders"] == [
        {
            "barcode": "24000001", "rack": "0001", "position": "01",
            "codes": ["01", "97", "55"], "tests": ["GLU", "K"], "unknown": ["55"],
        }
    ]  # fmt: skip
    assert [payload[:2] for payload in lis.payloads] == [b"RB", b"R ", b"RE"]
    assert pump.command("analyzer", "orders", {}, 1)["orders"] == answer["orders"] == one.orders
    assert pump.command("analyzer", "upload", run_of(AU, GLU="5.6"), 60)["outcome"] == "ok"


def test_a_query_that_nobody_answers() -> None:
    lis = Party("LIS", core=lambda: core(AU))
    pump, _ = pair(AU, lis)
    begun = pump.clock.now()
    answer = pump.command("analyzer", "query", {"barcode": "24000001"}, 60)

    assert (answer["outcome"], answer["detail"]) == ("unknown", "no order came")
    assert pump.clock.now() - begun >= AU.query_s
    assert lis.payloads[-1] == b"RE01"
    assert pump.command("analyzer", "upload", run_of(AU, GLU="5.6"), 60)["outcome"] == "ok"


def test_an_order_that_was_not_asked_for_is_kept() -> None:
    one = FramedAnalyzer(AU)
    one.on_event(act.Commanded(name="upload", args={"payload": "00"}, ident=1), 0.0)
    one.on_event(act.Opened(conn=f"{LINK}#1", link=LINK), 0.0)
    order = Message(payload=f"S 000101 0001{ID20}E01".encode())
    assert one.on_event(act.Received(conn=f"{LINK}#1", link=LINK, event=order), 0.0) == []

    assert [kept["barcode"] for kept in one.orders] == ["24000001"]
    assert read_order("D 000101", AU) is None


POLLED = FramedSection.model_validate(
    {
        "framing": {"kind": "fixed"}, "query": "poll", "poll": "<ENQ>", "side": "server",
        "channels": {"ESR": {"code": "1"}}, "frames": [{"scope": "result"}],
    }
)  # fmt: skip


def test_a_polled_reader_speaks_when_it_is_asked() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Started():
                return [act.Open(link=LINK, conn="c")]
            case act.TimerFired():
                return [act.Send(conn="c", event=Message(payload=b"\x05"))]
            case act.Opened():
                return [act.SetTimer(name="poll", at=now + 30)]
        return []

    lis = Party("LIS", core=lambda: FixedCore(4), react=react)
    pump, _ = pair(POLLED, lis)
    answer = pump.command("analyzer", "upload", {"payload": "00100020"}, 60)

    assert answer["outcome"] == "unknown"
    assert pump.clock.now() >= 30
    pump.wait(lambda: bool(lis.payloads), pump.clock.now() + 1)
    assert lis.payloads == [b"\x00\x10\x00\x20"]


def test_nobody_listens() -> None:
    pump = Pump()
    one = FramedAnalyzer(AU, repeats=1)
    pump.add("analyzer", host(one, pump.clock)).routes[LINK] = "memory:nobody/x"
    answer = pump.command("analyzer", "upload", run_of(AU, GLU="5.6"), 60)

    assert (answer["outcome"], answer["messages"]) == ("failed", 3)


def test_a_connection_that_breaks_is_opened_again() -> None:
    one = FramedAnalyzer(AU, repeats=1)
    args = {"payload": b"DB01".hex()}
    assert one.on_event(act.Commanded(name="upload", args=args, ident=1), 0.0) == [
        act.Open(link=LINK, conn=f"{LINK}#1")
    ]
    sent = act.Send(conn=f"{LINK}#1", event=Message(payload=b"DB01"))
    assert one.on_event(act.Opened(conn=f"{LINK}#1", link=LINK), 0.0) == [sent]
    assert one.on_event(act.Opened(conn="other", link=LINK), 0.0) == []
    again = act.SetTimer(name="connect", at=2.0)
    assert one.on_event(act.Closed(conn=f"{LINK}#1", link=LINK, reason="reset"), 1.0) == [again]
    assert one.on_event(act.TimerFired(name="connect"), 2.0) == [
        act.Open(link=LINK, conn=f"{LINK}#2")
    ]
    one.on_event(act.Opened(conn=f"{LINK}#2", link=LINK), 2.0)

    (reply, _) = one.on_event(act.Closed(conn=f"{LINK}#2", link=LINK, reason=""), 3.0)
    assert reply == act.Reply(
        ident=1,
        value={"outcome": "unknown", "detail": "connection lost", "tries": 2, "messages": 1},
    )


def test_commands_that_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    pump, _ = pair(KX21, Party("LIS", core=lambda: core(KX21)))
    for name, args in (("dance", {}), ("query", {"barcode": "1"}), ("upload", {})):
        with pytest.raises(HarnessError):
            pump.command("analyzer", name, args, 5)
    monkeypatch.setattr(courier, "QUEUE_MAX", 0)
    with pytest.raises(HarnessError):
        pump.command("analyzer", "upload", run_of(KX21, WBC="6.1"), 5)
    assert pump.command("analyzer", "hang-up", {}, 5) is None


def test_cores_by_kind() -> None:
    kinds = {"beckman-au": FramingCore, "coulter-maxm": BlocksCore}
    for name, kind in kinds.items():
        assert isinstance(core(load_model(name).framed), kind)
    assert isinstance(core(POLLED), FixedCore)
