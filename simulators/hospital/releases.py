"""The two releases of the built-in hospital: what the second one does otherwise, on purpose.

An upgrade changes things that are meant to change. Release 2 has ten of them, over every kind of
interface; whoever compares a run before with a run after has to see each, and to approve it. What
an upgrade breaks is another matter: that is switched on beside a release like any other defect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from harness.link import actor as act
from harness.link.actor import Actor
from harness.link.dicom_data import DataSet
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message

RELEASES: Final = (1, 2)

RECEIVER, RECEIVER_2 = "MBS_LOCAL", "MBS_LOCAL2"
"""``recer_sys_code`` of either release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One intended change.

    Attributes:
        id: its switch.
        interface: where it shows.
        path: where in a message of that interface.
        what: in one line.
    """

    id: str
    interface: str
    path: str
    what: str


def _change(ident: str, interface: str, path: str, what: str) -> Change:
    return Change(id=ident, interface=interface, path=path, what=what)


CHANGES: Final = (
    _change("new-oru-code-system", "LIS-ORU", "OBX-3.3", "items name their code system"),
    _change("new-oru-section", "LIS-ORU", "OBR-24", "reports name the section of the laboratory"),
    _change("new-oru-equipment", "LIS-ORU", "OBX-18", "results name the group of instruments"),
    _change("new-ack-text", "HIS-ORD", "MSA-3", "acknowledgements of the LIS say a word"),
    _change("new-adt-reason", "HIS-ORD", "EVN-4", "events of the HIS give their reason"),
    _change("new-order-department", "HIS-ORD", "ORC-17", "orders name the department"),
    _change("new-alert-producer", "LIS-ORU", "OBX-15", "alerts name the laboratory"),
    _change("new-receiver-code", "HIS-YB", "/recer_sys_code", "the HIS has another receiver code"),
    _change("new-worklist-priority", "RIS-MWL", "(0040,1003)", "the worklist gives the priority"),
    _change("new-find-availability", "PACS-DIMSE", "(0008,0056)",
            "queries of the PACS say that images are at hand"),
)  # fmt: skip
"""Of release 2."""

_OF_MESSAGES: Final = {
    ("LIS", "ORU^R01"): (
        ("new-oru-code-system", "OBX", "3.3", "L"),
        ("new-oru-section", "OBR", "24", "CH"),
        ("new-oru-equipment", "OBX", "18", "CORELAB"),
    ),
    ("LIS", "ORU^R40"): (("new-alert-producer", "OBX", "15", "LAB"),),
    ("HIS", "ADT"): (("new-adt-reason", "EVN", "4", "01"),),
    ("HIS", "OML^O21"): (("new-order-department", "ORC", "17", "0201"),),
}
"""By sender and type (or its first part): the switch, the segment, the field, and its new value."""


def switches(release: int) -> tuple[str, ...]:
    """What is switched on in a release.

    Raises:
        ValueError: there is no such release.
    """
    if release not in RELEASES:
        raise ValueError(release)
    return tuple(one.id for one in CHANGES) if release == RELEASES[-1] else ()


def of_release(actor: Actor, role: str, defects: set[str]) -> Actor:
    """The actor of a role, as it is in the release that is switched on."""
    if any(one.id in defects for one in CHANGES):
        return Released(actor, role, defects)
    return actor


@dataclass(slots=True)
class Released:
    """An actor whose messages are those of release 2.

    What it keeps, decides and when it sends is the same: only what it writes differs.
    """

    actor: Actor
    role: str
    defects: set[str]

    def __getattr__(self, name: str) -> Any:
        """Everything else is the actor's own."""
        return getattr(self.actor, name)

    def open_core(self, link: str, *, client: bool) -> Core:
        """The actor's."""
        return self.actor.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The actor's commands, with what it sends written anew."""
        return [self._written(one) for one in self.actor.on_event(event, now)]

    def _written(self, command: act.Command) -> act.Command:
        if isinstance(command, act.Send) and isinstance(command.event, Message):
            payload = written(command.event.payload, self.role, self.defects)
            if payload is not command.event.payload:
                return act.Send(conn=command.conn, event=Message(payload=payload))
        return command


def written(payload: bytes, role: str, defects: set[str]) -> bytes:
    """A message as release 2 writes it; the same object where nothing changes."""
    if payload.startswith(b"MSH|"):
        return _hl7(payload, role, defects)
    return payload


def _hl7(payload: bytes, role: str, defects: set[str]) -> bytes:
    message = Hl7Message.parse(payload)
    kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
    if kind.startswith("ACK") and role == "LIS":
        his = kind.startswith("ACK^A") or kind == "ACK^O21"  # not what analyzers are answered
        said = his and message.get("MSA-1") == "AA" and not message.get("MSA-3")
        if said and "new-ack-text" in defects:
            return message.set("MSA-3", "accepted").raw
        return payload
    rows = [*_OF_MESSAGES.get((role, kind), ()), *_OF_MESSAGES.get((role, kind[:3]), ())]
    changed = False
    for switch, segment, field, value in rows:
        for number in range(1, _count(payload, segment) + 1 if switch in defects else 1):
            message = message.set(f"{segment}[{number}]-{field}", value)
            changed = True
    return message.raw if changed else payload


def _count(payload: bytes, segment: str) -> int:
    return payload.count(b"\r" + segment.encode() + b"|")


def receiver(defects: set[str]) -> str:
    """``recer_sys_code`` of the HIS's requests."""
    return RECEIVER_2 if "new-receiver-code" in defects else RECEIVER


def listed(data: DataSet, defects: set[str]) -> None:
    """An answer of the worklist: release 2 gives the priority of the procedure."""
    if "new-worklist-priority" in defects:
        data.set("RequestedProcedurePriority", "MEDIUM")


def found(data: DataSet, defects: set[str]) -> None:
    """An answer of the PACS: release 2 says that the images are at hand."""
    if "new-find-availability" in defects:
        data.set("InstanceAvailability", "ONLINE")
