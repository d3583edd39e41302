"""Requests and answers as messages of an association, and back.

Ours are written and read without the library's objects where the association has our pace
(``dicom_pace``); over TLS, and for what is odd about a message (``dicom_take``), they go through
them.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from pynetdicom.dimse_primitives import (
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_EVENT_REPORT,
    N_SET,
)

from harness.link.dicom import Answer, Request
from harness.link.dicom_pace import DATA_SET
from harness.link.dicom_take import Taken
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse

_PRIMITIVES: Final[dict[str, Any]] = {
    "C-ECHO": C_ECHO,
    "C-STORE": C_STORE,
    "C-FIND": C_FIND,
    "C-MOVE": C_MOVE,
    "C-GET": C_GET,
    "N-ACTION": N_ACTION,
    "N-CREATE": N_CREATE,
    "N-SET": N_SET,
    "N-EVENT-REPORT": N_EVENT_REPORT,
}
_PAYLOAD: Final = {
    "C-STORE": "DataSet",
    "C-FIND": "Identifier",
    "C-MOVE": "Identifier",
    "C-GET": "Identifier",
    "N-ACTION": "ActionInformation",
    "N-CREATE": "AttributeList",
    "N-SET": "ModificationList",
    "N-EVENT-REPORT": "EventInformation",
}
_ANSWER_PAYLOAD: Final = {**_PAYLOAD, "N-SET": "AttributeList", "N-ACTION": "ActionReply",
                          "N-EVENT-REPORT": "EventReply"}  # fmt: skip
_REQUESTED: Final = frozenset({"N-ACTION", "N-SET"})
"""Requests that name ``Requested`` class and instance (PS3.7 §10.1)."""

_RANKED: Final = frozenset({"C-STORE", "C-FIND", "C-MOVE", "C-GET"})
"""Requests that have a priority."""

_SERVICES: Final = {one.name.replace("_", "-"): int(one) for one in command.Service}
_SIDES: Final = ((command.AFFECTED_CLASS, command.REQUESTED_CLASS),
                 (command.AFFECTED_INSTANCE, command.REQUESTED_INSTANCE))  # fmt: skip
_COUNTS: Final = (command.REMAINING, command.COMPLETED, command.FAILED, command.WARNING)


def primitive_of(request: Request) -> Any:
    """The library's object of a request."""
    made = _PRIMITIVES[request.kind]()
    made.MessageID = request.message_id
    side = "Requested" if request.kind in _REQUESTED else "Affected"
    setattr(made, f"{side}SOPClassUID", request.sop_class)
    if request.sop_instance:
        setattr(made, f"{side}SOPInstanceUID", request.sop_instance)
    if request.kind in _RANKED:
        made.Priority = 0
    if request.kind == "C-MOVE":
        made.MoveDestination = request.destination
    if request.kind == "N-ACTION":
        made.ActionTypeID = request.number
    if request.kind == "N-EVENT-REPORT":
        made.EventTypeID = request.number
    if request.originator:
        made.MoveOriginatorApplicationEntityTitle = request.originator
        made.MoveOriginatorMessageID = 1
    if request.payload:
        setattr(made, _PAYLOAD[request.kind], BytesIO(request.payload))
    return made


def response_of(kind: str, to: Any, answer: Answer) -> Any:
    """The library's object of an answer to its object of a request."""
    made = _PRIMITIVES[kind]()
    made.MessageIDBeingRespondedTo = to.MessageID
    for name in ("SOPClassUID", "SOPInstanceUID"):
        for side in ("Affected", "Requested"):
            value = getattr(to, f"{side}{name}", None)
            if value is not None and hasattr(made, f"Affected{name}"):
                setattr(made, f"Affected{name}", value)
    made.Status = answer.status
    if answer.comment and hasattr(made, "ErrorComment"):
        made.ErrorComment = _comment(answer)
    names = ("Remaining", "Completed", "Failed", "Warning")
    for name, count in zip(names, answer.counts, strict=True):
        if count is not None:
            setattr(made, f"NumberOf{name}Suboperations", count)
    if answer.payload:
        setattr(made, _ANSWER_PAYLOAD[kind], BytesIO(answer.payload))
    return made


def command_of_request(request: Request) -> dict[int, command.Value]:
    """The command set of a request, as ``primitive_of`` leads to it."""
    asked = request.kind in _REQUESTED
    made: dict[int, command.Value] = {
        command.FIELD: _SERVICES[request.kind],
        command.MESSAGE_ID: request.message_id,
        command.REQUESTED_CLASS if asked else command.AFFECTED_CLASS: request.sop_class,
        command.DATA_SET_TYPE: DATA_SET if request.payload else command.NO_DATA_SET,
    }
    if request.sop_instance:
        instance = command.REQUESTED_INSTANCE if asked else command.AFFECTED_INSTANCE
        made[instance] = request.sop_instance
    if request.kind in _RANKED:
        made[command.PRIORITY] = 0
    if request.kind == "C-MOVE":
        made[command.DESTINATION] = request.destination
    if request.kind == "N-ACTION":
        made[command.ACTION_TYPE] = request.number
    if request.kind == "N-EVENT-REPORT":
        made[command.EVENT_TYPE] = request.number
    if request.originator:
        made |= {command.ORIGINATOR: request.originator, command.ORIGINATOR_ID: 1}
    return made


def command_of_answer(to: Taken, answer: Answer) -> dict[int, command.Value]:
    """The command set of an answer, as ``response_of`` leads to it (PS3.7 §9.3, §10.3)."""
    asked = to.elements
    made: dict[int, command.Value] = {
        command.FIELD: int(asked[command.FIELD]) | command.RESPONSE,
        command.RESPONDED_TO: asked[command.MESSAGE_ID],
        command.DATA_SET_TYPE: DATA_SET if answer.payload else command.NO_DATA_SET,
        command.STATUS: answer.status,
    }
    for affected, requested in _SIDES:
        value = asked.get(affected) or asked.get(requested)
        if value:
            made[affected] = value
    if answer.comment:
        made[command.COMMENT] = _comment(answer)
    counts = zip(_COUNTS, answer.counts, strict=True)
    return made | {number: count for number, count in counts if count is not None}


def _comment(answer: Answer) -> str:
    """A command set knows no character set (PS3.7 §6.3.1); the library would send nothing."""
    return answer.comment[:64].encode("ascii", "replace").decode("ascii")


def say_request(assoc: Any, request: Request, context: int) -> None:
    """Send a request over an association of the library."""
    put = getattr(assoc.dimse, "put", None)
    if put is None:
        assoc.dimse.send_msg(primitive_of(request), context)
        return
    put(SendDimse(context=context, command=command_of_request(request), payload=request.payload))


def say_answer(assoc: Any, to: Any, answer: Answer, context: int) -> None:
    """Send an answer to a request that came over an association of the library."""
    put = getattr(assoc.dimse, "put", None)
    if put is None or not isinstance(to, Taken):
        assoc.dimse.send_msg(response_of(kind_of(to), to, answer), context)
        return
    put(SendDimse(context=context, command=command_of_answer(to, answer), payload=answer.payload))


def kind_of(message: Any) -> str:
    """``C-STORE`` of the library's object."""
    if isinstance(message, Taken):
        return message.kind
    return type(message).__name__.replace("_", "-")


def is_request(message: Any) -> bool:
    """Whether it asks for something."""
    return message.MessageIDBeingRespondedTo is None


def request_of(message: Any, syntax: str) -> Request:
    """A request that came."""
    kind = kind_of(message)
    if isinstance(message, Taken):
        return _request_taken(message, kind, syntax)
    side = "Requested" if kind in _REQUESTED else "Affected"
    stream = getattr(message, _PAYLOAD.get(kind, ""), None)
    return Request(
        kind=kind,
        sop_class=str(getattr(message, f"{side}SOPClassUID", "") or ""),
        sop_instance=str(getattr(message, f"{side}SOPInstanceUID", "") or ""),
        message_id=message.MessageID,
        payload=stream.getvalue() if stream is not None else b"",
        syntax=syntax,
        destination=str(getattr(message, "MoveDestination", "") or "").strip(),
        number=getattr(message, "ActionTypeID", None) or getattr(message, "EventTypeID", None) or 1,
        originator=str(getattr(message, "MoveOriginatorApplicationEntityTitle", "") or "").strip(),
    )


def _request_taken(message: Taken, kind: str, syntax: str) -> Request:
    asked = kind in _REQUESTED
    number = message.elements.get(command.ACTION_TYPE) or message.elements.get(command.EVENT_TYPE)
    return Request(
        kind=kind,
        sop_class=message.text(command.REQUESTED_CLASS if asked else command.AFFECTED_CLASS),
        sop_instance=message.text(
            command.REQUESTED_INSTANCE if asked else command.AFFECTED_INSTANCE
        ),
        message_id=int(message.elements[command.MESSAGE_ID]),
        payload=message.payload,
        syntax=syntax,
        destination=message.text(command.DESTINATION).strip(),
        number=int(number or 1),
        originator=message.text(command.ORIGINATOR).strip(),
    )


def answer_of(message: Any, syntax: str, seconds: float) -> Answer:
    """An answer that came."""
    kind = kind_of(message)
    if isinstance(message, Taken):
        found = message.elements
        remaining, completed, failed, warning = (_count(found.get(one)) for one in _COUNTS)
        return Answer(
            status=int(found[command.STATUS]), payload=message.payload,
            comment=message.text(command.COMMENT), kind=kind, syntax=syntax, seconds=seconds,
            counts=(remaining, completed, failed, warning),
        )  # fmt: skip
    stream = getattr(message, _ANSWER_PAYLOAD.get(kind, ""), None)

    def count(name: str) -> int | None:
        value: int | None = getattr(message, f"NumberOf{name}Suboperations", None)
        return value

    return Answer(
        status=message.Status if message.Status is not None else -1,
        payload=stream.getvalue() if stream is not None else b"",
        comment=str(getattr(message, "ErrorComment", "") or ""),
        counts=(count("Remaining"), count("Completed"), count("Failed"), count("Warning")),
        kind=kind,
        syntax=syntax,
        seconds=seconds,
    )


def _count(value: command.Value | None) -> int | None:
    return value if isinstance(value, int) else None
