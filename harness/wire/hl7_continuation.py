"""Continuation: one logical message in several physical ones (HL7 2.5.1 §2.10.2, §2.15.4).

A fragment that is not the last ends in ``DSC|pointer``; the next one repeats the header with that
pointer in MSH-14. A segment that is too long itself is cut with ``ADD``: what follows it in the
next fragment belongs to the segment before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.errors import InputError
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import build

CLAUSE: Final = "HL7 2.5.1 §2.10.2"

_ROOM: Final = 64
"""Bytes that DSC and the names of ADD take at most, beside the pointer."""


def pointer_out(message: bytes) -> str:
    """DSC-1: what the next fragment will name; empty where this is the last one."""
    rows = _rows(message)
    last = rows[-1] if rows else b""
    if last[:3] != b"DSC":
        return ""
    return last[4:].split(last[3:4] or b"|")[0].decode("latin-1")


def pointer_in(message: bytes) -> str:
    """MSH-14: the fragment that this one continues; empty where it begins a message."""
    return Hl7Message.parse(message).get("MSH-14") or ""


def split(message: bytes, limit: int, pointer: str) -> list[bytes]:
    """A message as fragments of at most ``limit`` bytes; alone where it fits.

    Args:
        message: with its MSH.
        limit: bytes of a fragment, header included.
        pointer: what DSC-1 begins with; a number follows.

    Raises:
        InputError: the header leaves no room.
    """
    if len(message) <= limit:
        return [message]
    rows = [row + b"\r" for row in _rows(message)]
    head, body = rows[0], rows[1:]
    room = limit - len(head) - len(pointer) * 2 - _ROOM
    if room < 1:
        raise InputError(f"a fragment of {limit} bytes has no room beside its header")
    groups: list[bytes] = [b""]
    for piece in _pieces(body, room, Hl7Message.parse(message).encoding):
        if groups[-1] and len(groups[-1]) + len(piece) > room:
            groups.append(b"")
        groups[-1] += piece
    return [_fragment(head, groups, number, pointer) for number in range(len(groups))]


def _pieces(body: list[bytes], room: int, codec: str) -> Iterator[bytes]:
    """Segments; those that are too long in parts, the later ones under ADD.

    No part ends inside a character: each fragment is to be readable by itself.
    """
    for row in body:
        if len(row) <= room:
            yield row
            continue
        rest, name = row[:-1], b""
        while rest:
            part = rest[: room - 5]
            part = part.decode(codec, "ignore").encode(codec) if part != rest else rest
            if not part:  # not in that character set: cut where it comes
                part = rest[: room - 5]
            yield name + part + b"\r"
            rest, name = rest[len(part) :], b"ADD|"


def _fragment(head: bytes, groups: list[bytes], number: int, pointer: str) -> bytes:
    if number:
        head = Hl7Message.parse(head).set("MSH-14", f"{pointer}{number}").raw
    last = number == len(groups) - 1
    return head + groups[number] + (b"" if last else build([["DSC", f"{pointer}{number + 1}"]]))


def join(fragments: list[bytes]) -> bytes:
    """The message of its fragments: the header of the first, without DSC and ADD."""
    rows: list[bytes] = []
    for number, fragment in enumerate(fragments):
        own = _rows(fragment)
        if own and own[-1][:3] == b"DSC":
            own.pop()
        for row in own[1:] if number else own:
            if row[:3] == b"ADD" and rows:
                rows[-1] += row[4:]
            else:
                rows.append(row)
    return b"".join(row + b"\r" for row in rows)


def _rows(message: bytes) -> list[bytes]:
    return [row for row in message.split(b"\r") if row]
