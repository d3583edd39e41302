"""The request that nearly every client sends, read without ceremony (RFC 9112).

A POST of HTTP/1.1 that came whole in one read, with one ``Content-Length``, plain headers and
nothing behind it. Whatever is different in any way is no business of this room: it answers None,
and the general reader sees the same bytes. So nothing is accepted here that is refused there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from harness.wire.http1_events import REASONS, Headers, HttpRequest

HEAD_BYTES_MAX: Final = 8 * 1024
"""A longer head goes the long way."""

LENGTH_DIGITS_MAX: Final = 9

_END: Final = b"\r\n\r\n"

_HEAD: Final = re.compile(
    r"POST (/[\x21-\x7e]*) HTTP/1\.1((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e\t]*)+)"
)
"""Request line and header fields of visible ASCII (RFC 9110 §5.1, §5.5)."""

_ODD: Final = frozenset({"transfer-encoding", "expect", "upgrade", "te", "trailer"})
"""Headers that change how a message is read."""

_OURS: Final = frozenset({"content-length", "transfer-encoding", "connection", "upgrade"})
"""Headers of an answer that say how it ends: such an answer is not plain."""

_FIELD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")

_BODILESS: Final = frozenset({204, 304})


def plain_request(data: bytes, *, body_bytes_max: int, header_bytes_max: int) -> HttpRequest | None:
    """The one request that ``data`` is, or None where the general reader has to look."""
    end = data.find(_END, 0, min(HEAD_BYTES_MAX, header_bytes_max))
    if end < 0:
        return None
    try:
        found = _HEAD.fullmatch(data[:end].decode("ascii"))
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    read = _fields(found[2])
    if read is None:
        return None
    headers, length = read
    if length > body_bytes_max or len(data) != end + len(_END) + length:
        return None
    return HttpRequest(
        payload=data[end + len(_END) :], method="POST", target=found[1], headers=headers
    )


def _fields(text: str) -> tuple[Headers, int] | None:
    """Headers and the length of the body; None where one of them changes anything."""
    headers = []
    length, lengths, hosts = "", 0, 0  # counted: an empty length followed by another is refused
    for line in text.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        value = value.strip(" \t")
        headers.append((name, value))
        known = name.lower()
        if known == "content-length":
            if lengths:
                return None
            length, lengths = value, lengths + 1
        elif known == "host":
            hosts += 1
        elif known == "connection":
            if value.lower() != "keep-alive":
                return None
        elif known in _ODD:
            return None
    if hosts != 1 or not length.isdecimal() or len(length) > LENGTH_DIGITS_MAX:
        return None
    return tuple(headers), int(length)


@lru_cache(maxsize=256)
def plain_head(status: int, headers: Headers) -> bytes:
    """Status line and headers of an answer up to its length; empty where it is not plain."""
    if status < 200 or status in _BODILESS or status not in REASONS:
        return b""
    lines = [f"{name}: {value}" for name, value in headers]
    if any(name.lower() in _OURS for name, _ in headers):
        return b""
    if not all(_FIELD.fullmatch(line) for line in lines):
        return b""
    text = "\r\n".join([f"HTTP/1.1 {status} {REASONS[status]}", *lines])
    return text.encode("ascii") + b"\r\nContent-Length: "
