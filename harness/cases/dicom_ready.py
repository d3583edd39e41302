"""Messages of a DICOM case made ready for a replay: slots, syntaxes, associations, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.cases import dicom_about
from harness.cases.dicom_about import opened
from harness.cases.kept import Line
from harness.cases.slots import Slots
from harness.errors import HarnessError
from harness.link.dicom import VERIFICATION, Answer
from harness.link.dicom_data import EXPLICIT, IMPLICIT, read, written
from harness.link.dicom_pixels import NATIVE
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed
from harness.wire.dicom_items import APPLICATION_CONTEXT, Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate

CALLING: Final = b"MEDHARNESS"
NO_SUCH: Final = 0x0110
"""Processing failure (PS3.7 annex C.5): what a request gets that the recording does not have."""


def filled(payload: bytes, slots: Slots) -> bytes:
    """A message of the recording with the values of this replay, element by element."""
    message = opened(payload)
    for node, _, _ in message.tree.walk():
        if isinstance(node.body, bytes) and node.body and node.vr not in dicom_about.BULK:
            made = slots.filled(node.body)
            odd = len(made) % 2 and len(node.body) % 2 == 0
            node.body = made + (b"\0" if node.vr == "UI" else b" ") if odd else made
    command = {number: slots.text(value) if isinstance(value, str) else value
               for number, value in message.box.command.items()}  # fmt: skip
    if command != message.box.command:
        command.pop(dicom_command.GROUP_LENGTH, None)
    message.box = replace(message.box, command=command)
    return message.encode()


def transcoded(body: bytes, syntax: str, wanted: str) -> bytes | None:
    """A data set in another plain syntax; None where that is not to be had."""
    if syntax == wanted or not body:
        return body
    if not {syntax, wanted} <= NATIVE:
        return None
    try:
        return written(read(body, syntax), wanted)
    except HarnessError:
        return None


def reply(line: Line, slots: Slots, syntax: str) -> Answer:
    """A recorded answer, in the syntax that was agreed now."""
    box = opened(filled(line.payload, slots)).box
    body = transcoded(box.body, box.syntax, syntax)
    status = box.command.get(dicom_command.STATUS, NO_SUCH)
    remaining, completed, failed, warning = (
        one if isinstance(one := box.command.get(number), int) else None
        for number in (dicom_command.REMAINING, dicom_command.COMPLETED,
                       dicom_command.FAILED, dicom_command.WARNING)
    )  # fmt: skip
    return Answer(
        status=status if isinstance(status, int) else NO_SUCH, payload=body or b"",
        comment=box.text(dicom_command.COMMENT), syntax=syntax,
        counts=(remaining, completed, failed, warning),
    )  # fmt: skip


def asked(box: Boxed) -> Associate:
    """The request for the association of a message; the least one where nobody saw it."""
    if box.asked is not None:
        return box.asked
    syntaxes = [box.syntax] if box.syntax else [EXPLICIT, IMPLICIT]
    context = Context(id=box.context or 1, abstract_syntax=box.sop_class,
                      transfer_syntaxes=syntaxes)  # fmt: skip
    items = Items(application_context=APPLICATION_CONTEXT, contexts=[context],
                  user=UserInformation(class_uid="2.25.207811423"))  # fmt: skip
    return Associate(called=b"ANY-SCP", calling=CALLING, items=items)


def context_of(syntaxes: Mapping[int, str], classes: Mapping[int, str], box: Boxed) -> int:
    """The recorded context, or another of its class that can hold the data set; 0 for none.

    Args:
        syntaxes: agreed, by context.
        classes: that were asked for, by context.
        box: what is to be sent.
    """
    wanted = classes.get(box.context, box.sop_class)
    fitting = [one for one in syntaxes if classes.get(one) == wanted]
    exact = [one for one in fitting if syntaxes[one] == box.syntax or not box.body]
    plain = [one for one in fitting if {syntaxes[one], box.syntax} <= NATIVE]
    if box.context in exact:
        return box.context
    return next(iter([*exact, *plain]), 0)


def offered(boxes: Sequence[Boxed]) -> tuple[set[str], dict[str, list[str]]]:
    """Titles that requests of the system called, and every class and syntax that they asked for."""
    contexts: dict[str, list[str]] = {VERIFICATION: [EXPLICIT, IMPLICIT]}
    titles: set[str] = set()
    for box in boxes:
        request = asked(box)
        titles.add(request.called.decode("latin-1").strip(" \0"))
        for one in request.items.contexts:
            known = contexts.setdefault(one.abstract_syntax, [])
            known += [each for each in one.transfer_syntaxes if each not in known]
    return titles, contexts


def said_back(box: Boxed, status: int) -> dict[int, dicom_command.Value]:
    """The command set that answers a request of the system."""
    command: dict[int, dicom_command.Value] = {
        dicom_command.FIELD: box.number | dicom_command.RESPONSE,
        dicom_command.RESPONDED_TO: box.command.get(dicom_command.MESSAGE_ID, 0),
        dicom_command.DATA_SET_TYPE: dicom_command.NO_DATA_SET,
        dicom_command.STATUS: status,
        dicom_command.AFFECTED_CLASS: box.sop_class,
    }
    if box.instance:
        command[dicom_command.AFFECTED_INSTANCE] = box.instance
    return command


def good(kind: str) -> bool:
    """Whether an answer is a success, a warning or one of several (PS3.7 annex C)."""
    status = kind.partition("^")[2]
    return status in {"0000", "0001", "0107", "0116"} or status[:1] == "B" or status[:2] == "FF"
