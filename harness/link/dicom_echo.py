"""One C-ECHO over an association of its own, and in what it ended.

C-ECHO is answered by the application behind the association (PS3.7 §9.1.5), stores nothing and
changes nothing: it is what may be asked of anybody who listens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.link.address import Address
from harness.link.dicom_raw import WAIT_S, RawPeer
from harness.link.tap import Connection, Guard
from harness.wire import dicom_command as command
from harness.wire.dicom_events import DimseReceived, SendDimse
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate, Reject

CLASS_UID: Final = "1.2.826.0.1.3680043.10.511.9"
VERIFICATION, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"


class Came(StrEnum):
    """In what a C-ECHO ended."""

    ACCEPTED = "accepted"
    """An association, and an answer with a status; 0000H is success."""
    REJECTED = "rejected"
    """A-ASSOCIATE-RJ."""
    NO_CONTEXT = "no-context"
    """An association without a context for verification."""
    ABORTED = "aborted"
    SILENT = "silent"
    """Connected, and no answer in time."""
    CLOSED = "closed"
    """Connected, and the other side hung up without a word."""


_WORDS: Final = {"silent": Came.SILENT, "closed": Came.CLOSED}
"""What ``RawPeer`` says in place of an answer; all else ended the association."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed:
    """What came of one C-ECHO.

    Attributes:
        came: in a word.
        associated: an association came about, and the question was asked.
        status: of the answer; None where none came.
        triple: result, source and reason of a rejection (PS3.8 §9.3.4).
        result: of the context that was refused (PS3.8 §9.3.3.2); None where it was not answered.
        why: why no handshake of TLS came about.
        seconds: from before the connection until the last word.
    """

    came: Came
    associated: bool = False
    status: int | None = None
    triple: tuple[int, int, int] | None = None
    result: int | None = None
    why: str = ""
    seconds: float = 0.0

    @property
    def word(self) -> str:
        """As a report of one line has it: ``rejected 1,1,3``."""
        if self.triple is not None:
            return f"{self.came} {','.join(map(str, self.triple))}"
        return self.why or str(self.came)


def echo(
    address: Address,
    *,
    called: str,
    calling: str,
    connection: Connection,
    guard: Guard,
    wait_s: float = WAIT_S,
    asked: Callable[[], None] = lambda: None,
) -> Echoed:
    """Associate, ask once, release.

    Args:
        address: of the listener.
        called: AE title that is called.
        calling: AE title under which we call.
        connection: how the gate names it.
        guard: asked before the address is opened.
        wait_s: how long each answer is waited for.
        asked: called once the association stands, before the question.

    Raises:
        OSError: no connection came about.
        PermitError: the address is forbidden.
    """
    begun = time.monotonic()
    with RawPeer(address, connection=connection, guard=guard) as peer:
        found = peer.associate(_request(called, calling), wait_s)
        if isinstance(found, str):
            return _refused(peer, found, time.monotonic() - begun)
        results = [one.result for one in found.items.contexts if one.id == 1]
        if results != [0]:
            took = time.monotonic() - begun
            peer.release(wait_s)
            return Echoed(came=Came.NO_CONTEXT, result=results[0] if results else None,
                          seconds=took)  # fmt: skip
        asked()
        peer.say(SendDimse(context=1, command=_question()))
        reply = peer.message(wait_s)
        took = time.monotonic() - begun
        if isinstance(reply, str):
            return Echoed(came=_WORDS.get(reply, Came.ABORTED), associated=True, seconds=took)
        peer.release(wait_s)
    return Echoed(came=Came.ACCEPTED, associated=True, status=_status(reply), seconds=took)


def _request(called: str, calling: str) -> Associate:
    context = Context(id=1, abstract_syntax=VERIFICATION, transfer_syntaxes=[IMPLICIT])
    user = UserInformation(class_uid=CLASS_UID, version="MEDHARNESS")
    return Associate(called=called.encode("ascii"), calling=calling.encode("ascii"),
                     items=Items(contexts=[context], user=user))  # fmt: skip


def _refused(peer: RawPeer, word: str, seconds: float) -> Echoed:
    """No association came about."""
    if isinstance(peer.refusal, Reject):
        refusal = peer.refusal
        return Echoed(came=Came.REJECTED, seconds=seconds,
                      triple=(refusal.result, refusal.source, refusal.reason))  # fmt: skip
    return Echoed(came=_WORDS.get(word, Came.ABORTED), why=peer.untrusted, seconds=seconds)


def _question() -> command.Command:
    """C-ECHO-RQ (PS3.7 §9.3.5.1)."""
    return {
        command.AFFECTED_CLASS: VERIFICATION,
        command.FIELD: command.Service.C_ECHO,
        command.MESSAGE_ID: 1,
        command.DATA_SET_TYPE: command.NO_DATA_SET,
    }


def _status(reply: DimseReceived) -> int | None:
    status = reply.command.get(command.STATUS)
    return status if isinstance(status, int) else None
