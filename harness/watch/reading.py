"""Passive readers: the bytes of both directions of a connection in, facts out.

The bytes pass whether a reader understands them or not; a reader never holds one back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from harness.errors import PeerError
from harness.watch.facts import Answered, Asked, Fact, Replied, Sent, digest
from harness.wire.core import Event, Message
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpRefusal, HttpRequest, HttpResponse
from harness.wire.mllp import MllpCore

GOOD: Final = frozenset({"AA", "CA"})
"""HL7 table 0008."""

ENQ, EOT, ACK, NAK, LF = 0x05, 0x04, 0x06, 0x15, 0x0A
_FRAME: Final = re.compile(rb"\x02([0-7])(.*?)[\x03\x17][0-9A-Fa-f]{2}\r?\n?", re.DOTALL)
"""A frame of LIS01-A2 §6.3.1; its check sum is the business of the two that talk."""

_FRAME_END: Final = re.compile(rb"[\x03\x17][0-9A-Fa-f]{2}\r\n\Z")

DIALOGUE_BYTES_MAX: Final = 4 * 1024 * 1024


class Reader(Protocol):
    """Reads one connection."""

    def data(self, data: bytes, now: float, *, forth: bool) -> Iterator[tuple[bool, Fact]]:
        """Facts of what passed, each with its direction; ``forth``: towards the listener."""
        ...

    def ended(self) -> Iterator[tuple[bool, Fact]]:
        """The connection is over: what was on its way."""
        ...


def reader_of(protocol: str) -> Reader | None:
    """The reader of a protocol; None where only connections can be told apart."""
    match protocol:
        case "mllp" | "hl7":
            return Hl7Reader()
        case "astm":
            return AstmReader()
        case "http":
            return HttpReader()
    return None


# -- HL7


@dataclass(slots=True)
class Hl7Reader:
    """HL7 v2 over MLLP."""

    cores: dict[bool, MllpCore] = field(
        default_factory=lambda: {True: MllpCore(), False: MllpCore()}
    )

    def data(self, data: bytes, now: float, *, forth: bool) -> Iterator[tuple[bool, Fact]]:
        """Whole messages."""
        core = self.cores[forth]
        core.receive(data, now)
        for event in core.events():
            if isinstance(event, Message):
                yield forth, hl7_fact(event.payload)

    def ended(self) -> Iterator[tuple[bool, Fact]]:
        """A message that is cut is none."""
        return iter(())


def hl7_fact(payload: bytes) -> Fact:
    """An acknowledgement by its MSA; anything else is a message (HL7 2.5.1 §2.9)."""
    segments = [one for one in re.split(rb"[\r\n]+", payload.strip()) if one]
    mark = segments[0][3:4] if segments and segments[0].startswith(b"MSH") else b"|"
    rows = [one.split(mark) for one in segments]
    head = rows[0] if rows else []
    acknowledged = next((row for row in rows[1:] if row[0] == b"MSA"), None)
    if acknowledged is not None:
        code, key = _at(acknowledged, 1), _at(acknowledged, 2)
        return Answered(key=key, good=code in GOOD)
    kind = _at(head, 8)
    body = b"\r".join(one for one in segments[1:] if not one.startswith(b"EVN"))
    whose = next((row for row in rows if row[0] == b"PID"), None)
    patient = _at(whose, 3) if whose is not None else ""
    return Sent(
        key=_at(head, 9) or digest(payload), kind=kind,
        subject=digest(patient.partition("^")[0].encode()) if patient else "",
        content=digest(kind.encode() + b"\r" + body), order=(_at(head, 2), _at(head, 6)[:14]),
        repeatable=kind.startswith("Q"),
    )  # fmt: skip


def _at(row: list[bytes], number: int) -> str:
    return row[number].decode("latin-1").strip() if number < len(row) else ""


# -- ASTM


@dataclass(slots=True)
class AstmReader:
    """ASTM E1381 / LIS01-A2: what stands between ENQ and EOT, and the last reply before it.

    ENQ and each frame are replied to by themselves (LIS01-A2 §6.2.2, §6.3.4): these replies tell
    how long the receiver takes, and that it does not reply at all.
    """

    open: dict[bool, bytearray] = field(default_factory=dict)
    reply: dict[bool, int] = field(default_factory=dict)

    def data(self, data: bytes, now: float, *, forth: bool) -> Iterator[tuple[bool, Fact]]:
        """A dialogue that ended is one message, and its answer."""
        for byte in data:
            held = self.open.get(forth)
            if held is not None:
                if byte == EOT and not _inside(held):
                    yield from self._over(forth, bytes(held))
                elif len(held) < DIALOGUE_BYTES_MAX:
                    held.append(byte)
                    if byte == LF and _FRAME_END.match(held, max(0, len(held) - 5)):
                        yield forth, Asked(kind="astm frame")
            elif (not forth) in self.open and byte in {ACK, NAK, EOT}:
                # EOT asks the sender to stop, and takes the frame (LIS01-A2 §6.3.4.3).
                self.reply[not forth] = NAK if byte == NAK else ACK
                yield forth, Replied()
            elif byte == ENQ:
                self.open[forth] = bytearray()
                self.reply.pop(forth, None)
                yield forth, Asked(kind="astm ENQ")

    def ended(self) -> Iterator[tuple[bool, Fact]]:
        """A dialogue that was cut has no answer."""
        for forth, held in list(self.open.items()):
            text = _text(bytes(held))
            if text:
                yield forth, _astm(text)
        self.open.clear()

    def _over(self, forth: bool, held: bytes) -> Iterator[tuple[bool, Fact]]:  # noqa: FBT001 - the direction, as everywhere here
        del self.open[forth]
        text = _text(held)
        if text:
            sent = _astm(text)
            yield forth, sent
            yield not forth, Answered(key=sent.key, good=self.reply.get(forth) == ACK)


def _inside(held: bytearray) -> bool:
    """Whether a frame is open: an EOT in it is data."""
    return held.rfind(b"\x02") > max(held.rfind(b"\x03"), held.rfind(b"\x17"))


def _text(held: bytes) -> bytes:
    """Frames put together; one that was sent again counts once."""
    parts: list[bytes] = []
    last: tuple[bytes, bytes] | None = None
    for found in _FRAME.finditer(held):
        one = (found[1], found[2])
        if one != last:
            parts.append(found[2])
        last = one
    return b"".join(parts)


def _astm(text: bytes) -> Sent:
    records = [one for one in text.split(b"\r") if one]
    head = records[0].split(b"|") if records else []
    kinds = {one[:1] for one in records}
    body = b"\r".join(one for one in records if one[:1] not in {b"H", b"L"})
    kind = next((name for mark, name in ((b"Q", "query"), (b"R", "result"), (b"O", "order"))
                 if mark in kinds), "message")  # fmt: skip
    specimen = next((one.split(b"|")[2:3] for one in records if one[:1] == b"O"), [])
    return Sent(
        key=digest(text), kind=f"astm {kind}", content=digest(body),
        subject=digest(specimen[0]) if specimen else "", order=(_at(head, 4), _at(head, 13)[:14]),
        repeatable=kind == "query",
    )  # fmt: skip


# -- HTTP


@dataclass(slots=True)
class HttpReader:
    """HTTP: a request is a message, its response the answer; 医保 calls by their ``msgid``."""

    server: HttpServerCore = field(default_factory=HttpServerCore)
    client: HttpClientCore | None = None
    key: str = ""
    now: float = 0.0

    def data(self, data: bytes, now: float, *, forth: bool) -> Iterator[tuple[bool, Fact]]:
        """Whole requests and responses.

        Raises:
            PeerError: it is no HTTP, such as TLS or HTTP/2: nothing of what follows can be read.
        """
        self.now = now
        yield from self._requests(data, now) if forth else self._responses(data, now)

    def ended(self) -> Iterator[tuple[bool, Fact]]:
        """The end of a connection ends a response without a length, too (RFC 9112 §6.3)."""
        if self.client is not None:
            client = self.client
            client.receive_eof(self.now)
            for event in client.events():
                yield from self._responded(event)

    def _responded(self, event: Event) -> Iterator[tuple[bool, Fact]]:
        if isinstance(event, HttpResponse):
            self.client, self.server = None, HttpServerCore()
            yield False, Answered(key=self.key, good=succeeded(event))

    def _requests(self, data: bytes, now: float) -> Iterator[tuple[bool, Fact]]:
        self.server.receive(data, now)
        for event in self.server.events():
            if isinstance(event, HttpRequest):
                sent = http_fact(event)
                self.key, self.client = sent.key, HttpClientCore()
                # Only what a reader of the response must know: whether it has a body.
                asked = HttpRequest(
                    method=event.method, target=event.target, headers=(("Host", "watched"),)
                )
                self.client.send(asked, now)
                yield True, sent
            elif isinstance(event, HttpRefusal):
                raise PeerError(event.message, clause="RFC 9112")

    def _responses(self, data: bytes, now: float) -> Iterator[tuple[bool, Fact]]:
        if self.client is None:
            return
        client = self.client
        client.receive(data, now)
        for event in client.events():
            if isinstance(event, HttpBroken):
                raise PeerError(event.message, clause="RFC 9112")
            yield from self._responded(event)


def http_fact(request: HttpRequest) -> Sent:
    """A request; one that only reads may come again as it is (RFC 9110 §9.2.1)."""
    body = _members(request.payload)
    whole = digest(f"{request.method} {request.target}\n".encode() + request.payload)
    infno = str(body.get("infno", ""))
    return Sent(
        key=str(body.get("msgid") or "") or whole,
        kind=infno or f"{request.method} {request.target.partition('?')[0]}",
        content=whole, repeatable=request.method in {"GET", "HEAD", "OPTIONS"},
    )  # fmt: skip


def succeeded(response: HttpResponse) -> bool:
    """On both levels: the status of HTTP, and the ``infcode`` of a 医保 answer where it has one."""
    code = _members(response.payload).get("infcode", 0)
    return 200 <= response.status < 300 and str(code) == "0"


def _members(payload: bytes) -> dict[str, Any]:
    """Of a JSON object; nothing of anything else."""
    if payload[:1] != b"{":
        return {}
    try:
        found = json.loads(payload.decode("gb18030", "replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
