"""The LIS towards instruments with a framing of their own: results, and orders for an AU.

Where the framing has replies, a message is stored before it is accepted. Where it has none,
nothing can be asked for again, so whatever cannot be read is kept for a person to look at.
These instruments do not say when they measured: the time of a result is left empty, and so a frame
that comes twice is recognised by what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.framings_events import Accept, Refuse
from harness.wire.framings_read import Reading as WireReading
from harness.wire.framings_read import ReadResult, ReadSpecimen
from harness.wire.framings_readers import READERS
from simulators import trouble
from simulators.hospital import lis_driver, lis_framed_drivers, lis_results, lis_worklist
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_framed_drivers import Asking, Port
from simulators.hospital.lis_reading import Reading, Readings
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

LINK: Final = "analyzer-lis-framed"
"""The port that the instrument is cabled to."""

KEPT_CHARS: Final = 200
"""Of what cannot be read."""


RESULTS_MAX: Final = 1_000
"""Results of one specimen that are remembered as taken; no instrument has a tenth of them."""

Found = list[tuple[ReadSpecimen, ReadResult]]


@dataclass(slots=True)
class _Line:
    """One connection: how its port was set up when it began, and the specimen at hand."""

    port: Port
    reading: WireReading = field(default_factory=WireReading)
    taken: int = 0
    """Results of the specimen at hand that earlier messages brought."""

    def take(self, payload: bytes) -> tuple[Found, list[str]]:
        """What one more message says, and what of it cannot be read.

        A test without a value was not measured, and is nobody's result. The last specimen stays:
        where each result is a message, the next one belongs to it, and a layout that counts its
        lines counts those of before.
        """
        reading = self.reading
        before = len(reading.specimens)
        try:
            text = payload.decode(self.port.encoding)
        except UnicodeDecodeError:
            text = payload.decode(self.port.encoding, errors="replace")
            reading.problem(f"bytes outside {self.port.encoding}")
        READERS[self.port.reader](text, self.port.setup, reading)
        found: Found = []
        for at, one in enumerate(reading.specimens):
            skip = self.taken if at < before else 0
            found += [(one, result) for result in one.results[skip:] if result.value]
        problems, reading.problems = reading.problems, []
        del reading.specimens[:-1]
        last = reading.current
        if last is not None and len(last.results) > RESULTS_MAX:
            last.results.clear()
        self.taken = 0 if last is None else len(last.results)
        return found, problems


@dataclass(slots=True)
class FramedAnalyzers:
    """The part of the LIS that these instruments talk to."""

    store: Store
    outbox: Outbox
    defects: set[str]
    stamp: Callable[[], str]
    role: str = "LIS"
    _lines: dict[str, _Line] = field(default_factory=dict)

    def open_core(self) -> Core:
        """A core for the framing that the port is set up for now."""
        return self._port().core()

    def _port(self) -> Port:
        port = lis_framed_drivers.load(self.store, LINK)
        if "lis-ignores-implied-decimals" in self.defects:
            return lis_framed_drivers.without_decimals(port)
        return port

    def on_event(self, event: act.Received, now: float) -> list[act.Command]:
        """One message: store it, then answer; an error of ours is a NAK."""
        if not isinstance(event.event, Message):
            return []
        line = self._lines.setdefault(event.conn, _Line(self._port()))
        try:
            stored, after = self._message(event, line, now)
        except Exception as error:  # noqa: BLE001 - one message must not end the whole system
            trouble.tell(self.role, error)
            return self._reply(event.conn, line, good=False)
        reply = self._reply(event.conn, line, good=True)
        if "lis-accepts-before-storing" in self.defects:
            return [*reply, *stored, *after]
        return [*stored, *reply, *after]

    def forget(self, conn: str) -> None:
        """A connection is gone, and the specimen at hand with it."""
        self._lines.pop(conn, None)

    def _reply(self, conn: str, line: _Line, *, good: bool) -> list[act.Command]:
        if not line.port.waits:
            return []
        return [act.Send(conn=conn, event=Accept() if good else Refuse())]

    def _message(
        self, event: act.Received, line: _Line, now: float
    ) -> tuple[list[act.Command], list[act.Command]]:
        """What is stored, and what is said after the reply."""
        assert isinstance(event.event, Message)
        payload = event.event.payload
        port = line.port
        if not port.reader:
            row = _unreadable(payload.decode("latin-1"), "no driver", port)
            return [act.Commit(statements=[row])], []
        driver = lis_driver.load(self.store, port.sender)
        asked = port.ask(payload.decode(port.encoding, "replace"))
        if asked is not None:
            return self._orders(event.conn, port, driver, asked)
        found, problems = line.take(payload)
        statements = lis_results.take(
            Readings(results=[_reading(driver, one, result) for one, result in found]),
            driver, self.store, self.outbox, self.defects, self.stamp(),
        )  # fmt: skip
        statements += [_unreadable(text, "unreadable", port) for text in problems]
        said = port.confirms.get(payload[:1].decode("latin-1"))
        after: list[act.Command] = []
        if said is not None and not problems:
            after = [act.Send(conn=event.conn, event=Message(payload=said))]
        if not statements:
            return [], after
        return [act.Commit(statements=statements), self.outbox.soon(now)], after

    def _orders(
        self, conn: str, port: Port, driver: Driver, asked: Asking
    ) -> tuple[list[act.Command], list[act.Command]]:
        """What is to do for one tube; an order without tests where there is nothing."""
        barcode = driver.stripped(asked.ident.strip())
        tests = lis_worklist.todo(self.store, driver, barcode, self.defects)
        if not tests and "lis-silent-without-order" in self.defects:
            return [], []
        rows = [
            insert("worklist", {
                "barcode": test.barcode, "item": test.item, "channel": test.channel,
                "placer": test.placer, "action": test.action, "instrument": driver.sender,
                "way": "query", "state": "sent", "sent_at": self.stamp(),
            })
            for test in tests
        ]  # fmt: skip
        order = port.order(asked, [test.channel for test in tests])
        stored: list[act.Command] = [act.Commit(statements=rows)] if rows else []
        return stored, [act.Send(conn=conn, event=Message(payload=order))]


def _reading(driver: Driver, specimen: ReadSpecimen, result: ReadResult) -> Reading:
    barcode = driver.stripped(specimen.barcode)
    return Reading(
        barcode=barcode,
        kind="control" if specimen.control else driver.kind_of(barcode),
        instrument=driver.sender,
        channel=result.code,
        value=result.value,
        unit=result.unit,
        flag=result.flag,
        status="F",
    )


def _unreadable(text: str, reason: str, port: Port) -> Statement:
    row = {"barcode": "", "item": "", "value": text[:KEPT_CHARS], "reason": reason}
    return insert("unmatched", row | {"instrument": port.sender})
