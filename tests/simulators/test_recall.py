"""A host that asks an instrument for results: bytes of the answer, typed by hand."""

from __future__ import annotations

from typing import Any

from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageReceived
from harness.wire.core import Message
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import load_model
from simulators.analyzer.recall import Memory, again
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen
from tests.harness.link.parties import Party, host

TIME = "20260105070000"


def kept(name: str, tube: str) -> bytes:
    one = Specimen(barcode=tube, results=[Result(item="K", value="4.1", unit="mmol/L")])
    return again(load_model(name), one, control_id="1", time=TIME)


def question(start: str) -> bytes:
    return f"H|\\^&|||LIS\rQ|1|{start}||ALL||||||||F\rL|1|N\r".encode("ascii")


def test_results_go_out_as_sent_before_and_as_an_answer() -> None:
    rows = kept("chemistry", "T1").decode("gb18030").split("\r")

    order = next(row for row in rows if row[0] == "O").split("|")
    result = next(row for row in rows if row[0] == "R").split("|")
    assert (order[2], order[25], result[3], result[8]) == ("T1", "Q", "4.1", "R")
    assert rows[-2] == "L|1|F"


def test_one_tube_several_all_and_none() -> None:
    memory = Memory(load_model("chemistry"))
    for tube in ("T1", "T2"):
        memory.keep({tube: kept("chemistry", tube).hex()})

    def answers(start: str) -> list[bytes] | None:
        return memory.answers(question(start), time=TIME)

    assert answers("^T1") == [kept("chemistry", "T1")]
    assert answers("^T2\\^T1") == [kept("chemistry", "T2"), kept("chemistry", "T1")]
    assert answers("ALL") == [kept("chemistry", "T1"), kept("chemistry", "T2")]
    (none,) = answers("^T9") or [b""]
    assert none.split(b"\r")[-2:] == [b"L|1|I", b""]
    assert b"\rO|" not in none
    assert memory.answers(b"H|\\^&\rL|1|N\r", time=TIME) is None


def test_an_instrument_that_is_not_asked_and_a_memory_that_is_full() -> None:
    assert kept("snibe-maglumi", "T1") == b""
    assert Memory(load_model("snibe-maglumi")).answers(question("^T1"), time=TIME) is None
    model = load_model("chemistry")
    assert model.host_query is not None
    dialect = model.host_query.model_copy(update={"tubes_max": 1})
    memory = Memory(model.model_copy(update={"host_query": dialect}))
    for tube in ("T1", "T2"):
        memory.keep({tube: kept("chemistry", tube).hex()})
    assert memory.answers(question("ALL"), time=TIME) == [kept("chemistry", "T2")]


def test_over_a_line() -> None:
    """The host asks after the upload; the answer comes in a session of its own."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=MessageReceived(payload=payload)) if b"L|1|F" not in payload:
                return [act.Send(conn=event.conn, event=Message(payload=question("^T1")))]
        return []

    pump = Pump()
    lis = Party("LIS", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")), react=react)
    address = pump.add("LIS", host(lis, pump.clock)).listen(LINK)
    model = load_model("chemistry")
    one = Analyzer(link_config=model.link_config(), repeats=0, model=model)
    pump.add("analyzer", host(one, pump.clock)).routes[LINK] = address
    args: dict[str, Any] = {
        "payload": b"H|\\^&\rL|1|N\r".hex(),
        "memory": {"T1": kept("chemistry", "T1").hex()},
    }

    assert pump.command("analyzer", "upload", args, 900)["outcome"] == "ok"
    pump.wait(lambda: False, pump.clock.now() + 60)

    heard = [e.event.payload for e in lis.of(act.Received) if isinstance(e.event, MessageReceived)]
    assert heard[1:] == [kept("chemistry", "T1")]
