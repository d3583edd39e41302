"""What HTTP/1.1 cores report and are asked to send (RFC 9110, RFC 9112).

A response may be told to misbehave: the centre of a settlement interface must be able to send half
a body, a wrong length, or one byte a second, which no web framework allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.wire.core import Event, Message

Headers = tuple[tuple[str, str], ...]
"""Names and values in the order of the wire; names as they were written."""

REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Reason phrases; a status without one goes out without."""


def header(headers: Iterable[tuple[str, str]], name: str) -> str:
    """The first value of a header, whatever the case of its name; empty where it is not there."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest(Message):
    """One whole request; ``payload`` is its body.

    Attributes:
        method: such as ``POST``.
        target: path with query, as on the request line.
        headers: without ``Content-Length`` and ``Transfer-Encoding`` when we send it.
        keep_alive: the connection can take another request after the answer.
    """

    payload: bytes = b""
    method: str = "POST"
    target: str = "/"
    headers: Headers = ()
    keep_alive: bool = True

    def header(self, name: str) -> str:
        """The first value of a header; empty where it is not there."""
        return header(self.headers, name)

    def named(self) -> dict[str, str]:
        """The first value of each header by its name in lower case."""
        return {key.lower(): value for key, value in reversed(self.headers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """How a response breaks the protocol on purpose.

    Attributes:
        cut_after: only so many bytes of head and body leave; None sends all of them.
        declared_length: the ``Content-Length`` that is claimed; None tells the truth.
        drip_bytes: bytes a piece where the answer trickles; 0 sends it at once.
        drip_every_s: pause between two pieces.
    """

    cut_after: int | None = None
    declared_length: int | None = None
    drip_bytes: int = 0
    drip_every_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse(Message):
    """One whole response; ``payload`` is its body.

    Attributes:
        status: of the status line.
        headers: without ``Content-Length`` when we send it: the core adds it.
        misbehaviour: how it breaks the protocol; the connection is of no use afterwards.
    """

    payload: bytes = b""
    status: int = 200
    headers: Headers = ()
    misbehaviour: Misbehaviour | None = None

    def header(self, name: str) -> str:
        """The first value of a header; empty where it is not there."""
        return header(self.headers, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRefusal(Event):
    """A request that cannot be served; whoever plays the server answers, and then closes.

    Attributes:
        status: that fits, such as 413.
        code: stable id such as ``http.body-too-long``.
        message: what was seen.
    """

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExhausted(Event):
    """Nothing further can happen on this connection: the owner should close it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBroken(Event):
    """No whole response came: the outcome of the request is unknown.

    Attributes:
        stage: ``before-answer``, ``inside-head`` or ``inside-body``.
        message: what was seen.
    """

    stage: str
    message: str
