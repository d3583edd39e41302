"""Marked probes: a message of nobody, at a low rate, so that also quiet lines are seen.

A probe is an ``ADT^A08`` for a generated person (or what a template file says), sent over a
connection of its own from a system ``MEDHARNESS`` with ids that begin with ``MHW``. In production
each one asks the permit before its first byte. Over DICOM a probe associates for verification and
releases; nothing is stored. Other protocols have no message that means nothing, so they are not
probed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from harness.clock import Clock
from harness.contract import dicom
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
from harness.watch.facts import Answered
from harness.watch.line import FORTH, Lines
from harness.watch.reading import hl7_fact
from harness.wire.core import Message
from harness.wire.hl7_build import build, header_row
from harness.wire.mllp import MllpCore

EVERY_S: Final = 30.0
"""Seconds between two probes of a line."""

EVERY_MIN_S: Final = 5.0
"""A low rate is part of the promise: no shorter pause is taken in production."""

PROBED: Final = frozenset({"mllp", "dicom"})
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
    holes = {
        "id": control_id, "time": stamp, "patient_id": person.patient_id, "name": person.name,
        "birth": person.birth, "sex": person.sex,
    }  # fmt: skip
    for name, value in holes.items():
        template = template.replace(f"{{{name}}}", value)
    return "\r".join(line for line in template.splitlines() if line.strip()) + "\r"


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
            self._associate()
            return
        person = generate(self.run, self.sent)
        control_id = f"{MARK}{self.run % 10**8:08d}{self.sent:06d}"
        payload = self._payload(person, control_id)
        IdentityGuard([person]).check("hl7", payload)
        answered = False
        try:
            answered = self._asked(payload, conn)
        except OSError as error:
            self._told("failed", reason_of(error))
            return
        if answered:
            self._accepted.append((person, control_id))
        else:
            self._told("closed", "by the peer", conn)

    def _payload(self, person: Person, control_id: str) -> bytes:
        stamp = self.clock.wall().strftime("%Y%m%d%H%M%S")
        charset, declared = self.charset
        if self.template:
            return filled(self.template, person, control_id, stamp).encode(charset)
        return adt(person, control_id, stamp, charset, declared)

    def _asked(self, payload: bytes, conn: str) -> bool:
        """Send it and wait for the answer; whether the message was accepted."""
        wait_s = self.lines.late_s[self.spec.name] + 1  # a late answer is late, not lost

        def connected() -> None:
            self._told("opened", "")
            self.lines.take(self.spec.name, FORTH, hl7_fact(payload), conn, self.lines.now())

        for event in ask(
            self.address, MllpCore(), Message(payload=payload), wait_s, self.clock, connected,
            self._stop.is_set,
        ):  # fmt: skip
            if isinstance(event, Message):
                fact = hl7_fact(event.payload)
                self.lines.take(self.spec.name, FORTH, fact, conn, self.lines.now())
                return isinstance(fact, Answered) and fact.good
        return False

    def _associate(self) -> None:
        connection = self.spec.connection(f"{self.spec.name}#probe{self.sent}", client=True)
        try:
            dicom.verify(self.address, self.spec.ae_title or "ANY-SCP", connection, self.gate)
        except (HarnessError, OSError) as error:
            self._told("failed", getattr(error, "message", "") or str(error))
            return
        self._told("opened", "")

    def _told(self, event: str, reason: str, conn: str = "") -> None:
        ident = conn or f"{self.spec.name}#probe{self.sent}"
        self.lines.link(self.spec.connection(ident, client=True), event, reason)

    def look(self) -> None:
        """Ask for the effects of what was accepted."""
        if self.effects is not None:
            for person, control_id in self._accepted:
                self.effects.look(person, control_id)
        self._accepted.clear()
