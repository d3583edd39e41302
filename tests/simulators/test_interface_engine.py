"""The interface engine as an actor: stored before answered, forwarded once, nothing invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from simulators import rule_file
from simulators.hospital import schema
from simulators.hospital.interface_engine import FROM_HIS, Engine
from simulators.hospital.interface_engine_rules import read_rules, transform
from simulators.hospital.outbox import Timing
from simulators.store import Store, open_store

ADT = (
    "MSH|^~\\&|HIS|T|ENGINE|H|20260105080000||ADT^A04^ADT_A01|{ident}|P|2.4|{number}||{mode}|{mode}"
    "|CHN|GB 18030-2000\rEVN|A04|20260105080000\r"
    "PID|1|P1|P1^^^^PatientNO~C1^^^^IdentifyNO||测试葉||19700101|M\rZPI|1|费别\r"
)


def adt(ident: str = "M1", number: str = "", mode: str = "") -> bytes:
    return ADT.format(ident=ident, number=number, mode=mode).encode("gb18030")


class Bench:
    """An engine on a store of its own; commands are carried out as a driver would."""

    def __init__(self, path: Path, *defects: str) -> None:
        self.path = path
        self.defects = set(defects)
        self.sent: list[tuple[str, bytes]] = []
        self.timers: dict[str, float | None] = {}
        self.now = 0.0
        self.begin()

    def begin(self) -> None:
        self.store: Store = open_store(str(self.path / "engine.sqlite"), schema.ENGINE,
                                       durable=False)  # fmt: skip
        self.engine = Engine(self.store, VirtualClock(), self.defects, Timing())
        self.do(act.Started())

    def restart(self) -> None:
        self.store.close()
        self.timers.clear()
        self.begin()

    def do(self, event: act.ActorEvent) -> list[act.Command]:
        commands = self.engine.on_event(event, self.now)
        for command in commands:
            match command:
                case act.Commit():
                    self.store.commit(command.statements)
                case act.Send(event=Message() as message):
                    self.sent.append((command.conn, message.payload))
                case act.SetTimer():
                    self.timers[command.name] = command.at
                case act.Open():
                    self.do(act.Opened(conn=command.conn, link=command.link))
        return commands

    def due(self, seconds: float = 0.0) -> None:
        """Let time go by, and fire what is due."""
        self.now += seconds
        while ready := [name for name, at in self.timers.items()
                        if at is not None and at <= self.now]:  # fmt: skip
            self.timers[ready[0]] = None
            self.do(act.TimerFired(name=ready[0]))

    def gets(self, payload: bytes) -> bytes:
        """A message of the HIS; gives the answer to it."""
        before = len(self.sent)
        self.do(act.Received(conn="in", link=FROM_HIS, event=Message(payload=payload)))
        answers = [one for conn, one in self.sent[before:] if conn == "in"]
        self.due()
        return answers[0] if answers else b""

    def answers(self, code: str, payload: bytes) -> None:
        """The LIS answers what it got last."""
        conn = next(conn for conn, one in reversed(self.sent) if conn.startswith("engine-lis"))
        ident = Hl7Message.parse(payload).get("MSH-10")
        ack = f"MSH|^~\\&|LIS|H|HIS|T|2026||ACK^A04^ACK|A{ident}|P|2.4\rMSA|{code}|{ident}\r"
        message = Message(payload=ack.encode())
        self.do(act.Received(conn=conn, link="engine-lis", event=message))
        self.due()

    def forwarded(self, link: str = "engine-lis") -> list[bytes]:
        return [one for conn, one in self.sent if conn.startswith(f"{link}#")]

    def rows(self) -> list[dict[str, Any]]:
        return self.store.rows("SELECT link, control_id, state, reason FROM queue ORDER BY id")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def get(payload: bytes, path: str) -> str | None:
    return Hl7Message.parse(payload).get(path)


def test_a_message_is_stored_then_answered_then_forwarded(bench: Bench) -> None:
    event = act.Received(conn="in", link=FROM_HIS, event=Message(payload=adt()))
    kinds = [type(one).__name__ for one in bench.engine.on_event(event, 0.0)]

    assert kinds.index("Commit") < kinds.index("Send")


def test_only_what_the_rules_name_is_changed(bench: Bench) -> None:
    assert get(bench.gets(adt()), "MSA-1") == "AA"
    (out,) = bench.forwarded()

    assert out == adt().replace(b"|ENGINE|", b"|LIS|")


def test_a_repeated_message_is_answered_again_and_forwarded_once(bench: Bench) -> None:
    bench.gets(adt())
    assert get(bench.gets(adt()), "MSA-1") == "AA"
    assert len(bench.rows()) == 1
    other = adt().replace(b"19700101", b"19800101")
    answer = bench.gets(other)
    assert (get(answer, "MSA-1"), get(answer, "ERR-1.4")) == ("AE", "205")


def test_one_is_outstanding_and_the_order_is_kept(bench: Bench) -> None:
    for number in range(1, 4):
        bench.gets(adt(f"M{number}"))
    assert [get(one, "MSH-10") for one in bench.forwarded()] == ["M1"]
    bench.answers("AA", adt("M1"))
    bench.answers("AA", adt("M2"))
    assert [get(one, "MSH-10") for one in bench.forwarded()] == ["M1", "M2", "M3"]


def test_what_was_not_answered_comes_again_after_a_restart(bench: Bench) -> None:
    bench.gets(adt("M1"))
    bench.gets(adt("M2"))
    bench.answers("AA", adt("M1"))
    before = len(bench.forwarded())
    bench.restart()
    bench.due()
    assert [get(one, "MSH-10") for one in bench.forwarded()[before:]] == ["M2"]


def test_a_refusal_is_put_aside_with_its_reason_and_can_be_sent_again(bench: Bench) -> None:
    bench.gets(adt("M1"))
    bench.gets(adt("M2"))
    bench.answers("AE", adt("M1"))
    assert [(one["state"], one["reason"]) for one in bench.rows()] == [("refused", "AE"),
                                                                       ("pending", "")]  # fmt: skip
    assert get(bench.forwarded()[-1], "MSH-10") == "M2"
    bench.answers("AA", adt("M2"))
    bench.do(act.Commanded(name="resubmit", args={"control_id": "M1"}, ident=1))
    bench.due()
    assert get(bench.forwarded()[-1], "MSH-10") == "M1"


def test_silence_brings_the_same_bytes_again_with_growing_pauses(bench: Bench) -> None:
    bench.gets(adt())
    pauses = []
    for _ in range(4):
        bench.due(5.0)  # no answer within the patience of a sender
        at = bench.timers["retry engine-lis"]
        assert at is not None
        pauses.append(at - bench.now)
        bench.due(at - bench.now)
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert set(bench.forwarded()) == {bench.forwarded()[0]}
    assert len(bench.forwarded()) == 5


def test_no_route_is_refused(bench: Bench) -> None:
    answer = bench.gets(adt().replace(b"ADT^A04^ADT_A01", b"MDM^T02"))
    assert (get(answer, "MSA-1"), get(answer, "ERR-1.4")) == ("AR", "200")
    assert bench.rows() == []


@pytest.mark.parametrize("payload", [b"", b"NO HL7\r", b"\xff\xfe\x00", b"MSH|", b"BHS|", b"FHS\r"])
def test_nonsense_is_answered_and_does_no_harm(bench: Bench, payload: bytes) -> None:
    bench.gets(payload)
    assert get(bench.gets(adt()), "MSA-1") == "AA"


def test_numbers_are_remembered_and_gaps_refused(bench: Bench) -> None:
    assert get(bench.gets(adt("M1", number="1")), "MSA-4") == "2"
    answer = bench.gets(adt("M3", number="3"))
    assert (get(answer, "MSA-1"), get(answer, "MSA-4")) == ("AE", "2")
    bench.restart()
    assert get(bench.gets(adt("M2", number="2")), "MSA-4") == "3"
    assert [one["control_id"] for one in bench.rows()] == ["M1", "M2"]


def test_the_application_answers_over_a_connection_of_its_own(bench: Bench) -> None:
    assert get(bench.gets(adt(mode="AL")), "MSA-1") == "CA"
    bench.answers("AE", adt())
    (answer,) = bench.forwarded("engine-sender")
    assert (get(answer, "MSA-1"), get(answer, "MSA-2")) == ("AE", "M1")
    assert get(answer, "MSH-15") == "AL"


def test_a_batch_with_a_bad_message_has_one_answer(bench: Bench) -> None:
    bad = adt("M2").replace(b"ADT^A04^ADT_A01", b"MDM^T02")
    answer = bench.gets(b"BHS|^~\\&|HIS\r" + adt("M1") + bad + b"BTS|2\r")
    assert answer.startswith(b"BHS|")
    assert [get(answer, f"MSA[{number}]-1") for number in (1, 2)] == ["AA", "AR"]
    assert [one["control_id"] for one in bench.rows()] == ["M1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "TOML"),
        ("format = 2", "format 2"),
        ("format = 1", "0 routes"),
        ('format = 1\n[[routes]]\nname = "a"', "without from, to, types"),
        ('format = 1\n[[routes]]\nname="a"\nfrom="b"\nto="c"\ntypes=["ADT"]\ncharset="EBCDIC"',
         "no character set"),
        (('format = 1\n[[routes]]\nname="a"\nfrom="b"\nto="c"\ntypes=["ADT"]\n'
         'rules=[{do="guess"}]'), "no rule guess"),
        (('format = 1\n[[routes]]\nname="a"\nfrom="b"\nto="c"\ntypes=["ADT"]\n'
         'rules=[{do="set", feild="MSH-5"}]'), "cannot be read"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_rules(text)


def test_each_rule_of_the_shipped_file() -> None:
    routes = {one.to: one for one in read_rules(rule_file.text_of(""))}
    ris = transform(routes["engine-ris"], adt(), set())
    assert "测试葉" in ris.decode("utf-8")
    assert (get(ris, "MSH-18"), get(ris, "PID-8"), get(ris, "PID-4")) == (
        "UNICODE UTF-8",
        "1",
        "C1",
    )
    with_visit = adt() + b"PV2||x\r"
    assert b"PV2" not in transform(routes["engine-pacs"], with_visit, set())


def test_a_rule_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        rule_file.text_of(str(tmp_path / "none.toml"))
    (tmp_path / "gbk.toml").write_bytes("# 规则".encode("gb18030"))
    with pytest.raises(InputError, match=r"gbk\.toml:1") as refused:
        rule_file.text_of(str(tmp_path / "gbk.toml"))
    assert refused.value.remedy
