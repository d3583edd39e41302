"""The server side of HTTP/1.1 as a pure machine, over h11 (RFC 9112).

h11 reads requests and writes well-formed responses. What is to be malformed is written here by
hand, and h11 is told that sending failed. Sizes and times are bounded: a request that is too long,
too slow or not HTTP comes out as a ``HttpRefusal`` that can still be answered. The plain request
that nearly every client sends is read and answered by ``http1_plain``; h11 costs a third of a
settlement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import h11

from harness import limits
from harness.errors import LocalProtocolError
from harness.wire.core import Event, Mutator, Unit, Violation, unchanged
from harness.wire.http1_events import (
    REASONS,
    Headers,
    HttpExhausted,
    HttpRefusal,
    HttpRequest,
    HttpResponse,
    Misbehaviour,
    header,
)
from harness.wire.http1_plain import plain_head, plain_request

HEADER_BYTES_MAX: Final = 64 * 1024
"""Request line and headers together: eight times what common servers take."""

BODY_BYTES_MAX: Final = 64 * limits.MIB
"""A body: a year's detail file of a large hospital, zipped, is a tenth of it."""

PIPELINED_BYTES_MAX: Final = limits.MIB
"""Bytes of further requests that may wait while one is answered."""

HEADERS_TIMEOUT_S: Final = 20.0
"""From the first byte of a request to the end of its headers; slow-header attacks live on this."""

BODY_TIMEOUT_S: Final = 300.0
"""From the end of the headers to the end of the body: 64 MiB over a line of 2 Mbit/s."""

IDLE_TIMEOUT_S: Final = 75.0
"""A connection on which nothing is asked; the default of a common proxy."""

RAW_BYTES_MAX: Final = 256
"""Offending bytes kept in a violation."""

_TOO_LARGE: Final = 431
"""Status that h11 suggests where the head does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Bounds of one server connection; bytes and seconds."""

    header_bytes_max: int = HEADER_BYTES_MAX
    body_bytes_max: int = BODY_BYTES_MAX
    headers_timeout_s: float = HEADERS_TIMEOUT_S
    body_timeout_s: float = BODY_TIMEOUT_S
    idle_timeout_s: float = IDLE_TIMEOUT_S


@dataclass(slots=True)
class _Pending:
    """A request that is not whole yet."""

    head: h11.Request
    body: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class HttpServerCore:
    """One server connection: ``HttpRequest`` comes out, ``HttpResponse`` goes in."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    protocol: str = "http"
    mutator: Mutator = unchanged
    _h11: h11.Connection = field(init=False)
    _events: list[Event] = field(default_factory=list)
    _out: list[bytes] = field(default_factory=list)
    _pending: _Pending | None = None
    _plain: bytes = b""
    """A request that h11 has not seen, while its answer is due."""
    _deadline: float | None = None
    _alarm: float | None = None
    _waiting: str = "idle"
    """``idle``, ``headers``, ``body``, ``answer`` (ours is due) or ``over``."""
    _held: int = 0
    _received: int = 0
    _drip: bytearray = field(default_factory=bytearray)
    _drip_bytes: int = 0
    _drip_every_s: float = 1.0
    _drip_at: float | None = None

    def __post_init__(self) -> None:
        self._h11 = h11.Connection(
            h11.SERVER, max_incomplete_event_size=self.limits.header_bytes_max
        )

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the client; after a refusal they are dropped."""
        self._received += len(data)
        if self._waiting == "over" or not data:
            return
        if self._waiting == "idle":
            if self._plainly(data):
                return
            self._wait("headers", now + self.limits.headers_timeout_s)
        elif self._waiting == "answer":
            self._held += len(data)
            if self._held > PIPELINED_BYTES_MAX:
                self._violate("http.pipelined-too-much", "too many bytes ahead of an answer", b"")
                self._end()
                return
        self._h11.receive_data(data)
        self._read(now, data)

    def _plainly(self, data: bytes) -> bool:
        """Take a plain request past h11, which stays where it was: before a request."""
        request = plain_request(
            data,
            body_bytes_max=self.limits.body_bytes_max,
            header_bytes_max=self.limits.header_bytes_max,
        )
        if request is None:
            return False
        self._plain = data
        self._held = 0
        self._wait("answer", None)
        self._events.append(request)
        return True

    def _read(self, now: float, data: bytes) -> None:
        try:
            while self._waiting in {"idle", "headers", "body"}:
                event = self._h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                if not self._take(event, now):
                    break
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            code = "http.head-too-long" if status == _TOO_LARGE else "http.malformed"
            self._violate(code, str(error), data)
            self._refuse(status, code, str(error))

    def _take(self, event: object, now: float) -> bool:
        """One event of h11; False where nothing more is to be read."""
        match event:
            case h11.Request():
                self._pending = _Pending(event)
                self._wait("body", now + self.limits.body_timeout_s)
                return self._admit(event)
            case h11.Data(data=piece) if self._pending is not None:
                if len(self._pending.body) + len(piece) > self.limits.body_bytes_max:
                    self._too_long()
                    return False
                self._pending.body += piece
            case h11.EndOfMessage() if self._pending is not None:
                self._deliver(self._pending)
            case h11.ConnectionClosed():
                return False
        return True

    def _admit(self, head: h11.Request) -> bool:
        """Look at the declared length before the body comes, and let a careful client go on."""
        declared = header(_texts(head.headers), "content-length")
        if declared and int(declared) > self.limits.body_bytes_max:
            self._too_long()
            return False
        if self._h11.they_are_waiting_for_100_continue:
            self._put(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])), b"")
        return True

    def _too_long(self) -> None:
        text = f"the body is longer than {self.limits.body_bytes_max} bytes"
        self._violate("http.body-too-long", text, b"")
        self._refuse(413, "http.body-too-long", text)

    def _deliver(self, pending: _Pending) -> None:
        self._pending = None
        self._held = len(self._h11.trailing_data[0])
        self._wait("answer", None)
        keep = self._h11.their_state is h11.DONE
        self._events.append(
            HttpRequest(
                payload=bytes(pending.body),
                method=pending.head.method.decode("latin-1"),
                target=pending.head.target.decode("latin-1"),
                headers=_texts(pending.head.headers.raw_items()),
                keep_alive=keep,
            )
        )

    def receive_eof(self, now: float) -> None:
        """The client closed its side; a request that is not whole can never be."""
        if self._waiting in {"headers", "body"}:
            self._violate("http.eof-inside-request", "the client closed inside a request", b"")
        self._end()

    # ---- sending

    def send(self, event: Event, now: float) -> None:
        """Queue a response; ``LocalProtocolError`` where none is due."""
        if not isinstance(event, HttpResponse):
            raise LocalProtocolError(f"an HTTP server cannot send {type(event).__name__}")
        if self._waiting != "answer":
            raise LocalProtocolError("no request waits for an answer")
        if self._plain:
            begin = plain_head(event.status, event.headers)
            if begin and event.misbehaviour is None:
                self._send_plainly(begin, event.payload, now)
                return
            self._tell_h11()
        if event.misbehaviour is not None or self._h11.our_state is not h11.SEND_RESPONSE:
            self._send_by_hand(event, now)
            return
        head = h11.Response(
            status_code=event.status,
            reason=REASONS.get(event.status, "").encode(),
            headers=[*_bytes(event.headers), (b"Content-Length", b"%d" % len(event.payload))],
        )
        parts = [self._h11.send(head)]
        if event.payload:
            parts.append(self._h11.send(h11.Data(data=event.payload)))
        parts.append(self._h11.send(h11.EndOfMessage()))
        self._put(b"".join(part for part in parts if part), event.payload)
        if self._h11.states == {h11.SERVER: h11.DONE, h11.CLIENT: h11.DONE}:
            self._h11.start_next_cycle()
            self._next(now, rest=bool(self._h11.trailing_data[0]))
        else:
            self._end()

    def _next(self, now: float, *, rest: bool) -> None:
        """Wait for the next request, or read what has come of it."""
        self._held = 0
        timeout_s = self.limits.headers_timeout_s if rest else self.limits.idle_timeout_s
        self._wait("headers" if rest else "idle", now + timeout_s)
        if rest:
            self._read(now, b"")

    def _send_plainly(self, head: bytes, payload: bytes, now: float) -> None:
        """The answer to a plain request; h11 knows of neither."""
        self._plain = b""
        self._put(b"%b%d\r\n\r\n%b" % (head, len(payload), payload), payload)
        self._next(now, rest=self._held > 0)

    def _tell_h11(self) -> None:
        """What is not answered plainly was asked of h11 after all, before what came behind it."""
        behind = self._h11.trailing_data[0]
        self._h11 = h11.Connection(
            h11.SERVER, max_incomplete_event_size=self.limits.header_bytes_max
        )
        self._h11.receive_data(self._plain + behind)
        self._plain = b""
        while type(self._h11.next_event()) is not h11.EndOfMessage:
            pass

    def _send_by_hand(self, event: HttpResponse, now: float) -> None:
        """Bytes as asked for, right or wrong; the connection is of no use afterwards."""
        odd = event.misbehaviour or Misbehaviour()
        raw = response_bytes(event)[: odd.cut_after]
        if odd.drip_bytes:
            units = self.mutator(Unit(kind="message", data=raw, payload=event.payload))
            self._drip += b"".join(units)
            self._drip_bytes, self._drip_every_s = odd.drip_bytes, odd.drip_every_s
            self._wait("over", None)
            self._trickle(now)
            return
        self._put(raw, event.payload)
        self._end()

    def _trickle(self, now: float) -> None:
        self._out.append(bytes(self._drip[: self._drip_bytes]))
        del self._drip[: self._drip_bytes]
        self._drip_at = now + self._drip_every_s if self._drip else None
        if not self._drip:
            self._end()

    def _put(self, data: bytes | None, payload: bytes) -> None:
        if data and self.mutator is unchanged:
            self._out.append(data)
        elif data:
            self._out += self.mutator(Unit(kind="message", data=data, payload=payload))

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        out, self._out = self._out, []
        return b"".join(out)

    # ---- time and events

    def _wait(self, what: str, deadline: float | None) -> None:
        self._waiting, self._deadline = what, deadline

    def _end(self) -> None:
        self._wait("over", None)
        self._plain = b""
        self._pending = None
        self._events.append(HttpExhausted())

    def _refuse(self, status: int, code: str, message: str) -> None:
        """The request is not served; its sender can still be told."""
        self._pending = None
        self._wait("answer", None)
        if self._h11.our_state is h11.SEND_RESPONSE:
            self._h11.send_failed()
        self._events.append(HttpRefusal(status=status, code=code, message=message))

    def _violate(self, code: str, message: str, raw: bytes) -> None:
        self._events.append(
            Violation(
                code=code,
                message=message,
                clause="RFC 9112",
                offset=self._received,
                raw=raw[:RAW_BYTES_MAX],
            )
        )

    def next_deadline(self) -> float | None:
        """The next piece of a trickle, or when a slow client may have to be given up.

        An alarm that was asked for earlier stays while it is early enough: to set a timer anew for
        each request costs more than to be woken once for nothing.
        """
        if self._drip_at is not None:
            return self._drip_at
        due = self._deadline
        if due is not None and (self._alarm is None or self._alarm > due):
            self._alarm = due
        return None if due is None else self._alarm

    def on_deadline(self, now: float) -> None:
        """Send the next piece, or give up a client that is too slow."""
        self._alarm = None
        if self._drip_at is not None:
            if now >= self._drip_at:
                self._trickle(now)
        elif self._deadline is not None and now >= self._deadline:
            if self._waiting == "idle":
                self._end()
                return
            text = f"the client did not finish its {self._waiting} in time"
            self._violate(f"http.slow-{self._waiting}", text, b"")
            self._refuse(408, f"http.slow-{self._waiting}", text)

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events


def response_bytes(response: HttpResponse) -> bytes:
    """A response as bytes, with the length that it claims."""
    odd = response.misbehaviour
    length = len(response.payload)
    if odd is not None and odd.declared_length is not None:
        length = odd.declared_length
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Content-Length: {length}", "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.payload


def _texts(headers: object) -> Headers:
    return tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in headers)  # type: ignore[attr-defined] # pairs of bytes


def _bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
