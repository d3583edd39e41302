"""Multipart bodies of file uploads (RFC 7578): one part of JSON, one part of bytes."""

from __future__ import annotations

import re
from typing import Final

PARTS_MAX: Final = 16
"""Parts of one body; an upload has two."""

_NAME: Final = re.compile(r'\bname="?([^";]*)"?', re.IGNORECASE)
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,70})"?', re.IGNORECASE)


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart body; empty where it is none."""
    if not content_type.lower().startswith("multipart/"):
        return ""
    found = _BOUNDARY.search(content_type)
    return found[1].strip() if found else ""


def parts(body: bytes, boundary: str) -> dict[str, bytes]:
    """The parts by name.

    Raises:
        ValueError: the body is not built so, or has too many parts.
    """
    mark = b"--" + boundary.encode("latin-1")
    found: dict[str, bytes] = {}
    pieces = (b"\r\n" + body).split(b"\r\n" + mark, PARTS_MAX + 2)
    if len(pieces) > PARTS_MAX + 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("no end, or too many parts")
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head.decode("latin-1"))
        if not gap or name is None:
            raise ValueError("a part without a name")
        found[name[1]] = content
    return found
