"""multipart/related bodies and the media types around them (RFC 2046 §5.1, RFC 2387).

DICOMweb carries objects this way (PS3.18 §8.7). A body is read strictly: a part that is cut off, a
boundary that never comes and a body without its end are errors with their place, never a shorter
list of parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.errors import PeerError

BOUNDARY_CHARS_MAX: Final = 70
"""Of what is written (RFC 2046 §5.1.1)."""

BOUNDARY_READ_MAX: Final = 256
"""Of what is read: clients that are in use write two UUIDs with a dash between them."""

PARTS_MAX: Final = 10_000
"""Parts of one body that are read: beyond any series."""

HEAD_BYTES_MAX: Final = 16 * 1024
"""Headers of one part."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,255}[0-9A-Za-z'()+_,\-./:=?]")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PADDING: Final = re.compile(rb"[ \t]*\r\n")
_CLAUSE: Final = "RFC 2046 §5.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A media type with its parameters.

    Attributes:
        kind: such as ``multipart/related``, in small letters.
        parameters: by name in small letters; values as they are, without quotes.
    """

    kind: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """One parameter; empty where it is absent."""
        return self.parameters.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a body.

    Attributes:
        body: its bytes.
        headers: names and values in order.
    """

    body: bytes
    headers: Sequence[tuple[str, str]] = ()

    def header(self, name: str) -> str:
        """The first value of a header; empty where it is not there."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def media(self) -> Media:
        """Its content type; ``PeerError`` where that cannot be read."""
        return media(self.header("content-type"))


def media(text: str) -> Media:
    """One media type (RFC 9110 §8.3.1).

    Raises:
        PeerError: it is none.
    """
    return _media(_split(text, ";"), text)


def accepted(text: str) -> list[Media]:
    """Media types of an ``Accept`` header, the most wanted first; those with ``q=0`` are left out.

    Raises:
        PeerError: one of them cannot be read.
    """
    found = [media(one) for one in _split(text, ",") if one.strip()]
    weighed = [(_weight(one), one) for one in found]
    return [one for weight, one in sorted(weighed, key=lambda each: -each[0]) if weight > 0]


def _weight(one: Media) -> float:
    try:
        return float(one.of("q") or "1")
    except ValueError:
        return 1.0


def _media(pieces: Sequence[str], text: str) -> Media:
    kind = pieces[0].strip().lower()
    main, slash, sub = kind.partition("/")
    if not (slash and _TOKEN.fullmatch(main) and _TOKEN.fullmatch(sub)):
        raise PeerError(f"no media type: {text[:80]!r}", clause="RFC 9110 §8.3.1")
    parameters: dict[str, str] = {}
    for piece in pieces[1:]:
        if not piece.strip():
            continue
        name, equals, value = piece.partition("=")
        if not equals or not _TOKEN.fullmatch(name.strip()):
            raise PeerError(f"no parameter: {piece.strip()[:80]!r}", clause="RFC 9110 §5.6.6")
        parameters.setdefault(name.strip().lower(), _unquoted(value.strip()))
    return Media(kind=kind, parameters=parameters)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _split(text: str, at: str) -> list[str]:
    """Cut at a sign that stands in no quoted string."""
    pieces, begin, quoted, escaped = [], 0, False, False
    for index, sign in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and sign == "\\":
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif sign == at and not quoted:
            pieces.append(text[begin:index])
            begin = index + 1
    return [*pieces, text[begin:]]


def related(kind: str, boundary: str) -> str:
    """The content type of a body of parts of one type, quoted as RFC 2387 asks."""
    return f'multipart/related; type="{kind}"; boundary={boundary}'


def build(parts: Sequence[Part], boundary: str) -> bytes:
    """A body of these parts."""
    pieces = []
    for part in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        pieces.append(f"--{boundary}\r\n{head}\r\n".encode("latin-1") + part.body + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode("latin-1")


def parse(body: bytes, boundary: str) -> list[Part]:
    """The parts of a body.

    Raises:
        PeerError: the boundary is none or never comes, or the body ends inside a part.
    """
    if not _BOUNDARY.fullmatch(boundary[: BOUNDARY_READ_MAX + 1]):
        raise PeerError(f"no boundary: {boundary[:80]!r}", clause=_CLAUSE)
    mark = b"--" + boundary.encode("ascii")
    at, last = _delimiter(body, mark, 0)
    if at < 0:
        raise PeerError("the boundary never comes", clause=_CLAUSE)
    parts: list[Part] = []
    while not last:
        end, last, following = _next(body, mark, at)
        parts.append(_part(body[at:end], at))
        if len(parts) > PARTS_MAX:
            raise PeerError(f"more than {PARTS_MAX} parts", clause=_CLAUSE)
        at = following
    return parts


def _delimiter(body: bytes, mark: bytes, at: int) -> tuple[int, bool]:
    """Behind the first delimiter, which may have a preamble before it; -1 where none comes."""
    while True:
        found = body.find(mark, at)
        if found < 0:
            return -1, False
        if found == 0 or body[found - 2 : found] == b"\r\n":
            behind = found + len(mark)
            if body[behind : behind + 2] == b"--":
                return behind + 2, True
            padding = _PADDING.match(body, behind)
            if padding is not None:
                return padding.end(), False
        at = found + 1


def _next(body: bytes, mark: bytes, at: int) -> tuple[int, bool, int]:
    """Where a part ends, whether that is the last, and where the next one begins."""
    search = max(0, at - 2)  # an empty part shares its line end with the delimiter before it
    while True:
        found = body.find(b"\r\n" + mark, search)
        if found < 0:
            raise PeerError("the body ends inside a part", offset=len(body), clause=_CLAUSE)
        behind = found + 2 + len(mark)
        if body[behind : behind + 2] == b"--":
            return max(found, at), True, behind + 2
        padding = _PADDING.match(body, behind)
        if padding is not None:
            return max(found, at), False, padding.end()
        search = found + 1


def _part(data: bytes, at: int) -> Part:
    if data.startswith(b"\r\n"):
        return Part(body=data[2:])
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX)
    if end < 0:
        raise PeerError("the headers of a part have no end", offset=at, clause=_CLAUSE)
    headers = []
    for line in data[:end].decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise PeerError(f"no header: {line[:80]!r}", offset=at, clause=_CLAUSE)
        headers.append((name, value.strip(" \t")))
    return Part(body=data[end + 4 :], headers=headers)
