"""A network capture as streams: each side of each connection, with what the capture lacks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.captures.conversations import Conversation, Side, conversations
from harness.captures.dicom import read_dicom
from harness.captures.packets import Packets
from harness.captures.poct import POCT, is_poct
from harness.captures.reading import CaptureFinding, Reading
from harness.captures.sources import Stream
from harness.errors import InputError
from harness.i18n import tr

MAGICS: Final = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)  # fmt: skip
"""How pcap and pcapng begin."""

CLAUSE: Final = "RFC 9293 §3.10.7.4"

_TEXTS: Final = {
    "net.gap": "Bytes are missing from the capture",
    "net.start": "The capture begins in the middle of the connection",
    "net.changed": "Repeated bytes are not what they were before",
    "net.damage": "The capture file breaks off or is damaged",
    "net.encrypted": "The connection is encrypted; nothing in it can be read",
    "net.unknown": "No protocol that is known here",
}

_HTTP: Final = re.compile(rb"\A(?:[A-Z]{3,8} [^\r\n]{1,2000} HTTP/1|HTTP/1)")
_HYBRID: Final = re.compile(rb"\A[\x00\r\n]*\x0b[DN][0-9]{2}\rMSH")
_DICOM: Final = re.compile(rb"\A[\x01-\x07]\x00\x00[\x00-\xff]{3}")
_ASTM: Final = re.compile(rb"\A[\x00\r\n]*(?:\x05|[\x06\x15\x04]+\Z|\x02[0-7])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What one side of a connection said.

    Attributes:
        stream: its bytes; the direction names both ends.
        protocol: ``hl7``, ``astm``, ``http``, ``dicom``, ``poct1a``, ``tls`` or ``unknown``.
        findings: what the capture lacks.
        moments: where each chunk begins, and when it came, seconds since 1970.
        reading: what it says, for a protocol that only both sides together tell.
    """

    stream: Stream
    protocol: str
    findings: list[CaptureFinding]
    moments: list[tuple[int, float]] = field(default_factory=list)
    reading: Reading | None = None


def is_network(path: Path) -> bool:
    """Whether a file is pcap or pcapng, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) in MAGICS
    except OSError:
        return False


def talks(path: Path, port: int = 0) -> tuple[list[Talk], Counter[str]]:
    """Every side that said something, by connection; and what was left out of the capture.

    Args:
        path: pcap or pcapng.
        port: only connections with it on one side; 0 for all.

    Raises:
        InputError: it cannot be read, or has no TCP in it, or more than fits into memory.
    """
    try:
        with path.open("rb") as file:
            packets = Packets(file)
            found = conversations(packets.segments(), port)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(tr("cannot be read: {why}", why=why), where=str(path)) from error
    except OverflowError as error:
        raise InputError(
            tr("there is more in this capture than fits into memory"),
            where=str(path),
            remedy=tr("choose one port by --port, or cut the capture into parts"),
        ) from error
    if not found:
        raise InputError(
            tr("no TCP connection with data in this capture"),
            where=str(path),
            remedy=packets.damage or _skipped(packets.skipped),
        )
    listed = [one for talk in found for one in _talks(talk)]
    if packets.damage:
        listed[-1].findings.append(finding("net.damage", actual=packets.damage))
    return listed, packets.skipped


def finding(code: str, *, offset: int = -1, actual: str = "") -> CaptureFinding:
    """A finding about the capture itself."""
    return CaptureFinding(
        against="capture", code=code, message=_TEXTS[code], clause=CLAUSE, offset=offset,
        actual=actual,
    )  # fmt: skip


def _skipped(skipped: Counter[str]) -> str:
    return ", ".join(f"{why}: {count}" for why, count in skipped.most_common())


def _talks(talk: Conversation) -> list[Talk]:
    said = talk.client.data, talk.server.data
    protocol = protocol_of(*said)
    read = read_dicom(talk) if protocol == "dicom" else (None, None)
    return [
        Talk(
            stream=Stream(direction=_ends(side), data=data),
            protocol=protocol,
            findings=_lacks(side, protocol),
            moments=[(one.offset, one.at_s) for one in side.chunks],
            reading=reading,
        )
        for side, data, reading in zip((talk.client, talk.server), said, read, strict=True)
        if data or side.gaps
    ]


def _ends(side: Side) -> str:
    return f"{side.source[0]}:{side.source[1]} > {side.target[0]}:{side.target[1]}"


def _lacks(side: Side, protocol: str) -> list[CaptureFinding]:
    found = [
        finding("net.gap", offset=one.offset, actual=tr("{size} bytes", size=one.size))
        for one in side.gaps
    ]
    if not side.whole_start:
        found.append(finding("net.start", offset=0))
    if side.changed:
        found.append(finding("net.changed", actual=str(side.changed)))
    if protocol == "tls":
        found.append(finding("net.encrypted"))
    elif protocol == "unknown":
        found.append(finding("net.unknown"))
    return found


def protocol_of(client: bytes, server: bytes) -> str:
    """What a connection speaks, from how its sides begin: ``hl7``, ``astm``, ``unknown`` ..."""
    for data in (client, server):
        if data[:2] == b"\x16\x03":
            return "tls"
        if _HTTP.match(data):
            return "http"
        if is_poct(data):
            return POCT
        if (
            b"\x0bMSH" in data
            or _HYBRID.search(data)
            or data.lstrip(b"\x00\r\n").startswith(b"MSH|")
        ):
            return "hl7"
    if any(_ASTM.match(data) for data in (client, server) if data.strip(b"\x06\x15\x04")):
        return "astm"
    if any(_DICOM.match(data) for data in (client, server)):
        return "dicom"
    return "unknown"
