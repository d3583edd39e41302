"""A journal that keeps long bytes as their digest: the stated policy of a load run with images.

What a load run sends by the gigabyte it can send again; that it sent just this is what the journal
must show. So bytes up to ``KEPT`` stand as they are, which takes every association, command,
answer and query; what is longer is hashed in the order of the wire, and one note tells direction,
size, pieces and SHA-256 before anything that came after it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link.tap import Connection, Watcher
from harness.wire.core import Event

KEPT: Final = 1024
"""Bytes of one read or write that are kept as they are."""

POLICY: Final = "digest"


@dataclass(slots=True)
class _Run:
    """Long bytes of one direction that follow each other."""

    sent: bool
    pieces: int = 0
    size: int = 0
    hashed: Any = field(default_factory=hashlib.sha256)


@dataclass(slots=True)
class Digests:
    """Tells another watcher everything but long bytes, and of those their digest.

    Args:
        inner: the journal.
        hashing: False where who makes or takes the objects has their SHA-256 and notes that: sizes
            alone are told.
    """

    inner: Watcher
    hashing: bool = True
    _runs: dict[tuple[str, int], _Run] = field(default_factory=dict)

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        self._tell(connection)
        self.inner.link(connection, event, reason)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire."""
        if len(data) > KEPT:
            self._long(connection, data, 1, sent=sent)
            return
        if (connection.id, threading.get_ident()) in self._runs:
            self._tell(connection)
        self.inner.data(connection, data, sent=sent)

    def together(
        self, connection: Connection, data: bytes, sizes: Sequence[int], *, sent: bool
    ) -> None:
        """As ``data`` for each part; long ones that follow each other are hashed in one go.

        Each hashing lets go of the interpreter, and a thread that asks for it back waits.
        """
        view, begin, end, long = memoryview(data), 0, 0, 0
        for size in sizes:
            if size > KEPT:
                long += 1
            else:
                if long:
                    self._long(connection, view[begin:end], long, sent=sent)
                self.data(connection, data[end : end + size], sent=sent)
                begin, long = end + size, 0
            end += size
        if long:
            self._long(connection, view[begin:end], long, sent=sent)

    def _long(
        self, connection: Connection, data: bytes | memoryview, pieces: int, *, sent: bool
    ) -> None:
        key = (connection.id, threading.get_ident())  # a listener has one name for all its peers
        run = self._runs.get(key)
        if run is None or run.sent is not sent:
            self._tell(connection)
            run = self._runs[key] = _Run(sent)
        if self.hashing:
            run.hashed.update(data)
        run.pieces += pieces
        run.size += len(data)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        self._tell(connection)
        self.inner.event(connection, protocol, event, sent=sent)

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        self.inner.note(role, text)

    def _tell(self, connection: Connection) -> None:
        run = self._runs.pop((connection.id, threading.get_ident()), None)
        if run is not None:
            way = "sent" if run.sent else "received"
            told = f"{connection.id} {way} {run.size} bytes in {run.pieces} pieces"
            more = f", sha256 {run.hashed.hexdigest()}" if self.hashing else ""
            self.inner.note(connection.local, f"{POLICY}: {told}{more}")
