"""What the links do, as records of the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.clock import VirtualClock
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace, unpack
from harness.link.relay import RelayUnit
from harness.link.tap import Connection
from harness.wire.astm_events import MessageReceived, SendFailed, SessionOpened
from harness.wire.core import Event, Message, Violation
from harness.wire.hllp import BlockRefused
from harness.wire.mllp import CommitBlock
from tests.harness.link.parties import oru

CLIENT = Connection(id="c", link="lab", interface="LIS-ORU", local="LIS", peer="HIS", client=True)
SERVER = Connection(id="s", link="lab", interface="LIS-ORU", local="HIS", peer="LIS", client=False)


def recorded(method: str, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
    trace = Trace(VirtualClock())
    getattr(Recorder(trace), method)(*args, **kwargs)
    return trace.records


def test_a_connection_is_told_from_its_client_to_its_server_at_both_ends() -> None:
    for end in (CLIENT, SERVER):
        (record,) = recorded("link", end, "opened", "")
        assert (record["frm"], record["to"]) == ("LIS", "HIS")
        assert (record["kind"], record["event"], record["conn"]) == ("link", "opened", end.id)


def test_bytes_have_a_direction() -> None:
    (sent,) = recorded("data", CLIENT, b"\x0bx", sent=True)
    (got,) = recorded("data", CLIENT, b"\x0bx", sent=False)

    assert (sent["frm"], sent["to"], unpack(sent["raw"])) == ("LIS", "HIS", b"\x0bx")
    assert (got["frm"], got["to"]) == ("HIS", "LIS")


def test_messages_have_type_id_and_keys() -> None:
    (record,) = recorded("event", SERVER, "mllp", Message(payload=oru(7, "S7")), sent=False)

    assert (record["kind"], record["protocol"], record["type"]) == ("message", "hl7", "ORU^R01")
    assert (record["id"], record["frm"], record["to"]) == ("C7", "LIS", "HIS")
    assert record["corr"] == {"patient": "P7", "barcode": "S7"}
    assert unpack(record["raw"]) == oru(7, "S7")
    assert "encoding" not in record


def test_astm_messages_carry_their_encoding() -> None:
    event = MessageReceived(payload=b"H|\\^&|M1\rO|1|S1\rR|1\rL|1\r")
    (record,) = recorded("event", SERVER, "astm", event, sent=False)

    assert (record["protocol"], record["type"], record["encoding"]) == (
        "astm",
        "astm result",
        "gb18030",
    )


def test_a_relayed_message_is_told_once_where_it_comes_in() -> None:
    unit = RelayUnit(data=b"\x0b" + oru(1) + b"\x1c\r", payload=oru(1))
    junk = RelayUnit(data=b"junk")

    assert [one["kind"] for one in recorded("event", SERVER, "relay", unit, sent=False)] == [
        "message"
    ]
    assert recorded("event", CLIENT, "relay", unit, sent=True) == []
    assert recorded("event", SERVER, "relay", junk, sent=False) == []


def test_violations_blame_the_peer() -> None:
    event = Violation(code="mllp.bad-trailer", message="no CR", clause="C.4.3", raw=b"\x1c")
    (record,) = recorded("event", SERVER, "mllp", event, sent=False)

    assert (record["kind"], record["code"], record["clause"]) == (
        "violation",
        "mllp.bad-trailer",
        "C.4.3",
    )
    assert (record["frm"], record["message"], unpack(record["raw"])) == ("LIS", "no CR", b"\x1c")


def test_states_that_are_worth_judging() -> None:
    failed = SendFailed(payload=b"H|", reason="retries", outcome="failed")  # type: ignore[arg-type]
    (record,) = recorded("event", CLIENT, "astm", failed, sent=False)
    assert (record["kind"], record["event"], record["reason"]) == ("link", "SendFailed", "retries")
    (record,) = recorded("event", CLIENT, "mllp", CommitBlock(positive=False), sent=False)
    assert (record["event"], record["reason"]) == ("CommitBlock", "")
    (record,) = recorded("event", CLIENT, "mllp", BlockRefused(reason="X"), sent=False)
    assert (record["event"], record["reason"]) == ("BlockRefused", "X")


def test_states_that_are_not() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Other(Event):
        payload: bytes = b"x"

    assert recorded("event", CLIENT, "astm", SessionOpened(), sent=False) == []
    assert recorded("event", CLIENT, "mllp", CommitBlock(positive=True), sent=True) == []
    assert recorded("event", CLIENT, "mllp", Other(), sent=False) == []
    assert recorded("event", CLIENT, "mllp", Message(payload=b""), sent=True) == []


def test_notes_of_actors() -> None:
    (record,) = recorded("note", "LIS", "retention over")

    assert (record["kind"], record["role"], record["text"]) == ("note", "LIS", "retention over")
