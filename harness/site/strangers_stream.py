"""What a relay may read of a stream, by protocol: whole records, frames apart, messages apart.

A relay passes bytes on as they come and knows no message. So that a name is not read in halves, and
no message is taken for part of the one before, each direction of a connection has a reader. It
takes pieces, wherever they were cut, and gives the texts to look at; nothing here changes a byte.

* ASTM (LIS01-A2 §8.3): texts of frames of one transmission together, one that is sent again once;
  a record is looked at when it is whole. What came of it before then is worth nothing to a
  receiver: no end of the transmission follows.
* Framings of their own: without control characters, parts of one message (ETB) together.
* POCT1-A2: a tag is looked at when it is whole.
* HTTP and SOAP: each request by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

TEXT_BYTES_MAX: Final = 1_000_000
"""What of one message is looked at together: none is larger."""

DECODINGS: Final = ("utf-8", "gb18030")

CUT_BYTES_MAX: Final = 4
"""A sign has up to four bytes in UTF-8 and in GB 18030."""


class Reading(Protocol):
    """Reads one direction of one connection."""

    def take(self, data: bytes) -> list[bytes]:
        """The texts to look at, now that a piece has come."""
        ...


def reading(protocol: str) -> Reading:
    """A reader for what is spoken on a link."""
    return _READINGS.get(protocol, Plain)()


@dataclass(slots=True)
class Plain:
    """All that came, together: a message that never became one."""

    _text: bytes = b""

    def take(self, data: bytes) -> list[bytes]:
        """Everything since the connection opened."""
        self._text = (self._text + data)[-TEXT_BYTES_MAX:]
        return [whole(self._text)]


_UNIT: Final = re.compile(
    rb"\x02(?P<number>[^\x02-\x05\x17])(?P<text>[^\x02-\x05\x17]*)(?P<end>[\x03\x17])"
    rb"|(?P<control>[\x04\x05])"
)
"""A frame up to its end; or the end (EOT) or begin (ENQ) of a transmission."""


@dataclass(slots=True)
class Astm:
    """Records of one transmission."""

    _raw: bytes = b""
    _text: bytes = b""
    _last: tuple[bytes, bytes, bytes] | None = None

    def take(self, data: bytes) -> list[bytes]:
        """Whole records; at the end of the transmission whatever came."""
        self._raw = (self._raw + data)[-TEXT_BYTES_MAX:]
        found, done = [], 0
        for unit in _UNIT.finditer(self._raw):
            done = unit.end()
            if unit["control"]:
                found.append(self._text)
                self._text, self._last = b"", None
                continue
            frame = unit["number"], unit["text"], unit["end"]
            if frame != self._last:  # it is not sent again
                self._last = frame
                self._text = (self._text + unit["text"])[-TEXT_BYTES_MAX:]
                if unit["end"] == b"\x03" and not self._text.endswith(b"\r"):
                    self._text += b"\r"
        self._raw = self._raw[done:]
        if b"\x02" not in self._raw:
            found.append(_without_checks(whole(self._raw)))  # between frames: noise, or unframed
            self._raw = self._raw[self._raw.rfind(b"\n") + 1 :]
        return [one for one in [*found, self._text[: self._text.rfind(b"\r") + 1]] if one]


_PART: Final = re.compile(rb"\x17[0-9A-Fa-f]{0,2}\r?\n?\x02")
_HALF_PART: Final = re.compile(rb"\x17[0-9A-Fa-f]{0,2}\r?\n?\Z")
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]+")
_CHECKS: Final = (re.compile(rb"(?<=\x03)[\x80-\xff]"), re.compile(rb"[\x80-\xff](?=\x03)"))
"""A check of one raw byte, behind the end of a frame or before it."""

LINE_BYTES_MAX: Final = 4096
"""What has no end of a line by then is looked at as it is."""

_HEADER: Final = re.compile(rb"(?:\A|(?<=[\r\n]))(?=H\|)")


@dataclass(slots=True)
class Framed:
    """Frames of makers' own: what stands between control characters."""

    _raw: bytes = b""

    def take(self, data: bytes) -> list[bytes]:
        """Whole lines since the last message of records began, or the last line."""
        raw = _PART.sub(b"", self._raw + data)[-TEXT_BYTES_MAX:]
        half = _HALF_PART.search(raw)
        text = _CONTROLS.sub(b"\r", _without_checks(whole(raw[: half.start()] if half else raw)))
        if len(text) < LINE_BYTES_MAX:
            text = text[: max(text.rfind(b"\r"), text.rfind(b"\n")) + 1]
        found = [one for one in _HEADER.split(text) if one.strip()]
        records = raw.rfind(b"H|")
        if half:
            self._raw = raw
        elif found and found[-1].startswith(b"H|"):
            self._raw = raw[records:]
        else:
            self._raw = raw[max(raw.rfind(mark) for mark in (b"\r", b"\n", b"\x03")) + 1 :]
        return found


def _without_checks(text: bytes) -> bytes:
    """A text that can be read: a raw check byte is part of no sign."""
    for tried in (text, *(one.sub(b"", text) for one in _CHECKS)):
        if _read(tried):
            return tried
    return text.decode("ascii", "replace").encode("utf-8")


@dataclass(slots=True)
class Poct:
    """Tags of one stream of XML."""

    _text: bytes = b""

    def take(self, data: bytes) -> list[bytes]:
        """From the last tag on, which may not have been whole."""
        text = (self._text + data)[-TEXT_BYTES_MAX:]
        self._text = text[max(text.rfind(b"<"), 0) :]
        return [whole(text)]


_LINES: Final = re.IGNORECASE | re.MULTILINE
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r?$", _LINES)
_CHUNKED: Final = re.compile(rb"^transfer-encoding:[^\r\n]*chunked", _LINES)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,7})[^\r\n]{0,100}\r\n")
_HEAD_END: Final = b"\r\n\r\n"


@dataclass(slots=True)
class Http:
    """Requests of one connection, each by itself."""

    _text: bytes = field(default=b"")

    def take(self, data: bytes) -> list[bytes]:
        """Requests that became whole, and what there is of the next one."""
        self._text += data
        found = []
        while (end := self._text.find(_HEAD_END)) >= 0:
            cut = _request(self._text, end + len(_HEAD_END))
            if cut is None:
                break
            request, size = cut
            found.append(request)
            self._text = self._text[size:]
        self._text = self._text[-TEXT_BYTES_MAX:]
        head, end_of_head, body = self._text.partition(_HEAD_END)
        chunked = bool(end_of_head) and _CHUNKED.search(head) is not None
        rest = head + _HEAD_END + _chunks(body)[0] if chunked else self._text
        return [*found, *([whole(rest)] if rest else [])]


def _request(text: bytes, body: int) -> tuple[bytes, int] | None:
    """The first request, chunks joined, and its length on the wire; None if it is not whole."""
    head = text[:body]
    if _CHUNKED.search(head):
        joined, size = _chunks(text[body:])
        return None if size is None else (head + joined, body + size)
    stated = _LENGTH.search(head)
    size = int(stated[1]) if stated else 0
    return None if len(text) < body + size else (text[: body + size], body + size)


def _chunks(text: bytes) -> tuple[bytes, int | None]:
    """Chunks joined (RFC 9112 §7.1), and how long they are on the wire; None if more will come."""
    joined: list[bytes] = []
    at = 0
    while (line := _CHUNK.match(text, at)) is not None:
        size = int(line[1], 16)
        at = line.end()
        if size == 0:
            end = text.find(b"\r\n", at)
            return b"".join(joined), None if end < 0 else end + 2
        joined.append(text[at : at + size])
        at += size + 2
    return b"".join(joined), None


def whole(text: bytes) -> bytes:
    """A piece of a stream without the sign that it was cut in; unchanged where it is no text."""
    for cut in range(CUT_BYTES_MAX):
        if _read(text[: len(text) - cut]):
            return text[: len(text) - cut]
    return text


def _read(text: bytes) -> bool:
    for encoding in DECODINGS:
        try:
            text.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


_READINGS: Final[Mapping[str, type[Reading]]] = {
    "astm": Astm, "framed": Framed, "poct1a": Poct, "http": Http, "soap": Http,
}  # fmt: skip
