"""Marked probes: a message of nobody, at a low rate, so that also quiet lines are seen.

A probe is an ``ADT^A08`` for a generated person (or what a template file says), sent over a
connection of its own from a system ``MEDHARNESS`` with ids that begin with ``MHW``. In production
each one asks the permit before its first byte. Over DICOM a probe is a C-ECHO; nothing is stored.
Over HTTP it is the call of a template file, and without one there is none (``canary``). ASTM is not
probed: a receiver that serves one analyzer a line might end the analyzer's.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.link.address import Address
from harness.link.once import ask
from harness.link.spec import LinkSpec
from harness.link.tap import Guard
from harness.link.tcp import reason_of
from harness.model import Outcome, Person
from harness.people import generate
from harness.permit import Permit
from harness.probes.probe import Probe
from harness.watch.canary import Echo, RefusedError, call
from harness.watch.facts import Answered, Sent
from harness.watch.line import FORTH, Lines
from harness.watch.reading import hl7_fact, http_fact, succeeded
from harness.wire.core import Message
from harness.wire.hl7_build import build, header_row
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpResponse
from harness.wire.mllp import MllpCore

EVERY_S: Final = 30.0
"""Seconds between two probes of a line."""

EVERY_MIN_S: Final = 5.0
"""A low rate is part of the promise: no shorter pause is taken in production."""

PROBED: Final = frozenset({"mllp", "dicom", "http"})
SENDER: Final = "MEDHARNESS"
MARK: Final = "MHW"


def adt(person: Person, control_id: str, stamp: str, charset: str, declared: str) -> bytes:
    """The message that a probe sends where no template is given (HL7 2.5.1 §3.3.8)."""
    return build(
        [
            header_row(type="ADT^A08", control_id=control_id, time=stamp, sending_app=SENDER,
                       sending_facility="WATCH", version="2.4", charset=declared),
            ["EVN", "A08", stamp],
            ["PID", "1", None, [person.patient_id, None, None, None, "PatientNO"], None,
             person.name, None, person.birth, person.sex],
            ["PV1", "1", "O"],
        ],
        charset,
    )  # fmt: skip


def filled(template: str, person: Person, control_id: str, stamp: str) -> str:
    """A template with ``{id}``, ``{time}``, ``{patient_id}``, ``{name}``, ``{birth}``, ``{sex}``.

    Raises:
        InputError: it has no ``{id}``: its messages could not be told apart.
    """
    if "{id}" not in template:
        raise InputError(tr("a template of probes needs {hole}", hole="{id}"))
    text = holes_filled(template, person, control_id, stamp)
    return "\r".join(line for line in text.splitlines() if line.strip()) + "\r"


def holes_filled(template: str, person: Person, control_id: str, stamp: str) -> str:
    """The text with its holes filled; ``{iso}`` is the time as 医保 writes it."""
    holes = {
        "id": control_id, "time": stamp, "patient_id": person.patient_id, "name": person.name,
        "birth": person.birth, "sex": person.sex,
        "iso": f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}:{stamp[12:]}",
    }  # fmt: skip
    for name, value in holes.items():
        template = template.replace(f"{{{name}}}", value)
    return template


@dataclass(slots=True)
class Effects:
    """Whether accepted probes had their effect, once: a probe of the profile by patient number."""

    probe: Probe
    checked: int = 0
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    failed: str = ""

    def look(self, person: Person, control_id: str) -> None:
        """Once the answer is there and the system had time to store."""
        answer = self.probe.ask({"patient_id": person.patient_id})
        if answer.outcome is not Outcome.OK:
            self.failed = answer.error or str(answer.outcome)
            return
        self.checked += 1
        if not answer.rows:
            self.missing.append(control_id)
        elif len(answer.rows) > 1:
            self.doubled.append(control_id)


@dataclass(slots=True)
class Prober:
    """Sends the probes of one line, in a thread of its own.

    Args:
        spec: the line.
        address: of the listener.
        lines: where the facts go.
        permit: asked before each probe.
        gate: asked before the address is opened.
        clock: civil time and seconds.
        every_s: pause between two probes.
        run: number of this watch: people and ids differ from those of other watches.
        template: text of the message; empty for ``adt``.
        charset: of the message, and what MSH-18 says.
        effects: looks whether accepted probes were stored; None where no probe can.
    """

    spec: LinkSpec
    address: Address
    lines: Lines
    permit: Permit
    gate: Guard
    clock: Clock
    every_s: float
    run: int
    template: str = ""
    charset: tuple[str, str] = ("gb18030", "")
    effects: Effects | None = None
    sent: int = 0
    refused: str = ""
    """Why no more probes may be sent."""
    turned_down: int = 0
    """Probes that the listener answered and did not accept."""
    _accepted: list[tuple[Person, str]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def loop(self) -> None:
        """Until ``stop``; a permit that ends, ends the probes and is told."""
        while not self._stop.is_set():
            try:
                self.once()
            except HarnessError as error:
                self.refused = str(error)
                return
            self._stop.wait(self.every_s)

    def stop(self) -> None:
        """No further probe."""
        self._stop.set()

    def once(self) -> None:
        """One probe, and what came of it, as facts of the line.

        Raises:
            PermitError: nothing may be sent now, or not this.
        """
        self.permit.require_write(f"{self.spec.to} watch")
        self.sent += 1
        conn = f"{self.spec.name}#probe{self.sent}"
        connection = self.spec.connection(conn, client=True)
        self.gate.opens(connection, self.address.host, self.address.port)
        if self.spec.protocol == "dicom":
            self._echo(conn)
            return
        person = generate(self.run, self.sent)
        control_id = f"{MARK}{self.run % 10**8:08d}{self.sent:06d}"
        answered, down = False, self.turned_down
        try:
            if self.spec.protocol == "http":
                answered = self._called(person, control_id, conn)
            else:
                payload = self._payload(person, control_id)
                IdentityGuard([person]).check("hl7", payload)
                answered = self._asked(payload, conn)
        except OSError as error:
            self._told("failed", reason_of(error))
            return
        if answered:
            self._accepted.append((person, control_id))
        elif down == self.turned_down:
            self._told("closed", "by the peer", conn)

    def _called(self, person: Person, control_id: str, conn: str) -> bool:
        """Make the call of the template; whether it succeeded."""
        stamp = self.clock.wall().strftime("%Y%m%d%H%M%S")
        host = f"{self.address.host}:{self.address.port}"
        request = call(holes_filled(self.template, person, control_id, stamp), host)
        sent = http_fact(request)

        def connected() -> None:
            self._told("opened", "")
            self.lines.take(self.spec.name, FORTH, sent, conn, self.lines.now())

        for event in ask(
            self.address, HttpClientCore(), request, self._wait_s, self.clock, connected,
            self._stop.is_set,
        ):  # fmt: skip
            if isinstance(event, HttpResponse):
                fact = Answered(key=sent.key, good=succeeded(event))
                self.lines.take(self.spec.name, FORTH, fact, conn, self.lines.now())
                self.turned_down += not fact.good
                return fact.good
        return False

    @property
    def _wait_s(self) -> float:
        return self.lines.late_s[self.spec.name] + 1  # a late answer is late, not lost

    def _payload(self, person: Person, control_id: str) -> bytes:
        stamp = self.clock.wall().strftime("%Y%m%d%H%M%S")
        charset, declared = self.charset
        if self.template:
            return filled(self.template, person, control_id, stamp).encode(charset)
        return adt(person, control_id, stamp, charset, declared)

    def _asked(self, payload: bytes, conn: str) -> bool:
        """Send it and wait for the answer; whether the message was accepted."""

        def connected() -> None:
            self._told("opened", "")
            self.lines.take(self.spec.name, FORTH, hl7_fact(payload), conn, self.lines.now())

        for event in ask(
            self.address, MllpCore(), Message(payload=payload), self._wait_s, self.clock, connected,
            self._stop.is_set,
        ):  # fmt: skip
            if isinstance(event, Message):
                fact = hl7_fact(event.payload)
                self.lines.take(self.spec.name, FORTH, fact, conn, self.lines.now())
                good = isinstance(fact, Answered) and fact.good
                self.turned_down += not good
                return good
        return False

    def _echo(self, conn: str) -> None:
        """One C-ECHO: its association, its question and its answer as facts of the line."""
        connection = self.spec.connection(conn, client=True)
        echo = Echo(
            address=self.address, ae_title=self.spec.ae_title or "ANY-SCP", connection=connection,
            guard=self.gate, wait_s=self._wait_s,
        )  # fmt: skip

        def asked() -> None:
            self._told("opened", "")
            sent = Sent(key=conn, kind="C-ECHO", repeatable=True)
            self.lines.take(self.spec.name, FORTH, sent, conn, self.lines.now())

        try:
            status = echo.ask(asked)
        except (RefusedError, OSError) as error:
            self._told("failed", str(error))
            return
        if status is None:
            self._told("closed", "by the peer", conn)
        else:
            fact = Answered(key=conn, good=status == 0)
            self.turned_down += not fact.good
            self.lines.take(self.spec.name, FORTH, fact, conn, self.lines.now())

    def _told(self, event: str, reason: str, conn: str = "") -> None:
        ident = conn or f"{self.spec.name}#probe{self.sent}"
        self.lines.link(self.spec.connection(ident, client=True), event, reason)

    def look(self) -> None:
        """Ask for the effects of what was accepted."""
        if self.effects is not None:
            for person, control_id in self._accepted:
                self.effects.look(person, control_id)
        self._accepted.clear()
