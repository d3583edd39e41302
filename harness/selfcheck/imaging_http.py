"""Rows of the imaging catalogue that the bytes of DICOMweb show, read without h11.

Requests are cut apart here by their length and read by the standard library's reader of mail
headers, which shares nothing with what wrote them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record

INTERFACE: Final = "PACS-WEB"

LONG: Final = 60
"""Characters of a boundary that a server may not have been tried with."""

_LINE: Final = re.compile(rb"(GET|POST) (\S+) HTTP/1\.1\r\n")
_SYNTAX: Final = re.compile(r"transfer-syntax=([^;,\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        method: of HTTP.
        target: path and query.
        headers: by name.
        body: as far as it came.
        whole: all of it came.
    """

    method: str
    target: str
    headers: Message
    body: bytes
    whole: bool


def calls(records: Sequence[Record]) -> list[Call]:
    """Requests of a trace; one a connection."""
    streams: defaultdict[str, bytearray] = defaultdict(bytearray)
    for record in records:
        ours = record["kind"] == "bytes" and record.get("interface") == INTERFACE
        if ours and record["frm"] == "modality":
            streams[record["conn"]] += unpack(record["raw"])
    return [found for stream in streams.values() for found in _read(bytes(stream))]


def _read(stream: bytes) -> Iterator[Call]:
    line = _LINE.match(stream)
    end = stream.find(b"\r\n\r\n")
    if line is None or end < 0:
        return
    headers = BytesHeaderParser().parsebytes(stream[line.end() : end + 4])
    length = int(headers.get("Content-Length", "0"))
    body = stream[end + 4 : end + 4 + length]
    yield Call(method=line[1].decode(), target=line[2].decode("latin-1"), headers=headers,
               body=body, whole=len(body) == length)  # fmt: skip


def _stores(found: Sequence[Call]) -> list[Call]:
    return [one for one in found if one.method == "POST"]


def _syntaxes(found: Sequence[Call]) -> bool:
    """Objects are retrieved with no syntax named, and with one."""
    accepts = [str(one.headers.get("Accept", "")) for one in found if one.method == "GET"]
    named = {tuple(_SYNTAX.findall(one)) for one in accepts if "application/dicom" in one}
    return () in named and len(named) > 1


def _spellings(found: Sequence[Call]) -> bool:
    """A boundary in quotes, or a long one, or a type without quotes."""
    said = [str(one.headers.get("Content-Type", "")) for one in _stores(found)]
    return any(
        'boundary="' in one or "type=application" in one
        or len(one.partition("boundary=")[2].partition(";")[0]) > LONG
        for one in said
    )  # fmt: skip


def _cut(found: Sequence[Call]) -> bool:
    """A store that ends inside a part."""
    return any(not one.whole or not one.body.rstrip().endswith(b"--") for one in _stores(found))


ROWS: Final[Mapping[str, Callable[[Sequence[Call]], bool]]] = {
    "img-Q9": _syntaxes,
    "img-Q11": _spellings,
}
"""Rows, and what shows each."""

ALSO: Final[Mapping[str, Callable[[Sequence[Call]], bool]]] = {
    "img-S9": _cut,
}
"""Rows that DIMSE shows, too."""


def shown_rows(records: Sequence[Record]) -> list[str]:
    """Rows that the requests of a trace show."""
    found = calls(records)
    return [row for row, shows in (*ROWS.items(), *ALSO.items()) if found and shows(found)]
