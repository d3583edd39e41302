"""What a trace of ours has of a line byte for byte: ASTM sessions, and HL7 that is framed wrongly.

A trace tells no protocol of a connection; it is seen from how its sides begin, as in a capture.
Where a relay stood between, there are two connections, ``x`` and behind the relay ``x>``: what
counts is what whoever listened got, so of the caller the second, of the listener the first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.captures.network import protocol_of
from harness.cases import framing_mllp
from harness.cases.framing import WIRE, sessions, text_of
from harness.cases.recorded_dicom import moment
from harness.evidence import trace

BEHIND: Final = ">"
"""Behind the name of a connection: the half behind the relay."""


@dataclass(slots=True)
class Side:
    """What one side of a connection said.

    Attributes:
        link: name of the endpoint.
        frm: role that said it.
        to: role that heard it.
        caller: it spoke first, and is taken for who opened the connection.
        data: the bytes.
        moments: first byte of each piece, and when it passed.
    """

    link: str
    frm: str
    to: str
    caller: bool
    data: bytearray = field(default_factory=bytearray)
    moments: list[tuple[int, float]] = field(default_factory=list)

    def at_s(self, offset: int) -> float:
        """When a byte passed."""
        return self.moments[bisect_right(self.moments, offset, key=lambda one: one[0]) - 1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """A piece of a side with its framing.

    Attributes:
        protocol: ``astm-wire`` or ``mllp-wire``.
        bare: protocol of what stands in it.
        data: the bytes.
        text: what stands in it.
        side: who said it.
        at_s: when.
    """

    protocol: str
    bare: str
    data: bytes
    text: bytes
    side: Side
    at_s: float


class WireOfTrace:
    """The lines of one trace; fed record by record."""

    def __init__(self) -> None:
        self._sides: dict[tuple[str, str], dict[str, Side]] = {}

    def take(self, record: dict[str, Any]) -> None:
        """A record of the kind ``bytes``."""
        key = (str(record.get("link", "")), str(record.get("conn", "")))
        sides = self._sides.setdefault(key, {})
        frm, to = str(record["frm"]), str(record["to"])
        side = sides.setdefault(frm, Side(key[0], frm, to, caller=not sides))
        side.moments.append((len(side.data), moment(record["w"])))
        side.data += trace.unpack(record["raw"])

    def _heard(self) -> Iterator[tuple[str, Side]]:
        """Protocol and side of everything as it was heard."""
        for (link, conn), sides in self._sides.items():
            said = [bytes(one.data) for one in sides.values()]
            protocol = protocol_of(said[0], said[1] if len(said) > 1 else b"")
            far = conn.endswith(BEHIND)
            other = conn.removesuffix(BEHIND) if far else f"{conn}{BEHIND}"
            for side in sides.values():
                if (link, other) not in self._sides or side.caller is far:
                    yield protocol, side

    def framed(self) -> Iterator[Framed]:
        """Sessions of ASTM, and messages of HL7 whose framing is not as it should be."""
        for protocol, side in self._heard():
            data = bytes(side.data)
            if protocol == "astm":
                for one in sessions(data):
                    text, at_s = text_of(one.data), side.at_s(one.offset)
                    yield Framed(protocol=WIRE, bare=protocol, data=one.data, text=text,
                                 side=side, at_s=at_s)  # fmt: skip
            elif protocol == "hl7":
                for part in framing_mllp.parts(data):
                    if not part.sound:
                        yield Framed(protocol=framing_mllp.WIRE, bare=protocol, data=part.data,
                                     text=part.message, side=side,
                                     at_s=side.at_s(part.offset + part.begin))  # fmt: skip


class Covered:
    """Messages of a trace that stand in a piece with its framing.

    Args:
        framed: all pieces.
    """

    def __init__(self, framed: Sequence[Framed]) -> None:
        self._sides = {(one.side.link, one.side.frm) for one in framed if one.bare == "astm"}
        self._texts = {(one.side.link, one.side.frm, one.text) for one in framed
                       if one.bare == "hl7"}  # fmt: skip

    def has(self, protocol: str, link: str, frm: str, payload: bytes) -> bool:
        """Whether a message is one of them: of ASTM all of a side."""
        if protocol == "astm":
            return (link, frm) in self._sides
        return protocol == "hl7" and (link, frm, payload) in self._texts
