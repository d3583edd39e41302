"""What keeps a listener alive among bad peers: bounds of length, of number, and of time.

The library gathers a PDU of any length, counts a connection that says nothing as an association,
and lets a thread of its own die over a proposal that PS3.8 does not know; the place of such a peer
stays taken for half a minute, and it gets no answer. Here each gets the one that PS3.8 has for it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Collection
from typing import Any, Final
from weakref import WeakSet

from pynetdicom.pdu import A_ABORT_RQ

from harness.link.dicom_take import OBJECT_BYTES_MAX, Taken
from harness.wire.dicom_pdu import PduType

PDU_SLACK_BYTES: Final = 1024 * 1024
"""Taken above the longest P-DATA-TF that we announced: many senders ignore the maximum length
(PS3.8 §D.1) and cut at one of their own, a few hundred KiB at most; an association must not hold
much more than that for a PDU that never becomes whole."""

ASSOCIATE_BYTES_MAX: Final = 512 * 1024
"""Of every other PDU: 128 contexts with all transfer syntaxes are a third of it, and the library
takes seconds to read a MiB of small items."""

SILENT_MAX: Final = 64
"""Connections at a time that have not asked for an association; each costs two threads."""

REQUEST_S: Final = 30.0
"""Within this a connection has said its whole request (the ARTIM timer of PS3.8 §9.1.4)."""

UNRECOGNISED: Final = 1
UNEXPECTED_VALUE: Final = 6
"""Reasons of an A-ABORT of the provider: unrecognised PDU, invalid value (PS3.8 table 9-26)."""

APPLICATION_REFUSED: Final = (1, 1, 2)
LIMIT_REFUSED: Final = (2, 3, 2)
"""Rejections: the name of the application context, and too many at a time (PS3.8 table 9-21)."""

AHEAD_MAX: Final = 256
"""Messages of one association that wait to be served: nobody who negotiated one operation at a
time (PS3.7 §D.3.3.3) has more than one."""

_UNREAD_BYTES: Final = OBJECT_BYTES_MAX // 4
"""What a message counts that the library has put together: it does not say its size."""

_PROVIDER: Final = 2
_FEW: Final = 2
_KINDS: Final = frozenset(PduType)


def longest(announced: int) -> int:
    """Bytes of the longest P-DATA-TF that is gathered.

    Args:
        announced: the maximum length that we told the peer; 0 for none (PS3.8 §D.1.1), where a
            PDU may be as long as a message.
    """
    return announced + PDU_SLACK_BYTES if announced else OBJECT_BYTES_MAX


def fault_of(kind: int, length: int, most: int) -> int:
    """Why a PDU is not gathered, as a reason of A-ABORT (PS3.8 table 9-26); 0 where it may be.

    Args:
        kind: its first byte.
        length: what it says to follow, in bytes.
        most: of a P-DATA-TF.
    """
    if kind not in _KINDS:
        return UNRECOGNISED
    return (
        UNEXPECTED_VALUE if length > (most if kind == PduType.DATA else ASSOCIATE_BYTES_MAX) else 0
    )


def plenty(waiting: Collection[Any]) -> bool:
    """Whether so much waits to be served that no more is to be read.

    Args:
        waiting: the library's queue: contexts and messages.
    """
    if len(waiting) < _FEW:
        return False
    messages = [message for _, message in list(waiting)]  # at once: another thread takes from it
    size = sum(len(one.payload) if isinstance(one, Taken) else _UNREAD_BYTES for one in messages)
    return len(messages) > AHEAD_MAX or size > OBJECT_BYTES_MAX


def sound(ids: list[int]) -> bool:
    """Whether the numbers of the contexts are odd, and no two are the same (PS3.8 §7.1.1.13)."""
    return all(one % 2 for one in ids) and len(set(ids)) == len(ids)


def worded(assoc: Any, wire: Any) -> None:
    """Let an A-ABORT over a PDU that was refused say why (PS3.8 §9.3.8).

    Args:
        assoc: the library's.
        wire: its socket; ``why`` is the reason, 0 where nothing was refused.
    """
    send = assoc.dul._send  # noqa: SLF001 - where its machine writes a PDU

    def said(pdu: Any) -> None:
        if wire.why and isinstance(pdu, A_ABORT_RQ):
            pdu.source, pdu.reason_diagnostic = _PROVIDER, wire.why
        send(pdu)

    assoc.dul._send = said  # noqa: SLF001 - as above


def guard(assoc: Any, wire: Any) -> None:
    """Let no proposal and no PDU end a thread of an acceptor without an answer (PS3.8 §9.2).

    Args:
        assoc: the library's, before its threads run.
        wire: its socket.
    """
    dul = assoc.dul
    dul.state_machine.do_action = _vetted(dul, wire, dul.state_machine.do_action)
    reads, serves = dul.run, assoc.run
    dul.run = lambda: _reads(assoc, reads)
    assoc.run = lambda: _serves(assoc, serves)


def _vetted(dul: Any, wire: Any, act: Callable[[str], None]) -> Callable[[str], None]:
    """The actions of the machine; a request that is not sound is an invalid PDU (Evt19)."""

    def action(event: str) -> None:
        if event == "Evt6" and dul.state_machine.current_state == "Sta2":
            pending = dul._recv_pdu  # noqa: SLF001 - the request that the action is to take
            contexts = pending.queue[0].presentation_context
            try:
                if sound([one.context_id for one in contexts]):
                    act(event)
                    return
                pending.get(block=False)
            except Exception:  # noqa: BLE001 - the library checks values in its setters
                dul._kill_thread = False  # noqa: SLF001 - it gave up; the peer is to be told
            wire.why, event = UNEXPECTED_VALUE, "Evt19"
        act(event)

    return action


def _reads(assoc: Any, run: Callable[[], None]) -> None:
    """The thread that reads; whoever waits for a request is told that none comes any more."""
    try:
        run()
    except Exception:  # noqa: BLE001 - what the peer did has no way in the library's machine
        abort = A_ABORT_RQ()
        abort.source, abort.reason_diagnostic = _PROVIDER, 0
        assoc.dul.socket.send(abort.encode())
        assoc.dimse.msg_queue.put((None, None))
    finally:
        assoc.dul.to_user_queue.put(None)


def _serves(assoc: Any, run: Callable[[], None]) -> None:
    """The thread that negotiates and serves; it leaves no connection behind."""
    try:
        run()
    except Exception:  # of the library over a proposal, or ours: either way it must end
        served = assoc.is_established
        assoc.acse.send_ap_abort(0 if served else UNEXPECTED_VALUE)
        assoc.kill()
        if served:  # a fault of ours
            raise


class Places:
    """Associations that are requested or established; the others of a listener do not count.

    Args:
        most: at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken: WeakSet[Any] = WeakSet()

    def take(self, assoc: Any) -> tuple[int, bool]:
        """How many there are with this one, and whether it has got a place."""
        with self._lock:
            others = sum(
                one.is_alive() and not one._kill  # noqa: SLF001 - its thread ends a moment later
                for one in self._taken
            )
            free = others < self._most
            if free:
                self._taken.add(assoc)
        return others + 1, free


class Silent:
    """Connections that have not said a whole A-ASSOCIATE-RQ; too many, and the oldest goes.

    Who means it says it at once, so that a new one is the more likely to be served.

    Args:
        most: at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._ones: dict[socket.socket, None] = {}

    def __len__(self) -> int:
        with self._lock:
            return sum(one.fileno() >= 0 for one in self._ones)

    def came(self, wire: socket.socket) -> None:
        """A connection is open; one whose handshake begins comes again, as a new object."""
        with self._lock:
            open_ones = [one for one in self._ones if one.fileno() >= 0]
            over = max(0, len(open_ones) + 1 - self._most)
            self._ones = dict.fromkeys([*open_ones[over:], wire])
        for one in open_ones[:over]:
            # Not that of an SSL socket, which would forget its session under whoever reads it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def asked(self, wire: socket.socket | None) -> None:
        """It has asked for an association, and is silent no more."""
        with self._lock:
            if wire is not None:
                self._ones.pop(wire, None)
