"""The client side of HTTP/1.1 as a pure machine, over h11 (RFC 9112).

One request at a time. Whatever is not a whole, well-formed response comes out as ``HttpBroken``:
for a settlement that means *unknown*, never *failed*.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import h11

from harness.errors import LocalProtocolError
from harness.wire.core import Event, Mutator, Unit, unchanged
from harness.wire.http1 import BODY_BYTES_MAX, HEADER_BYTES_MAX
from harness.wire.http1_events import Headers, HttpBroken, HttpExhausted, HttpRequest, HttpResponse


@dataclass(slots=True)
class HttpClientCore:
    """One client connection: ``HttpRequest`` goes in, ``HttpResponse`` or ``HttpBroken`` comes out.

    Args:
        body_bytes_max: longest body that is taken.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    protocol: str = "http"
    mutator: Mutator = unchanged
    _h11: h11.Connection = field(
        default_factory=lambda: h11.Connection(
            h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX
        )
    )
    _events: list[Event] = field(default_factory=list)
    _out: list[bytes] = field(default_factory=list)
    _head: h11.Response | None = None
    _body: bytearray = field(default_factory=bytearray)
    _asked: bool = False
    _heard: bool = False

    def send(self, event: Event, now: float) -> None:
        """Queue a request; ``LocalProtocolError`` while one is open or the connection is over."""
        if not isinstance(event, HttpRequest):
            raise LocalProtocolError(f"an HTTP client cannot send {type(event).__name__}")
        if self._asked or self._h11.our_state is not h11.IDLE:
            raise LocalProtocolError("a request is open, or the connection is over")
        length = ("Content-Length", str(len(event.payload)))
        head = h11.Request(
            method=event.method.encode("latin-1"),
            target=event.target.encode("latin-1"),
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in (*event.headers, length)
            ],
        )
        parts = [self._h11.send(head)]
        if event.payload:
            parts.append(self._h11.send(h11.Data(data=event.payload)))
        parts.append(self._h11.send(h11.EndOfMessage()))
        raw = b"".join(part for part in parts if part)
        self._out += self.mutator(Unit(kind="message", data=raw, payload=event.payload))
        self._asked = True

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the server; never raises."""
        if not data or self._h11.their_state is h11.ERROR:
            return
        self._heard = self._heard or self._asked
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._h11.receive_data(data)
            while True:
                event = self._h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if not self._take(event):
                    return
        except h11.RemoteProtocolError as error:
            self._break(str(error))

    def _take(self, event: object) -> bool:
        match event:
            case h11.Response():
                self._head = event
            case h11.Data(data=piece):
                if len(self._body) + len(piece) > self.body_bytes_max:
                    self._break(f"the body is longer than {self.body_bytes_max} bytes")
                    return False
                self._body += piece
            case h11.EndOfMessage() if self._head is not None:
                self._deliver(self._head)
            case h11.ConnectionClosed():
                return False
        return True

    def _deliver(self, head: h11.Response) -> None:
        headers: Headers = tuple(
            (key.decode("latin-1"), value.decode("latin-1"))
            for key, value in head.headers.raw_items()
        )
        response = HttpResponse(status=head.status_code, headers=headers, payload=bytes(self._body))
        self._events.append(response)
        self._head, self._asked, self._heard = None, False, False
        self._body.clear()
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self._events.append(HttpExhausted())

    def _break(self, message: str) -> None:
        """At most one a request."""
        if not self._asked:
            return
        stage = "before-answer"
        if self._head is not None:
            stage = "inside-body"
        elif self._heard:
            stage = "inside-head"
        self._asked, self._head = False, None
        self._body.clear()
        self._events.append(HttpBroken(stage=stage, message=message))

    def receive_eof(self, now: float) -> None:
        """The server closed: the end of a body without length, or of everything else."""
        if self._h11.their_state is not h11.ERROR:
            self._feed(b"")
        self._break("the server closed the connection")

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        out, self._out = self._out, []
        return b"".join(out)

    def next_deadline(self) -> float | None:
        """Patience is the caller's."""
        return None

    def on_deadline(self, now: float) -> None:
        """Patience is the caller's."""

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events
