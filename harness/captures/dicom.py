"""Both sides of a DICOM association: its PDUs and messages, in words (PS3.8 §9.3, PS3.7 annex E).

Each side is read by a core that only looks; what one side sent puts the other side's core into the
state in which the answer is expected. Data sets are counted and not read.
"""

from __future__ import annotations

from typing import Final

from harness.captures.conversations import Conversation
from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.wire import dicom_command
from harness.wire.core import Event, Violation
from harness.wire.dicom_events import DimseReceived, PduReceived, SendPdu
from harness.wire.dicom_pdu import Abort, Associate, Data, Pdu, Reject, Release
from harness.wire.dicom_upper import UpperLayerCore

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


def read_dicom(talk: Conversation) -> tuple[Reading, Reading]:
    """What the client said, and what the server said."""
    cores = UpperLayerCore(server=True, patient=True), UpperLayerCore(patient=True)
    readings = Reading(), Reading()
    chunks = [
        (one.at_s, index, number, one.data)
        for index, side in enumerate((talk.client, talk.server))
        for number, one in enumerate(side.chunks)
    ]
    for at_s, index, _, data in sorted(chunks):
        cores[index].receive(data, at_s)
        for event in cores[index].events():
            _told(readings[index], event)
            if isinstance(event, PduReceived) and not isinstance(event.pdu, Data):
                cores[1 - index].send(SendPdu(pdu=event.pdu), at_s)
                cores[1 - index].data_to_send()
    for core, reading in zip(cores, readings, strict=True):
        core.receive_eof(0.0)
        for event in core.events():
            _told(reading, event)
    return readings


def _told(reading: Reading, event: Event) -> None:
    if isinstance(event, PduReceived):
        text = _pdu(event.pdu)
        if text:
            reading.messages.append(ReadMessage(records=[text, *_contexts(event.pdu)]))
    elif isinstance(event, DimseReceived):
        reading.messages.append(ReadMessage(records=[_dimse(event)]))
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
    number = event.command.get(dicom_command.FIELD, 0)
    kind = number if isinstance(number, int) else 0
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
