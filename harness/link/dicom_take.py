"""Messages put together from the PDVs that come, without the library's data sets.

The library reads every command set with pydicom and copies each fragment three times; an answer
of two hundred bytes costs a quarter of a millisecond that way. Here the usual message is put
together once: an answer, or a request to us as the acceptor, whose command set is in order.
Whatever is odd about a message, and what the library treats in a way of its own (C-CANCEL, reports,
requests to a requestor), is given to the library with all that came of it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pynetdicom.pdu_primitives import P_DATA

from harness.wire import dicom_command as command

OBJECT_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of one message; a peer that never says which fragment is the last must not fill the memory."""

ATTRIBUTES: Final = (
    ("AffectedSOPClassUID", command.AFFECTED_CLASS),
    ("RequestedSOPClassUID", command.REQUESTED_CLASS),
    ("MessageID", command.MESSAGE_ID),
    ("MessageIDBeingRespondedTo", command.RESPONDED_TO),
    ("MoveDestination", command.DESTINATION),
    ("Priority", command.PRIORITY),
    ("Status", command.STATUS),
    ("ErrorComment", command.COMMENT),
    ("AffectedSOPInstanceUID", command.AFFECTED_INSTANCE),
    ("RequestedSOPInstanceUID", command.REQUESTED_INSTANCE),
    ("EventTypeID", command.EVENT_TYPE),
    ("ActionTypeID", command.ACTION_TYPE),
    ("NumberOfRemainingSuboperations", command.REMAINING),
    ("NumberOfCompletedSuboperations", command.COMPLETED),
    ("NumberOfFailedSuboperations", command.FAILED),
    ("NumberOfWarningSuboperations", command.WARNING),
    ("MoveOriginatorApplicationEntityTitle", command.ORIGINATOR),
    ("MoveOriginatorMessageID", command.ORIGINATOR_ID),
)
"""What our messages carry, and its element of group 0000 (PS3.7 §E.1)."""

_ELEMENTS: Final = dict(ATTRIBUTES)
_KNOWN: Final = frozenset(
    {*_ELEMENTS.values(), command.GROUP_LENGTH, command.FIELD, command.DATA_SET_TYPE}
)
_NAMES: Final = {int(one): one.name.replace("_", "-") for one in command.Service}
_OWN: Final = frozenset({command.Service.C_CANCEL, command.Service.N_EVENT_REPORT})
"""Requests that the library keeps apart, or serves in a thread of their own."""

_LAST: Final = 2
_COMMAND: Final = 1
"""Bits of the control header (PS3.8 §E.2)."""

_PRIORITIES: Final = frozenset({None, 0, 1, 2})
_USUAL: Final = {
    **dict.fromkeys(
        (command.AFFECTED_CLASS, command.REQUESTED_CLASS, command.AFFECTED_INSTANCE,
         command.REQUESTED_INSTANCE), re.compile(r"[0-9.]{1,64}")
    ),
    **dict.fromkeys((command.DESTINATION, command.ORIGINATOR), re.compile(r"[!-[\]-~ ]{1,16}")),
    command.COMMENT: re.compile(r"[ -~]{0,64}"),
}  # fmt: skip


class Taken:
    """One message as it came; its attributes have the names of the library's.

    Args:
        context: presentation context id.
        elements: of the command set.
        payload: the encoded data set; empty for none.
    """

    __slots__ = ("context", "elements", "kind", "payload")

    is_valid_request = False
    """For the library, where nobody waited for the answer: it is left alone then."""

    msg_type = "DIMSE"

    def __init__(self, context: int, elements: dict[int, command.Value], payload: bytes) -> None:
        self.context = context
        self.elements = elements
        self.payload = payload
        field = elements[command.FIELD]
        self.kind = _NAMES[int(field) & ~command.RESPONSE]

    def __getattr__(self, name: str) -> Any:
        if name not in _ELEMENTS:
            raise AttributeError(name)
        return self.elements.get(_ELEMENTS[name])

    def text(self, element: int) -> str:
        """One element as text; empty where it is absent."""
        return str(self.elements.get(element) or "")


class Taker:
    """Puts together the messages of one association.

    Args:
        assoc: the library's.
    """

    def __init__(self, assoc: Any) -> None:
        self._assoc = assoc
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[tuple[int, int, memoryview]] = []
        self._elements: dict[int, command.Value] | None = None
        self._size = self._context = self._commands = 0
        self._by_library = False

    def take(self, context: int, control: int, data: memoryview) -> bool:
        """One fragment; False where the message is longer than we take."""
        self._size += len(data)
        if self._size > OBJECT_BYTES_MAX:
            self._begin()
            self._assoc.dimse.message = None
            return False
        if self._by_library:
            self._hand(context, control, data)
            return True
        self._pieces.append((context, control, data))
        if bool(control & _COMMAND) is not (self._elements is None):
            self._give_up()
        elif control & _LAST:
            self._commanded(context) if self._elements is None else self._done()
        return True

    def _commanded(self, context: int) -> None:
        """The command set is whole."""
        raw = b"".join(piece for _, _, piece in self._pieces)
        try:
            elements = command.decode(raw)
        except command.CommandError:
            elements = {}
        if not usual(elements, acceptor=self._assoc.is_acceptor):
            self._give_up()
            return
        self._elements, self._context = elements, context
        self._commands = len(self._pieces)
        if elements.get(command.DATA_SET_TYPE) == command.NO_DATA_SET:
            self._done()

    def _done(self) -> None:
        payload = b"".join(piece for _, _, piece in self._pieces[self._commands :])
        message = Taken(self._context, self._elements or {}, payload)
        self._begin()
        self._assoc.dimse.msg_queue.put((message.context, message))

    def _give_up(self) -> None:
        """Let the library have it from its first fragment."""
        pieces, self._pieces = self._pieces, []
        self._by_library = True
        for context, control, data in pieces:
            self._hand(context, control, data)

    def _hand(self, context: int, control: int, data: memoryview) -> None:
        primitive = P_DATA()
        values: Any = [[context, bytes((control,)) + data]]  # of lists of two: as it is taken
        primitive.presentation_data_value_list = values
        self._assoc.dimse.receive_primitive(primitive)
        if self._assoc.dimse.message is None:  # it was the last of its message
            self._begin()


def usual(elements: dict[int, command.Value], *, acceptor: bool) -> bool:
    """Whether a message with this command set needs nothing of the library."""
    field = elements.get(command.FIELD)
    if not isinstance(field, int) or not elements.keys() <= _KNOWN:
        return False
    service = field & ~command.RESPONSE
    if field & command.RESPONSE:
        needed = {command.RESPONDED_TO, command.STATUS}
    elif acceptor and service not in _OWN and command.RESPONDED_TO not in elements:
        needed = {command.MESSAGE_ID}
    else:
        return False
    return (
        service in _NAMES
        and elements.keys() >= needed | {command.DATA_SET_TYPE}
        and elements.get(command.PRIORITY) in _PRIORITIES
        and all(form.fullmatch(str(elements[one]))
                for one, form in _USUAL.items() if one in elements)
    )  # fmt: skip
