"""How one record of a trace stands in its line of the file.

Under load most of the time of a trace would go into JSON: so payloads, which are base64, and the
fields that all records of a connection share are not escaped again for each line.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json


class Packed(str):
    """Base64: text that JSON takes as it is."""

    __slots__ = ()


def pack(data: bytes) -> Packed:
    """Bytes as they stand in a record."""
    return Packed(binascii.b2a_base64(data, newline=False), "ascii")


def unpack(text: str) -> bytes:
    """Bytes back from a record."""
    return base64.b64decode(text)


def parsed(line: bytes) -> dict[str, Any] | None:
    """One record, or None; by the parser of pydantic, which takes half the time.

    What that one does not take (half a surrogate pair, deep nesting) the other one decides.
    """
    try:
        record = from_json(line)
    except ValueError:
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def _inner(fields: Mapping[str, Any]) -> bytes:
    """Fields as JSON without the braces, each with the comma before it."""
    if not fields:
        return b""
    try:
        text = _encode(fields).encode()
    except UnicodeEncodeError:  # half a surrogate pair, from a damaged message
        text = _encode_ascii(fields).encode("ascii")
    return b"," + text[1:-1]


@dataclass(frozen=True, slots=True)
class Shared:
    """Fields that many records have in common, with their JSON made once.

    >>> Shared({"conn": "oru#1"}).text
    b',"conn":"oru#1"'
    """

    fields: Mapping[str, Any]
    text: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _inner(self.fields))


NOTHING = Shared({})
"""What records have in common that stand by themselves."""


def stamp(now: float, wall: str) -> bytes:
    """The times of a record: monotonic seconds, and the civil time as text."""
    return b'"t":%a,"w":"%b"' % (now, wall.encode("ascii"))


def render(number: int, times: bytes, kind: str, shared: Shared, own: Mapping[str, Any]) -> bytes:
    """The line of one record: ``n``, its ``stamp``, kind, shared fields, own fields."""
    raw = own.get("raw")
    head = (number, times, kind.encode("ascii"), shared.text)
    if type(raw) is not Packed:
        return b'{"n":%d,%b,"kind":"%b"%b%b}\n' % (*head, _inner(own))
    rest = b""
    if len(own) > 1:
        rest = _inner({name: value for name, value in own.items() if name != "raw"})
    return b'{"n":%d,%b,"kind":"%b"%b%b,"raw":"%b"}\n' % (*head, rest, raw.encode("ascii"))
