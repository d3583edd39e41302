"""The socket of an association: who reads it when, and how a message is written to it.

The library's thread reads what comes. Who has asked something and waits for the answer reads it
himself: he alone would be woken for it anyway, and handing a message of two hundred bytes from one
thread to another costs more than reading it. The library's thread stands aside meanwhile, and for
a moment after: the next question mostly follows at once. Whatever is no part of a message (an
abort, a release, the end of the connection, what is broken) is left to it as it came.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from pynetdicom.transport import AssociationSocket

from harness.link.dicom_guard import fault_of, plenty
from harness.link.dicom_take import Taker
from harness.link.dicom_wire import Bell, filled, put
from harness.wire.dicom_events import SendDimse, grouped
from harness.wire.dicom_pdu import HEAD, PDV_OVERHEAD_BYTES, PduType

POLL_S: Final = 0.001
"""How often it is looked where nothing can be waited for: a socket that is gone, an end."""

WAKE_S: Final = 0.05
"""Both threads look for their timers at least as often; so long the library's stands aside."""

READ_MAX: Final = 256 * 1024
"""Bytes of one read; what a peer says to be coming is not reserved before it is there."""

HEAR_BYTES: Final = 64 * 1024
"""Of one read by who waits for an answer: mostly all that is there."""

DROPPED_MAX: Final = 1024 * 1024
"""Forgotten of what a peer says behind a PDU that was refused, before it is cut off: closing over
bytes that nobody read may take the A-ABORT from it."""

GROUP: Final = 64
"""PDUs of one write: one call for a slice at 16 KiB, and no second copy of a long recording."""

CLOSING: Final = "Sta13"
_OPEN: Final = "Sta6"
"""States of PS3.8 table 9-5; in Sta13 the connection is closed once all is read."""

_PDV_LEAST: Final = 2
"""Context and control header (PS3.8 §9.3.5.1, annex E.2)."""


class Socket(AssociationSocket):
    """The library's socket, which waits for bytes; one thread at a time reads, and one writes."""

    writing: threading.Lock
    reading: threading.Lock
    reader: int
    """Who waits for an answer and reads it: number of a thread; 0 for nobody."""
    asked: float
    """When somebody last did, by the monotonic clock."""
    kept_times: int
    """How often somebody has."""
    looked_at: int
    """``kept_times`` when the library's thread last looked for bytes."""
    head: bytes
    """What came and is not read yet."""
    told: Callable[[bytes], None] | None
    seen: Callable[[bytes], None] | None
    """Are shown what leaves and what comes, PDU by PDU."""
    told_group: Callable[[bytes, list[int]], None] | None
    """Is shown instead what leaves together, and the size of each PDU in it."""
    taker: Taker
    bell: Bell
    most: int
    """Bytes of the longest P-DATA-TF that is gathered."""
    why: int
    """Reason of the A-ABORT over a PDU that was refused (PS3.8 table 9-26); 0 for none."""
    dropped: int
    """Bytes that were forgotten since."""

    # ---- the library's thread

    @property
    def ready(self) -> bool:
        """Whether there is something for the library to read; waits for it a little."""
        wire, self.looked_at = self.socket, self.kept_times
        if wire is None or not self._is_connected:
            time.sleep(POLL_S)  # there is no socket to wait on
            return False
        closing = self.assoc.dul.state_machine.current_state == CLOSING
        at_once = (closing and not self.why) or not self.event_queue.empty()
        wait = 0.0 if at_once else WAKE_S
        ear, aside = self.bell.ear, self._aside() or self._ahead()
        if not aside:
            if self.head:
                return True
            if isinstance(wire, ssl.SSLSocket) and wire.pending():
                return True
        try:
            found, _, _ = select.select([ear] if aside else [wire, ear], [], [], wait)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        if ear in found:
            self.asked = 0.0
            self.bell.heard()
        return wire in found

    @property
    def stale(self) -> bool:
        """Whether somebody has read since the library's thread looked: nothing may be left."""
        return self.kept_times != self.looked_at

    def _aside(self) -> bool:
        """Whether somebody else reads, or did just now and may go on."""
        return bool(self.reader) or time.monotonic() - self.asked < WAKE_S

    def _ahead(self) -> bool:
        """Whether the peer has asked so much that the rest may wait in the network."""
        return self.assoc.is_acceptor and plenty(self.assoc.dimse.msg_queue.queue)

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes, or fewer at the end of the connection."""
        came, self.head = bytearray(self.head[:nr_bytes]), self.head[nr_bytes:]
        wire = self.socket
        if wire is not None and not came and nr_bytes <= READ_MAX:
            return filled(wire, nr_bytes)
        while wire is not None and len(came) < nr_bytes:
            piece = wire.recv(min(nr_bytes - len(came), READ_MAX))
            if not piece:
                break
            came += piece
        return came

    def data(self) -> bool:
        """Take a PDU that carries data; False, and nothing is taken, where it is another PDU."""
        head = bytes(self.recv(HEAD.size))
        self.head = head + self.head
        if len(head) < HEAD.size or self.assoc.dul.state_machine.current_state != _OPEN:
            return False
        kind, length = HEAD.unpack(head)
        if kind != PduType.DATA or length > self.most:
            return False
        self.head = self.head[HEAD.size :]
        wire = self.socket
        if wire is None or length > READ_MAX or self.head:
            body = self.recv(length)
        else:  # the head of the next one comes with it, where it is there
            body = filled(wire, length, HEAD.size)
            self.head = bytes(body[length:])
            del body[length:]
        if len(body) < length:
            self.event_queue.put("Evt17")
            return True
        self._taken(head + body)
        return True

    def refused(self) -> bool:
        """Whether the PDU whose head came must not be gathered; its A-ABORT is asked for then.

        That follows the length alone, before anything of the PDU is read (PS3.8 §9.3.1, §9.3.8).
        """
        if len(self.head) >= HEAD.size:
            kind, length = HEAD.unpack_from(self.head)
            self.why = fault_of(kind, length, self.most)
        if self.why:
            self.event_queue.put("Evt19")
        return bool(self.why)

    def drop(self) -> None:
        """Forget what comes behind a PDU that was refused; enough of it ends the connection."""
        came, self.head = len(self.head), b""
        if not came and self.socket is not None:
            with contextlib.suppress(OSError):
                came = len(self.socket.recv(READ_MAX))
        self.dropped += came
        if not came or self.dropped > DROPPED_MAX:
            self.event_queue.put("Evt17")

    @property
    def more(self) -> bool:
        """Whether the next PDU is there already, and nothing else is to be done before it."""
        dul, wire = self.assoc.dul, self.socket
        if wire is None or not (self.event_queue.empty() and dul.to_provider_queue.empty()):
            return False
        if self.head or (isinstance(wire, ssl.SSLSocket) and wire.pending()):
            return True
        try:
            return bool(select.select([wire], [], [], 0)[0])
        except (OSError, ValueError):
            return False

    def _taken(self, whole: bytes) -> bool:
        """A PDU that carries data is there; False where it is broken."""
        if self.seen is not None:
            self.seen(whole)
        good = self._pieces(memoryview(whole), HEAD.size)
        if not good:
            self.event_queue.put("Evt19")
        return good

    def _pieces(self, view: memoryview, at: int) -> bool:
        """Take the fragments of one PDU, from the first; False where it is broken."""
        while at < len(view):
            if len(view) - at < PDV_OVERHEAD_BYTES:
                return False
            size = int.from_bytes(view[at : at + 4], "big")
            end = at + 4 + size
            if size < _PDV_LEAST or end > len(view):
                return False
            if not self.taker.take(view[at + 4], view[at + 5], view[at + 6 : end]):
                return False
            at = end
        return True

    # ---- who waits for an answer

    @contextlib.contextmanager
    def kept(self) -> Iterator[bool]:
        """Nobody else reads meanwhile; False where the library's thread is in the middle of it."""
        mine = not isinstance(self.socket, ssl.SSLSocket) and self.reading.acquire(timeout=WAKE_S)
        if mine:
            self.reader = threading.get_ident()
            self.kept_times += 1  # behind ``reader``: who looks after this stands aside
        try:
            yield mine
        finally:
            if mine:
                self.reader = 0
                self.reading.release()

    def hear(self, until: float | None) -> bool:
        """Read until a message is there; the caller keeps the socket.

        Args:
            until: by the monotonic clock; None for no limit.

        Returns:
            False where time is up. True also where what came, or what is to be done, is the
            library's: its thread is awake then.
        """
        waiting = self.assoc.dimse.msg_queue.queue
        while not waiting:
            left = WAKE_S if until is None else until - time.monotonic()
            if left <= 0:
                return False
            if not self._heard(min(left, WAKE_S)):
                self.asked = 0.0
                self.bell.set()
                return True
        self.asked = time.monotonic()
        return True

    def _heard(self, wait: float) -> bool:
        """Read what is there; False where it is not for us."""
        wire, dul = self.socket, self.assoc.dul
        mine = self._is_connected and dul.state_machine.current_state == _OPEN
        if wire is None or not mine or not dul.is_alive() or not self.event_queue.empty():
            return False
        if self.head and self.head[0] != PduType.DATA:
            return False  # an abort came behind the last answer; the library has not read it yet
        try:
            if not select.select([wire], [], [], wait)[0]:
                return True
            came = wire.recv(HEAR_BYTES)
        except (OSError, ValueError):
            return False
        data, at = self.head + came if self.head else came, 0
        try:
            while len(data) - at >= HEAD.size:
                kind, length = HEAD.unpack_from(data, at)
                end = at + HEAD.size + length
                if kind != PduType.DATA or length > READ_MAX:
                    return False
                if end > len(data):
                    break
                whole, at = data[at:end], end
                dul._idle_timer.restart()  # noqa: SLF001 - as its own loop does
                if not self._taken(whole):
                    return False
        except Exception:  # noqa: BLE001 - whatever the library meets is an abort in its own loop
            self.event_queue.put("Evt19")
            return False
        finally:
            self.head = data[at:]
        return bool(came)

    # ---- writing

    def send(self, bytestream: bytes) -> None:
        """What the library itself says."""
        with self.writing:
            super().send(bytestream)

    def write_raw(self, data: bytes) -> bool:
        """Bytes that are no whole message; False where they cannot be written."""
        wire = self.socket
        if wire is None or isinstance(wire, ssl.SSLSocket):
            return False
        with self.writing:
            if self.told is not None:
                self.told(data)
            try:
                wire.sendall(data)
            except OSError:
                return False
        return True

    def cut(self) -> None:
        """End the connection under whoever reads it or writes to it."""
        wire = self.socket
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _shutdown_socket(self) -> None:
        """The library leaves a socket open whose peer is gone already."""
        self.cut()
        if self.socket is not None:
            self.socket.close()

    def write(self, message: SendDimse, most: int) -> None:
        """The PDUs of one message; nothing that they lead to is told before them."""
        with self.writing:
            for whole, sizes in grouped(message, most, GROUP):
                wire = self.socket
                if wire is None:
                    return
                if not self._put(wire, whole, sizes):
                    self.event_queue.put("Evt17")
                    self.bell.set()
                    return

    def _put(self, wire: socket.socket, whole: bytes, sizes: list[int]) -> bool:
        """Write, and tell of it before: or just after, where nobody but us reads the answer.

        The peer works on what it has while the journal hashes it.
        """
        after = self.told_group if self.reader == threading.get_ident() else None
        try:
            if after is None:
                self._tell(whole, sizes)
            put(wire, whole)
        except OSError:
            return False
        finally:
            if after is not None:
                after(whole, sizes)
        return True

    def _tell(self, whole: bytes, sizes: list[int]) -> None:
        if self.told_group is not None:
            self.told_group(whole, sizes)
        elif self.told is not None:
            at = 0
            for size in sizes:
                self.told(whole[at : at + size])
                at += size
