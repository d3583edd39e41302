"""The host query: bytes typed from the vendors' dialects, and a host that answers over memory."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import InputError
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageReceived
from harness.wire.core import Message
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import load_model
from simulators.analyzer.orders import Order, OrderBook, read_orders
from simulators.analyzer.query import Asked, query_message
from tests.harness.link.parties import Party, host

TIME = "20260105070000"


def q_record(name: str, asked: Asked) -> str:
    model = load_model(name)
    text = query_message(model, asked, control_id="7", time=TIME).decode(model.encoding)
    return next(row for row in text.split("\r") if row[:1] == "Q")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("roche-cobas-e411", "Q|1|^^                    T1^1^50001^1^^S1^SC||ALL||||||||O"),
        ("sysmex-xn", "Q|1|000001^1^                    T1^B||||||||||O"),
        ("mindray-cl-astm", f"Q|1|^T1|T1|T1||{TIME}|{TIME}|||||O"),
        ("beckman-dxh", "Q|1|!T1||!!!ALL||||||||O"),
    ],
)
def test_each_dialect_puts_the_tube_where_its_maker_does(name: str, wanted: str) -> None:
    assert q_record(name, Asked(barcodes=("T1",))) == wanted


def test_several_tubes_and_what_cannot_be_asked() -> None:
    assert q_record("erba-xl", Asked(barcodes=("T1", "T2"))) == "Q|1|^T1`^T2||ALL||||||||O"
    with pytest.raises(InputError):
        q_record("snibe-maglumi", Asked(barcodes=("T1", "T2")))
    with pytest.raises(InputError):
        q_record("snibe-maglumi", Asked(every=True))
    with pytest.raises(InputError):
        q_record("horiba-yumizen", Asked(barcodes=("T1",)))


def play(name: str, answers: list[bytes], args: dict[str, Any]) -> tuple[Pump, Any, Party]:
    """A host that sends its answers after the first message it gets."""
    left = list(answers)

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=MessageReceived()) if left:
                sends: list[act.Command] = [
                    act.Send(conn=event.conn, event=Message(payload=one)) for one in left
                ]
                left.clear()
                return sends
        return []

    pump = Pump()
    lis = Party("LIS", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")), react=react)
    address = pump.add("LIS", host(lis, pump.clock)).listen(LINK)
    model = load_model(name)
    one = Analyzer(link_config=model.link_config(), repeats=0, model=model)
    pump.add("analyzer", host(one, pump.clock)).routes[LINK] = address
    return pump, pump.command("analyzer", "query", args, 900), lis


def order(tube: str, code: str = "^^^K", action: str = "N") -> bytes:
    return (
        f"H|\\^&\rP|1|MH1|||X||19800229|F\rO|1|{tube}||{code}\\^^^GLU|S||||||{action}\rL|1|F\r"
    ).encode("ascii")


def test_the_host_orders_what_was_asked_for() -> None:
    pump, value, _ = play("snibe-maglumi", [order("T1")], {"barcodes": ["T1"]})

    assert (value["outcome"], value["nothing"], value["missing"]) == ("ok", False, [])
    (got,) = value["orders"]
    assert (got["barcode"], got["tests"], got["priority"]) == ("T1", ["K", "GLU"], "S")
    assert (got["patient_id"], got["sex"], got["action"]) == ("MH1", "F", "N")
    assert pump.command("analyzer", "orders", {"barcode": "T1"}, 5)["tests"] == ["K", "GLU"]


def test_nothing_is_ordered() -> None:
    _, value, _ = play("snibe-maglumi", [b"H|\\^&\rL|1|I\r"], {"barcodes": ["T1"]})
    assert (value["outcome"], value["nothing"], value["terminator"]) == ("ok", True, "I")
    assert value["missing"] == ["T1"]


def test_silence_is_no_answer_and_the_query_is_taken_back() -> None:
    pump, value, lis = play("roche-cobas-e411", [], {"barcodes": ["T1"]})
    assert (value["outcome"], value["detail"]) == ("failed", "no-answer")
    assert pump.clock.now() >= 15.0
    pump.wait(lambda: False, pump.clock.now() + 5)
    heard = [e.event.payload for e in lis.of(act.Received) if isinstance(e.event, MessageReceived)]
    assert [one.split(b"\rQ|")[1].split(b"\r")[0][-1:] for one in heard] == [b"O", b"A"]


def test_an_order_for_another_tube_is_no_answer() -> None:
    _, value, _ = play("snibe-maglumi", [order("T9")], {"barcodes": ["T1"]})
    assert value["detail"] == "no-answer"
    assert [one["barcode"] for one in value["foreign"]] == ["T9"]


def test_the_channel_of_the_instrument_is_the_item_of_the_lis() -> None:
    data = b"H|\\^&\rP|1\rO|1|T1|5^50001^2|^^^991^1\\^^^405^1|R\rL|1|F\r"
    (got,) = read_orders(load_model("roche-cobas-e411"), data).orders
    assert (got.codes, got.tests) == (("991", "405"), ("K", "GLU"))
    assert (got.number, got.rack, got.position) == ("5", "50001", "2")


def test_too_many_patients_are_refused_whole() -> None:
    data = b"H|\\^&\r" + b"".join(b"P|%d\r" % n for n in range(1, 12)) + b"L|1|F\r"
    assert read_orders(load_model("mindray-cl-astm"), data).refused == "too-many-patients"


def test_the_book_adds_and_cancels() -> None:
    book = OrderBook()

    def take(action: str, *tests: str) -> list[str]:
        book.take(Order(barcode="T", codes=tests, tests=tests, action=action))
        return book.tests("T")

    assert take("N", "K", "GLU") == ["K", "GLU"]
    assert take("A", "ALT") == ["K", "GLU", "ALT"]
    assert take("X", "NA") == ["K", "GLU", "ALT"]
    assert take("C", "GLU") == ["K", "ALT"]
    assert take("C") == []
