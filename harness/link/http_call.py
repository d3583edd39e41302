"""One HTTP request over a connection of its own, watched byte for byte, with a limit on every wait.

For looks and stores over DICOMweb: whoever asks here has nothing else to do meanwhile. A request
may be broken off on purpose, as a cable does it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import Final

from harness.errors import HarnessError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dial import dial
from harness.link.dicom import require_open
from harness.link.tap import Connection, Guard, Watcher
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpRequest, HttpResponse

WAIT_S: Final = 15.0
"""From the first byte out to the last byte in: a series takes a fraction of it on one machine."""

BODY_BYTES_MAX: Final = 512 * 1024 * 1024
_CHUNK: Final = 262_144


class UnansweredError(HarnessError):
    """No whole answer came: the outcome of the request is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Opens connections to one server.

    Args:
        address: of the server; the site's policy is asked before it is opened.
        watcher: is shown every byte.
        guard: asked before the address is opened.
        wait_s: for the whole of one request and its answer.
    """

    address: Address
    watcher: Watcher | None = None
    guard: Guard | None = None
    wait_s: float = WAIT_S

    def call(
        self, connection: Connection, request: HttpRequest, share: float = 1.0
    ) -> HttpResponse:
        """Connect, ask, read the whole answer, close.

        Args:
            connection: how the journal names it.
            request: as it goes out; ``Host`` is added.
            share: of its bytes that go out before the connection is cut; 1 for all.

        Raises:
            UnansweredError: nobody there, no answer in time, or not a whole one; also where the
                request was cut.
            PermitError: the address is forbidden.
        """
        require_open(self.guard, connection, self.address.host, self.address.port)
        core = HttpClientCore(body_bytes_max=BODY_BYTES_MAX)
        host = ("Host", str(self.address))
        core.send(HttpRequest(method=request.method, target=request.target,
                              headers=(host, *request.headers), payload=request.payload),
                  time.monotonic())  # fmt: skip
        data = core.data_to_send()
        try:
            sock = dial(self.address)
        except OSError as error:
            raise UnansweredError(tr("no connection: {reason}", reason=error)) from error
        self._told(connection, "opened")
        with contextlib.closing(sock):
            try:
                sock.settimeout(self.wait_s)
                whole = data[: max(1, int(len(data) * share))]
                sock.sendall(whole)
                self._saw(connection, whole, sent=True)
                if len(whole) < len(data):
                    raise UnansweredError(tr("the request was cut"))
                return self._answer(connection, core, sock)
            except OSError as error:
                raise UnansweredError(tr("no whole answer: {reason}", reason=error)) from error
            finally:
                self._told(connection, "closed")

    def _answer(
        self, connection: Connection, core: HttpClientCore, sock: socket.socket
    ) -> HttpResponse:
        until = time.monotonic() + self.wait_s
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise UnansweredError(tr("no whole answer in {limit:g} s", limit=self.wait_s))
            sock.settimeout(left)
            data = sock.recv(_CHUNK)
            if data:
                self._saw(connection, data, sent=False)
                core.receive(data, time.monotonic())
            else:
                core.receive_eof(time.monotonic())
            for event in core.events():
                if isinstance(event, HttpResponse):
                    return event
                if isinstance(event, HttpBroken):
                    raise UnansweredError(event.message)
            if not data:
                raise UnansweredError(tr("the server closed the connection"))

    def _told(self, connection: Connection, event: str) -> None:
        if self.watcher is not None:
            self.watcher.link(connection, event, "")

    def _saw(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        if self.watcher is not None:
            self.watcher.data(connection, data, sent=sent)
