"""An instrument that runs what is ordered and nothing else, over memory and the virtual clock.

The host is a ``Party`` that types its orders and reads results with plain ``str.split``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import InputError
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.astm_link import (
    AstmLinkConfig,
    AstmLinkCore,
    Contention,
    MessageReceived,
    SendFailed,
)
from harness.wire.core import Message
from simulators.analyzer import generate
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.measure import read_mark, read_results
from simulators.analyzer.model import AnalyzerModel, load_model
from simulators.analyzer.upload import Result
from tests.harness.link.parties import Party, host

H = "H|\\^&\r"


def answer(tube: str, codes: str, action: str = "N", extra: str = "") -> bytes:
    text = f"{H}P|1|MH1|||LI^SI||19800229|F\rO|1|{tube}||{codes}|S||||||{action}||||SER{extra}\r"
    return f"{text}L|1|F\r".encode("ascii")


class Bed:
    """A host with answers in store, and the instrument."""

    def __init__(self, model: AnalyzerModel, *answers: bytes, bench: Any = None) -> None:
        self.left = list(answers)
        self.pump = Pump()
        self.lis = Party(
            "LIS", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")), react=self.react
        )
        address = self.pump.add("LIS", host(self.lis, self.pump.clock)).listen(LINK)
        one = Analyzer(
            link_config=model.link_config(), repeats=0, model=model, clock=self.pump.clock,
            bench=bench,
        )  # fmt: skip
        self.pump.add("analyzer", host(one, self.pump.clock)).routes[LINK] = address

    def react(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=MessageReceived(payload=payload)):
                if b"\rQ|" in payload and self.left:
                    message = Message(payload=self.left.pop(0))
                    return [act.Send(conn=event.conn, event=message)]
        return []

    def push(self, payload: bytes) -> None:
        """The host sends without being asked."""
        (conn,) = {one.conn for one in self.lis.of(act.Opened)}
        self.lis.react = lambda event, now: [act.Send(conn=conn, event=Message(payload=payload))]
        self.pump.members["LIS"].host.feed(act.Commanded(name="", args={}, ident=0))
        self.lis.react = self.react

    def tell(self, name: str, **args: Any) -> Any:
        return self.pump.command("analyzer", name, args, 900)

    def uploads(self) -> list[list[list[str]]]:
        """The messages with results, as rows of fields."""
        heard = [
            one.event.payload
            for one in self.lis.of(act.Received)
            if isinstance(one.event, MessageReceived)
        ]
        rows = [[row.split("|") for row in one.decode().split("\r") if row] for one in heard]
        return [table for table in rows if any(row[0] == "R" for row in table)]

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        self.pump.wait(done, self.pump.clock.now() + seconds)


READY = [{"item": "K", "value": "4.1"}, {"item": "NA", "value": "140"}]


def test_only_what_is_ordered_is_run() -> None:
    bed = Bed(load_model("snibe-maglumi"), answer("T1", "^^^K\\^^^GLU"))
    bed.tell("query", barcodes=["T1"])
    value = bed.tell("measure", barcode="T1", results=READY, time="20260105070000")

    assert (value["outcome"], value["mark"], value["tries"]) == ("ok", "first", 1)
    assert (value["ran"], value["not_run"], value["unable"]) == (["K"], ["NA"], ["GLU"])
    (table,) = bed.uploads()
    order = next(row for row in table if row[0] == "O")
    assert order[2] == "T1"
    assert order[4] == "^^^K"
    assert [row[2:4] for row in table if row[0] == "R"] == [["^^^K", "4.1"]]
    patient = next(row for row in table if row[0] == "P")
    assert "MH1" in patient
    assert bed.tell("orders", barcode="T1")["tests"] == []
    assert bed.tell("runs")["runs"] == [
        {"barcode": "T1", "ran": ["K"], "not_run": ["NA"], "unable": ["GLU"], "mark": "first",
         "automatic": False, "outcome": "ok", "detail": ""},
    ]  # fmt: skip


def test_without_an_order_nothing_is_run() -> None:
    bed = Bed(load_model("snibe-maglumi"), H.encode() + b"L|1|I\r")
    bed.tell("query", barcodes=["T1"])
    with pytest.raises(Exception, match="T1"):
        bed.tell("measure", barcode="T1", results=READY)
    assert bed.uploads() == []


def test_what_cannot_be_run_is_status_x_where_the_model_says_so() -> None:
    model = load_model("snibe-maglumi")
    assert model.orders is not None
    told = model.model_copy(
        update={"orders": model.orders.model_copy(update={"unable": "status-x"})}
    )
    bed = Bed(told, answer("T1", "^^^K\\^^^GLU"))
    bed.tell("query", barcodes=["T1"])
    bed.tell("measure", barcode="T1", results=READY)

    (table,) = bed.uploads()
    rows = [row for row in table if row[0] == "R"]
    assert [(row[2], row[3], "X" in row[4:]) for row in rows] == [
        ("^^^K", "4.1", False), ("^^^GLU", "", True),
    ]  # fmt: skip


def test_nothing_that_could_be_run_is_sent_as_nothing() -> None:
    bed = Bed(load_model("snibe-maglumi"), answer("T1", "^^^GLU"))
    bed.tell("query", barcodes=["T1"])
    value = bed.tell("measure", barcode="T1", results=READY)
    assert (value["outcome"], value["detail"]) == ("failed", "nothing-to-send")
    assert bed.uploads() == []


def test_ordered_once_more_is_a_re_run() -> None:
    bed = Bed(load_model("snibe-maglumi"), answer("T1", "^^^K"), answer("T1", "^^^K\\^^^NA", "A"))
    marks = []
    for _ in range(2):
        bed.tell("query", barcodes=["T1"])
        marks.append(bed.tell("measure", barcode="T1", results=READY)["mark"])
    assert marks == ["first", "rerun"]
    assert bed.tell("runs")["runs"][1]["ran"] == ["K", "NA"]


def at_once(name: str = "snibe-maglumi") -> AnalyzerModel:
    model = load_model(name)
    assert model.orders is not None
    return model.model_copy(
        update={"orders": model.orders.model_copy(update={"runs": "at-once", "run_s": 300.0})}
    )


def test_an_instrument_that_runs_by_itself() -> None:
    bed = Bed(at_once(), answer("T1", "^^^K\\^^^NOSUCH"), bench=generate.bench(1))
    bed.tell("query", barcodes=["T1"])
    began = bed.pump.clock.now()
    assert bed.uploads() == []
    bed.until(lambda: bool(bed.uploads()), 400)

    assert bed.pump.clock.now() - began >= 299
    (table,) = bed.uploads()
    (row,) = [row for row in table if row[0] == "R"]
    assert row[2] == "^^^K"
    assert 3.0 < float(row[3]) < 6.0
    bed.until(lambda: bool(bed.tell("runs")["runs"]), 10)
    (entry,) = bed.tell("runs")["runs"]
    assert (entry["automatic"], entry["outcome"], entry["unable"]) == (True, "ok", ["NOSUCH"])


def test_what_is_cancelled_before_its_time_is_not_run() -> None:
    bed = Bed(at_once(), answer("T1", "^^^K"), answer("T1", "^^^K", "C"), bench=generate.bench(1))
    for _ in range(2):
        bed.tell("query", barcodes=["T1"])
    bed.until(lambda: False, 400)
    assert bed.uploads() == []
    assert bed.tell("runs")["runs"] == []


def test_an_order_that_is_pushed_while_the_instrument_bids() -> None:
    """Contention (LIS01-A2 §6.2.7): the host yields, both messages come through."""
    bed = Bed(load_model("snibe-maglumi"))
    first = bed.tell("upload", payload=(f"{H}P|1\rO|1|T0\rR|1|^^^K|4\rL|1|N\r").encode().hex())
    assert first["outcome"] == "ok"
    bed.push(answer("T5", "^^^K"))
    second = bed.tell("upload", payload=(f"{H}P|1\rO|1|T1\rR|1|^^^K|5\rL|1|N\r").encode().hex())
    assert second["outcome"] == "ok"
    bed.until(lambda: bed.tell("orders", barcode="T5")["tests"] == ["K"], 120)

    assert bed.tell("orders", barcode="T5")["tests"] == ["K"]
    assert [table[2][2] for table in bed.uploads()] == ["T0", "T1"]
    events = [one.event for one in bed.lis.of(act.Received)]
    assert any(isinstance(one, Contention) for one in events)
    assert not any(isinstance(one, SendFailed) for one in events)


def test_an_order_pushed_while_a_query_waits_is_foreign_and_is_kept() -> None:
    bed = Bed(load_model("snibe-maglumi"), answer("T9", "^^^NA"))
    value = bed.tell("query", barcodes=["T1"])
    assert value["detail"] == "no-answer"
    assert bed.tell("measure", barcode="T9", results=READY)["ran"] == ["NA"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"item": "K"}],
        [{"item": "K", "value": "1", "colour": "red"}],
        [{"item": "K", "value": "1"}, {"item": "K", "value": "2"}],
    ],
)
def test_results_that_are_none(rows: list[dict[str, str]]) -> None:
    with pytest.raises(InputError):
        read_results(rows)


def test_a_mark_is_a_known_one_or_none() -> None:
    assert read_mark("") is None
    assert read_mark("corrected") == "corrected"
    with pytest.raises(InputError):
        read_mark("often")


def test_the_bench_knows_the_catalogue_only() -> None:
    bench = generate.bench(1)
    one, other = bench("T1", "K"), bench("T2", "K")
    assert isinstance(one, Result)
    assert isinstance(other, Result)
    assert one == bench("T1", "K")
    assert one.value != other.value
    assert bench("T1", "NOSUCH") is None


def test_an_instrument_that_the_lis_connects_to() -> None:
    """Uploads wait for the connection; a new one takes the place of the old."""
    pump = Pump()
    model = load_model("snibe-maglumi")
    one = Analyzer(link_config=model.link_config(), repeats=0, model=model, side="server")
    address = pump.add("analyzer", host(one, pump.clock)).listen(LINK)
    opened = iter(["out#1", "out#2"])

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded(name="connect"):
                told = act.Reply(ident=event.ident)
                return [act.Open(link=LINK, conn=next(opened)), told]
        return []

    lis = Party("LIS", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")), react=react)
    pump.add("LIS", host(lis, pump.clock)).routes[LINK] = address
    upload = {"payload": f"{H}P|1\rO|1|T0\rR|1|^^^K|4\rL|1|N\r".encode().hex()}
    for _ in range(2):
        pump.command("LIS", "connect", {}, 5)
        assert pump.command("analyzer", "upload", upload, 60)["outcome"] == "ok"
    heard = [one for one in lis.of(act.Received) if isinstance(one.event, MessageReceived)]
    assert [one.conn for one in heard] == ["out#1", "out#2"]
    assert [one.conn for one in lis.of(act.Closed)] == ["out#1"]
