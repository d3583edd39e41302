"""One side of an HTTP connection: requests or answers, and what they are about.

Both directions of a capture are read apart: an answer is shown where its request is missing.
h11 reads each message (RFC 9112); behind a fault nothing of that side is read any more, and what is
left is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import h11

from harness import limits
from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.captures.sources import Stream
from harness.evidence import correlate_http
from harness.wire.http1_events import HttpRequest, HttpResponse

HEADER_BYTES_MAX: Final = 64 * 1024
BODY_SHOWN_MAX: Final = 4 * limits.MIB
"""A longer body is shown to there, and its length is said."""

CLAUSE: Final = "RFC 9112 §2.2"

_TEXTS: Final = {
    "http.broken": "What stands here is no HTTP message",
    "http.cut": "The last message is not whole",
    "http.no-text": "The body is text in neither UTF-8 nor GB 18030",
}


@dataclass(slots=True)
class _Side:
    """What is being put together."""

    reading: Reading
    head: h11.Request | h11.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    asked: int = 0


def is_answer(data: bytes) -> bool:
    """Whether a side speaks as a server."""
    return data[:5] == b"HTTP/"


def read_http(stream: Stream, **_: object) -> Reading:
    """Everything that one side says; any bytes will do."""
    side = _Side(reading=Reading(direction=stream.direction))
    answers, rest = is_answer(stream.data), stream.data
    while rest:
        found = _one(side, rest, answers=answers)
        if found is None:
            return side.reading
        rest = found
    return side.reading


def _one(side: _Side, data: bytes, *, answers: bool) -> bytes | None:
    """Read one message; what stands behind it, or None where nothing more can be read."""
    connection = _connection(answers=answers)
    offset = side.asked
    try:
        connection.receive_data(data)
        for event in _events(connection):
            if isinstance(event, h11.Request | h11.Response):
                side.head = event
            elif isinstance(event, h11.Data):
                side.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                _whole(side, offset)
                rest = connection.trailing_data[0]
                side.asked += len(data) - len(rest)
                return rest
        if answers and side.head is not None:  # an answer without a length ends with its connection
            connection.receive_data(b"")
            if any(isinstance(one, h11.EndOfMessage) for one in _events(connection)):
                _whole(side, offset)
                return b""
    except h11.RemoteProtocolError as error:
        _find(side.reading, "http.broken", offset, actual=str(error))
    else:
        _find(side.reading, "http.cut", offset)
    side.reading.keep(offset, side.reading.findings[-1].code, data)
    return None


def _connection(*, answers: bool) -> h11.Connection:
    role = h11.CLIENT if answers else h11.SERVER
    connection = h11.Connection(role, max_incomplete_event_size=HEADER_BYTES_MAX)
    if answers:  # it takes an answer to a question alone
        connection.send(h11.Request(method="POST", target="/", headers=[("Host", "any")]))
        connection.send(h11.EndOfMessage())
    return connection


def _events(connection: h11.Connection) -> Iterator[object]:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            return
        yield event
        if isinstance(event, h11.EndOfMessage):
            return


def _whole(side: _Side, offset: int) -> None:
    head, body = side.head, bytes(side.body)
    side.head, side.body = None, bytearray()
    if head is None:
        return
    raw = head.headers.raw_items()
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    if isinstance(head, h11.Request):
        target, method = head.target.decode("latin-1"), head.method.decode("latin-1")
        first = f"{method} {target}"
        about = correlate_http.request(
            HttpRequest(method=method, target=target, headers=headers, payload=body)
        )
    else:
        first = f"{head.status_code} {head.reason.decode('latin-1')}".rstrip()
        about = correlate_http.response(
            HttpResponse(status=head.status_code, headers=headers, payload=body), None
        )
    message = ReadMessage(
        records=[first, *(f"{name}: {value}" for name, value in headers)],
        payload=body,
        offset=offset,
    )
    keys = {"type": about.type, "id": about.id, **about.corr}
    known = " ".join(f"{name}={value}" for name, value in keys.items() if value)
    if known:
        message.records.append(f"# {known}")
    if body:
        message.records.append(_text(message, body, offset))
    side.reading.messages.append(message)


def _text(message: ReadMessage, body: bytes, offset: int) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return body[:BODY_SHOWN_MAX].decode(encoding)
        except UnicodeDecodeError:
            continue
    message.findings.append(_finding("http.no-text", offset))
    return body[:BODY_SHOWN_MAX].decode("latin-1")


def _find(reading: Reading, code: str, offset: int, actual: str = "") -> None:
    reading.findings.append(_finding(code, offset, actual))


def _finding(code: str, offset: int, actual: str = "") -> CaptureFinding:
    return CaptureFinding(
        against="standard", code=code, message=_TEXTS[code], clause=CLAUSE, offset=offset,
        actual=actual,
    )  # fmt: skip
