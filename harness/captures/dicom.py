"""Both sides of a DICOM association: its PDUs and messages, in words (PS3.8 §9.3, PS3.7 annex E).

Each side is read by a core that only looks; what one side sent puts the other side's core into the
state in which the answer is expected. Data sets are counted and not read: a whole message comes
with its command set and the bytes of its data set (``wire.dicom_box``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from harness.captures.conversations import Conversation
from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.wire import dicom_command
from harness.wire.core import Event, Violation
from harness.wire.dicom_box import Boxed
from harness.wire.dicom_events import DimseReceived, PduReceived, SendPdu
from harness.wire.dicom_pdu import Abort, Associate, Data, Pdu, PduType, Reject, Release
from harness.wire.dicom_upper import State, UpperLayerCore

_NAMES: Final = {
    dicom_command.MESSAGE_ID: "message",
    dicom_command.RESPONDED_TO: "answers",
    dicom_command.STATUS: "status",
    dicom_command.AFFECTED_CLASS: "class",
    dicom_command.REQUESTED_CLASS: "class",
    dicom_command.AFFECTED_INSTANCE: "instance",
    dicom_command.REQUESTED_INSTANCE: "instance",
    dicom_command.DESTINATION: "destination",
    dicom_command.REMAINING: "remaining",
    dicom_command.COMPLETED: "completed",
    dicom_command.FAILED: "failed",
    dicom_command.WARNING: "warning",
    dicom_command.COMMENT: "comment",
}
"""What of a command set is shown, and its word."""


@dataclass(slots=True)
class _Agreed:
    """What an association is, as far as it was seen."""

    name: str
    asked: Associate | None = None
    syntaxes: dict[int, str] = field(default_factory=dict)

    def learn(self, pdu: Associate) -> None:
        """A request, or an acceptance."""
        if not pdu.accepted:
            if self.asked is not None:  # a connection that the recording took for the one before
                self.name = hashlib.sha256(self.name.encode()).hexdigest()[:8]
                self.syntaxes = {}
            self.asked = pdu
            return
        self.syntaxes |= {one.id: one.transfer_syntaxes[0] for one in pdu.items.contexts
                          if one.result == 0 and one.transfer_syntaxes}  # fmt: skip

    def boxed(self, event: DimseReceived) -> bytes:
        """A message with what it takes to play it."""
        answer = bool(_number(event) & dicom_command.RESPONSE)
        return Boxed(
            association=self.name,
            context=event.context,
            command=event.command,
            syntax=self.syntaxes.get(event.context) or guessed(event.payload),
            body=event.payload,
            asked=None if answer else self.asked,
        ).encode()


def _number(event: DimseReceived) -> int:
    found = event.command.get(dicom_command.FIELD, 0)
    return found if isinstance(found, int) else 0


def guessed(body: bytes) -> str:
    """The syntax of a data set where nobody saw what was agreed; empty where there is none."""
    if len(body) < 8:
        return ""
    name = body[4:6]
    return "1.2.840.10008.1.2.1" if name.isalpha() and name.isupper() else "1.2.840.10008.1.2"


def read_dicom(talk: Conversation) -> tuple[Reading, Reading]:
    """What the client said, and what the server said."""
    cores = UpperLayerCore(server=True, patient=True), UpperLayerCore(patient=True)
    readings = Reading(), Reading()
    chunks = [
        (one.at_s, index, number, one.offset, one.data)
        for index, side in enumerate((talk.client, talk.server))
        for number, one in enumerate(side.chunks)
    ]
    about = f"{talk.client.source} {talk.server.source} {talk.began_s!r}".encode()
    agreed = _Agreed(hashlib.sha256(about).hexdigest()[:8])
    first = talk.client.chunks[0].data[:1] if talk.client.chunks else b""
    if first != bytes((PduType.ASSOCIATE_RQ,)):
        _amid(cores)
    for at_s, index, _, offset, data in sorted(chunks):
        cores[index].receive(data, at_s)
        for event in cores[index].events():
            if isinstance(event, PduReceived) and isinstance(event.pdu, Associate):
                agreed.learn(event.pdu)
            _told(readings[index], event, agreed, offset)
            if isinstance(event, PduReceived) and not isinstance(event.pdu, Data):
                cores[1 - index].send(SendPdu(pdu=event.pdu), at_s)
                cores[1 - index].data_to_send()
    for core, reading in zip(cores, readings, strict=True):
        core.receive_eof(0.0)
        for event in core.events():
            _told(reading, event, agreed, 0)
    return readings


def _amid(cores: tuple[UpperLayerCore, UpperLayerCore]) -> None:
    """The capture begins in an association: which contexts there are nobody can say."""
    for core in cores:
        core.state, core.accepted = State.OPEN, set(range(1, 256, 2))


def _told(reading: Reading, event: Event, agreed: _Agreed, offset: int) -> None:
    if isinstance(event, PduReceived):
        text = _pdu(event.pdu)
        if text:
            reading.messages.append(ReadMessage(records=[text, *_contexts(event.pdu)]))
    elif isinstance(event, DimseReceived):
        reading.messages.append(
            ReadMessage(records=[_dimse(event)], payload=agreed.boxed(event), offset=offset)
        )
    elif isinstance(event, Violation):
        reading.findings.append(
            CaptureFinding(
                against="standard",
                code=event.code,
                message=event.message,
                clause=event.clause,
                offset=event.offset,
            )
        )
        reading.keep(max(event.offset, 0), event.code, event.raw)


def _pdu(pdu: Pdu) -> str:
    match pdu:
        case Associate():
            name = "A-ASSOCIATE-AC" if pdu.accepted else "A-ASSOCIATE-RQ"
            called, calling = (
                text.decode("latin-1").strip(" \0") for text in (pdu.called, pdu.calling)
            )
            return f"{name} called={called} calling={calling} takes={pdu.items.user.max_length}"
        case Reject():
            return f"A-ASSOCIATE-RJ result={pdu.result} source={pdu.source} reason={pdu.reason}"
        case Release():
            return "A-RELEASE-RP" if pdu.answer else "A-RELEASE-RQ"
        case Abort():
            return f"A-ABORT source={pdu.source} reason={pdu.reason}"
    return ""


def _contexts(pdu: Pdu) -> list[str]:
    if not isinstance(pdu, Associate):
        return []
    return [
        f"context {one.id}"
        + (f" result={one.result}" if pdu.accepted else f" {one.abstract_syntax}")
        + "".join(f" {uid}" for uid in one.transfer_syntaxes)
        for one in pdu.items.contexts
    ]


def _dimse(event: DimseReceived) -> str:
    kind = _number(event)
    answer = bool(kind & dicom_command.RESPONSE)
    try:
        name = dicom_command.Service(kind & ~dicom_command.RESPONSE).name.replace("_", "-")
    except ValueError:
        name = f"{kind:04X}H"
    words = [f"{name}-{'RSP' if answer else 'RQ'}", f"context={event.context}"]
    for element, word in _NAMES.items():
        value = event.command.get(element)
        if value is not None:
            words.append(f"{word}={_shown(word, value)}")
    if event.payload:
        words.append(f"data={len(event.payload)}")
    return " ".join(words)


def _shown(word: str, value: dicom_command.Value) -> str:
    if isinstance(value, bytes):
        return value.hex(" ")
    return f"{value:04X}H" if word == "status" and isinstance(value, int) else str(value)
