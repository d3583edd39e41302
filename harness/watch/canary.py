"""Probes of nobody over DICOM and HTTP: C-ECHO, and a call of the site's own writing.

C-ECHO is answered by the application behind the association (PS3.7 §9.1.5): a system whose
associations still come about while nothing behind them answers is out of service, and shows it
here. HTTP has no call that means nothing everywhere; a site names one that does not at its centre,
such as a sign-in (9001) of an operator of its own, as a file: request line, headers, body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom_raw import RawPeer
from harness.link.tap import Connection, Guard
from harness.wire import dicom_command as command
from harness.wire.dicom_events import DimseReceived, SendDimse
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate
from harness.wire.http1_events import HttpRequest

CALLING: Final = b"MEDHARNESS"
CLASS_UID: Final = "1.2.826.0.1.3680043.10.511.9"
VERIFICATION, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"

_REQUEST: Final = re.compile(r"(GET|HEAD|POST|PUT) (/\S*)(?: HTTP/1\.1)?")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "host"})
"""Headers that we write ourselves."""


class RefusedError(Exception):
    """No association came about; the text says what came in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """One C-ECHO.

    Attributes:
        address: of the listener.
        ae_title: that is called.
        connection: how the gate and the accounts name it.
        guard: asked before the address is opened.
        wait_s: how long each answer is waited for.
    """

    address: Address
    ae_title: str
    connection: Connection
    guard: Guard
    wait_s: float

    def ask(self, asked: Callable[[], None]) -> int | None:
        """The status of the answer; None where none came.

        Args:
            asked: called once the association stands, before the question.

        Raises:
            RefusedError: no association, or not for verification.
            OSError: no connection came about.
        """
        request = Associate(
            called=self.ae_title.encode("ascii"), calling=CALLING,
            items=Items(
                contexts=[Context(id=1, abstract_syntax=VERIFICATION,
                                  transfer_syntaxes=[IMPLICIT])],
                user=UserInformation(class_uid=CLASS_UID, version="MEDHARNESS"),
            ),
        )  # fmt: skip
        with RawPeer(self.address, connection=self.connection, guard=self.guard) as peer:
            answer = peer.associate(request, self.wait_s)
            if isinstance(answer, str):
                raise RefusedError(tr("it takes no association: {word}", word=answer))
            if [one.result for one in answer.items.contexts] != [0]:
                peer.release()
                raise RefusedError(tr("it takes no association: {word}", word="C-ECHO"))
            asked()
            peer.say(SendDimse(context=1, command=_echo()))
            reply = peer.message(self.wait_s)
            if not isinstance(reply, DimseReceived):
                return None
            peer.release()
            status = reply.command.get(command.STATUS)
            return status if isinstance(status, int) else None


def _echo() -> command.Command:
    """C-ECHO-RQ (PS3.7 §9.3.5.1)."""
    return {
        command.AFFECTED_CLASS: VERIFICATION,
        command.FIELD: command.Service.C_ECHO,
        command.MESSAGE_ID: 1,
        command.DATA_SET_TYPE: command.NO_DATA_SET,
    }


def call(text: str, host: str) -> HttpRequest:
    """The request that a file writes: request line, headers, an empty line, the body.

    Raises:
        InputError: it has no request line, or a header without a colon.
    """
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *rest = head.strip().split("\n")
    line = _REQUEST.fullmatch(first.strip())
    if line is None:
        raise InputError(
            tr("the file of a call begins with its request line: {line}", line=first[:80]),
            remedy="POST /path HTTP/1.1",
        )
    headers = [("Host", host)]
    for row in rest:
        name, colon, value = row.partition(":")
        if not colon:
            raise InputError(tr("this is no header: {line}", line=row[:80]))
        if name.strip().lower() not in _FRAMING:
            headers.append((name.strip(), value.strip()))
    return HttpRequest(
        method=line[1], target=line[2], headers=tuple(headers),
        payload=body.strip().encode("utf-8"),
    )  # fmt: skip
