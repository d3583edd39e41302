"""The LIS towards HL7 analyzers: results, questions in two dialects, and the orders that answer.

Answered are ORU^R01 and OUL (ACK), QRY^Q02 (QCK^Q02, then a DSR^Q03 a specimen, the next one after
its ACK) and QBP^Q11 of IHE LAW (RSP^K11, then an OML^O33 a specimen, the next one after its
ORL^O34). A control id that comes again is no reason to drop a message: analyzers begin at 1 again
after a restart, and the results themselves say whether they are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import FieldSpec, build, header_row
from simulators import trouble
from simulators.hospital import (
    inbox,
    lis_driver,
    lis_flaws,
    lis_flaws_guess,
    lis_hl7_orm,
    lis_hl7_reading,
    lis_results,
    lis_worklist,
    messages,
)
from simulators.hospital.inbox import Refusal
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_people import patient_of
from simulators.hospital.lis_worklist import Asked, Todo
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

RESULTS: Final = frozenset({
    "ORU^R01", "ORU^R30", "ORU^R31", "ORU^R32", "OUL^R21", "OUL^R22", "OUL^R23", "OUL^R24",
})  # fmt: skip

CONTROL_IDS_KEPT: Final = 1_000
"""Control ids that are remembered under the defect ``lis-drops-reused-control-ids``."""

DSP_TESTS: Final = 29
"""DSP-1 of the first test; the lines before it are about patient and specimen."""

Segments = list[Sequence[FieldSpec]]


@dataclass(slots=True)
class Hl7Analyzers:
    """The part of the LIS that HL7 analyzers talk to."""

    store: Store
    outbox: Outbox
    defects: set[str]
    stamp: Callable[[], str]
    waiting: dict[str, list[bytes]] = field(default_factory=dict)
    """By connection: messages that go out one by one, each after the answer to the one before."""
    seen: list[str] = field(default_factory=list)
    last_at: float = float("-inf")
    types: dict[str, str] = field(default_factory=dict)
    """By analyzer: the type of result message that came first; only a defect looks at it."""

    def forget(self, conn: str) -> None:
        """A connection is gone."""
        self.waiting.pop(conn, None)

    def take(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        """Answer one message; an error of ours is answered as one (207)."""
        try:
            return self._take(conn, payload, now)
        except Exception as error:  # noqa: BLE001 - one message must not end the whole system
            trouble.tell("LIS", error)
            text = f"application error: {type(error).__name__}"
            return [self._acknowledged(conn, payload, Refusal("AE", "207", text))]

    def _take(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        message = Hl7Message.parse(lis_flaws_guess.declared(payload, self.defects))
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind.startswith(("ACK", "ORL^")):
            return self._next(conn)
        try:
            inbox.check(message)
            if kind in RESULTS and self._unrouted(message, kind):
                return [self._acknowledged(conn, payload, None)]
            if kind in RESULTS:
                return self._results(conn, message, now)
            if kind == "QRY^Q02":
                return self._display_query(conn, message)
            if kind == "QBP^Q11":
                return self._step_query(conn, message)
            if kind == "ORM^O01":
                return self._order_query(conn, message)
            raise Refusal("AR", "200", f"unsupported message {kind}")
        except Refusal as refusal:
            return [self._acknowledged(conn, payload, refusal)]

    def _unrouted(self, message: Hl7Message, kind: str) -> bool:
        """The defect: of each analyzer only the type of message that came first is routed."""
        if "lis-routes-first-type-only" not in self.defects:
            return False
        return self.types.setdefault(lis_hl7_reading.sender_of(message), kind) != kind

    # -- results -------------------------------------------------------------------------------

    def _results(self, conn: str, message: Hl7Message, now: float) -> list[act.Command]:
        if all(segment.name != "OBR" for segment in message.segments()):
            raise Refusal("AE", "100", "results need OBR")  # HL7 2.5.1 §7.3: to accept is to lose
        answer = self._acknowledged(conn, message.raw, None)
        control_id = message.get("MSH-10") or ""
        if "lis-drops-reused-control-ids" in self.defects:
            if control_id in self.seen:
                return [answer]
            self.seen = [*self.seen[-CONTROL_IDS_KEPT:], control_id]
        soon, self.last_at = now - self.last_at < lis_flaws.BURST_S, now
        if soon and "lis-loses-bursts" in self.defects:
            return [answer]
        driver = lis_driver.load(self.store, lis_hl7_reading.sender_of(message))
        found = lis_hl7_reading.readings(message, driver, self.defects)
        statements = lis_results.take(
            found, driver, self.store, self.outbox, self.defects, self.stamp()
        )
        if not statements:
            return [answer]
        stored: list[act.Command] = [act.Commit(statements=statements), self.outbox.soon(now)]
        if "lis-acknowledges-analyzer-first" in self.defects:
            return [answer, *stored]
        return [*stored, answer]

    def _acknowledged(self, conn: str, payload: bytes, refusal: Refusal | None) -> act.Send:
        """ACK with MSA-6 of the 2.3.1 dialect; MSH-16 is repeated as it asks."""
        message = Hl7Message.parse(payload)
        code, error, text = "AA", "0", "Message accepted"
        if refusal is not None:
            code, error, text = refusal.code, refusal.error, refusal.text
        trigger = (message.get("MSH-9.2") or "").strip()
        head = self._head(message, f"ACK^{trigger}" if trigger else "ACK", "ACK")
        control_id = message.get("MSH-10") or ""
        msa = ["MSA", code, control_id, text, None, None, error]
        return _send(conn, build([head, msa], encoding=message.encoding))

    def _head(self, message: Hl7Message, kind: str, structure: str) -> list[FieldSpec]:
        version = message.get("MSH-12.1") or "2.5.1"
        plain = version == lis_hl7_reading.DIALECT
        return header_row(
            type=kind,
            structure="" if plain else structure,
            control_id=messages.control_id("A", message.get("MSH-10") or "", kind),
            time=self.stamp(),
            sending_app="LIS",
            sending_facility="HOSPITAL",
            receiving_app=message.get("MSH-3.1") or "",
            receiving_facility=message.get("MSH-4.1") or "",
            processing_id=message.get("MSH-11.1") or "P",
            version=version,
            application_ack=(message.get("MSH-16") or "") if plain else "",
            charset=message.get("MSH-18[1]") or "",
        )

    # -- QRY^Q02 -------------------------------------------------------------------------------

    def _display_query(self, conn: str, message: Hl7Message) -> list[act.Command]:
        driver = lis_driver.load(self.store, lis_hl7_reading.sender_of(message))
        barcode = driver.stripped(message.get("QRD-8.1") or "")
        asked = [Asked(barcode=barcode)] if barcode else _all(self.store)
        work = self._work(asked, driver)
        if not work and "lis-silent-without-order" in self.defects:
            return []
        code = "OK" if work else "NF"
        msa = ["MSA", "AA", message.get("MSH-10") or "", "Message accepted", None, None, "0"]
        head = self._head(message, "QCK^Q02", "QCK_Q02")
        tail: Segments = [msa, ["ERR", "0"], ["QAK", "SR", code]]
        receipt = build([head, *tail], encoding=message.encoding)
        displays = [
            self._display(message, number, len(work), one, tests)
            for number, (one, tests) in enumerate(work, 1)
        ]
        return self._begin(conn, receipt, displays, work, driver)

    def _display(
        self, message: Hl7Message, number: int, count: int, one: Asked, tests: list[Todo]
    ) -> bytes:
        """DSR^Q03: what DSP-3 holds goes by DSP-1; DSC counts, and is empty on the last."""
        person = patient_of(self.store, tests[0].patient_id)
        texts = {1: person["patient_id"], 2: person["bed"], 3: person["name"],
                 4: person["birth"], 5: person["sex"], 21: one.barcode, 22: one.barcode[-10:],
                 24: "Y" if any(test.priority == "S" for test in tests) else "N"}  # fmt: skip
        lines: Segments = [
            ["DSP", str(line), None, texts.get(line, "")] for line in range(1, DSP_TESTS)
        ]
        lines += [
            ["DSP", str(at), None, [test.channel, "", "", ""]]
            for at, test in enumerate(tests, DSP_TESTS)
        ]
        head = self._head(message, "DSR^Q03", "DSR_Q03")
        head[10] = messages.control_id("D", message.get("MSH-10") or "", one.barcode)
        msa = ["MSA", "AA", message.get("MSH-10") or "", "Message accepted", None, None, "0"]
        echo: Segments = [
            [name, *(message.get(f"{name}-{at}") or None for at in range(1, 10))]
            for name in ("QRD", "QRF")
        ]
        last = "" if number == count else str(number)
        segments: Segments = [head, msa, ["ERR", "0"], ["QAK", "SR", "OK"], *echo, *lines]
        return build([*segments, ["DSC", last]], encoding=_codec(message))

    def _order_query(self, conn: str, message: Hl7Message) -> list[act.Command]:
        """ORM^O01 of a haematology analyzer."""
        driver = lis_driver.load(self.store, lis_hl7_reading.sender_of(message))
        barcode = driver.stripped(lis_hl7_orm.asked_tube(message))
        work = self._work([Asked(barcode=barcode)], driver)
        if not work and "lis-silent-without-order" in self.defects:
            return []
        tests = [test for _, found in work for test in found]
        person = patient_of(self.store, tests[0].patient_id) if tests else {}
        rows = lis_hl7_orm.reply(message, barcode, tests, person)
        head = self._head(message, "ORR^O02", "ORR_O02")
        answer = build([head, *rows], encoding=_codec(message))
        return self._begin(conn, answer, [], work, driver)

    # -- QBP^Q11 -------------------------------------------------------------------------------

    def _step_query(self, conn: str, message: Hl7Message) -> list[act.Command]:
        driver = lis_driver.load(self.store, lis_hl7_reading.sender_of(message))
        barcode = driver.stripped(message.get("QPD-3.1") or "")
        everything = (message.get("QPD-1.1") or "") == "WOS_ALL"
        asked = _all(self.store) if everything else [Asked(barcode=barcode)]
        work = self._work(asked, driver)
        if not work and "lis-silent-without-order" in self.defects:
            return []
        head = self._head(message, "RSP^K11", "RSP_K11")
        tag = message.get("QPD-2") or ""
        query = [message.get(f"QPD-1.{at}") or "" for at in (1, 2, 3)]
        tail: Segments = [
            ["MSA", "AA", message.get("MSH-10") or ""],
            ["QAK", tag, "OK", query],
            ["QPD", query, tag, barcode or None],
        ]
        receipt = build([head, *tail], encoding=message.encoding)
        steps = [self._work_order(message, one.barcode, tests) for one, tests in work]
        if not work:
            steps = [self._work_order(message, barcode, [])]
        return self._begin(conn, receipt, steps, work, driver)

    def _work_order(self, message: Hl7Message, barcode: str, tests: list[Todo]) -> bytes:
        """OML^O33 of one specimen; one ORC with DC where there is nothing to do (LAB-28)."""
        head = self._head(message, "OML^O33", "OML_O33")
        head[10] = messages.control_id("W", message.get("MSH-10") or "", barcode)
        segments: Segments = [head]
        if tests:
            segments.append(messages.patient(patient_of(self.store, tests[0].patient_id)))
        segments += [
            ["SPM", "1", [barcode], None, ["SER"], *[None] * 6, "P"],
            ["SAC", None, None, barcode],
        ]
        for number, test in enumerate(tests, 1):
            step = f"{test.placer}-{test.channel}"
            segments += [
                ["ORC", "NW", step, *[None] * 6, self.stamp()],
                ["TQ1", None, None, None, None, None, None, None, None, test.priority],
                ["OBR", str(number), step, None, [test.channel]],
                ["TCD", [test.channel]],
            ]
        if not tests:
            segments.append(["ORC", "DC", None, None, None, None, None, None, None, self.stamp()])
        return build(segments, encoding=_codec(message))

    # -- one by one ----------------------------------------------------------------------------

    def _work(self, asked: Sequence[Asked], driver: Driver) -> list[tuple[Asked, list[Todo]]]:
        found = [
            (one, lis_worklist.todo(self.store, driver, one.barcode, self.defects)) for one in asked
        ]
        return [(one, tests) for one, tests in found if tests]

    def _begin(
        self,
        conn: str,
        receipt: bytes,
        rest: list[bytes],
        work: Sequence[tuple[Asked, list[Todo]]],
        driver: Driver,
    ) -> list[act.Command]:
        """The receipt, and the first of what follows it."""
        statements: list[Statement] = [
            insert("worklist", _row(test, driver, self.stamp()))
            for _, tests in work
            for test in tests
        ]
        self.waiting[conn] = rest
        stored = [act.Commit(statements=statements)] if statements else []
        return [*stored, _send(conn, receipt), *self._next(conn)]

    def _next(self, conn: str) -> list[act.Command]:
        """The answer to the message before is there: the next one may go."""
        rest = self.waiting.get(conn, [])
        return [_send(conn, rest.pop(0))] if rest else []


def _codec(message: Hl7Message) -> str:
    """A question in plain ASCII does not say how names are to be written: in GB 18030 then."""
    return "gb18030" if message.encoding in {"ascii", "us-ascii"} else message.encoding


def _all(store: Store) -> list[Asked]:
    return [Asked(barcode=barcode) for barcode in lis_worklist.open_barcodes(store)]


def _row(test: Todo, driver: Driver, time: str) -> dict[str, Any]:
    row = {name: getattr(test, name) for name in ("barcode", "item", "channel", "placer", "action")}
    return row | {"instrument": driver.sender, "way": "query", "state": "sent", "sent_at": time}


def _send(conn: str, payload: bytes) -> act.Send:
    return act.Send(conn=conn, event=Message(payload=payload))
