"""Packets of a network capture: pcap and pcapng, down to TCP segments.

Formats: the libpcap file format (magic ``A1B2C3D4`` or ``A1B23C4D``, both byte orders) and pcapng
(section header, interface description, enhanced, simple and obsolete packet blocks). Link layers:
Ethernet with VLAN tags, BSD loopback, raw IP, Linux cooked v1 and v2. What is no TCP over IPv4 or
IPv6, and what a short snapshot length cut away, is counted and not guessed.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from harness import limits

PACKET_BYTES_MAX: Final = limits.MIB
"""Longest packet or block that is taken: beyond that the file is damaged."""

INTERFACES_MAX: Final = 1024

_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6), b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9), b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}  # fmt: skip
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_ORDER: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}

_IPV4, _IPV6, _VLANS = 0x0800, 0x86DD, (0x8100, 0x88A8, 0x9100)
_TCP: Final = 6
_EXTENSIONS: Final = (0, 43, 60)
"""IPv6 headers that may stand before TCP: hop by hop, routing, destination (RFC 8200 §4)."""


class Segment(NamedTuple):
    """One TCP segment.

    Attributes:
        at_s: when it was seen, seconds since 1970.
        source: address and port.
        target: address and port.
        sequence: of its first byte.
        flags: as RFC 9293 §3.1 has them.
        data: its payload, as far as the capture has it.
        missing: bytes of the payload that the snapshot length cut away.
    """

    at_s: float
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    flags: int
    data: bytes
    missing: int


FIN, SYN, RST = 1, 2, 4


@dataclass(slots=True)
class Packets:
    """Reads one capture file; ``segments`` once.

    Attributes:
        file: open for reading bytes.
        skipped: why packets were left out, with their number.
        damage: where the file ends early or makes no sense; empty if it does not.
    """

    file: BinaryIO
    skipped: Counter[str] = field(default_factory=Counter)
    damage: str = ""

    def segments(self) -> Iterator[Segment]:
        """Every TCP segment, in the order of the file."""
        magic = self.file.read(4)
        if magic in _PCAP:
            packets = self._pcap(*_PCAP[magic])
        elif magic == _SECTION:
            packets = self._pcapng()
        else:
            self.damage = "this is neither pcap nor pcapng"
            return
        for at_s, link, data, size in packets:
            one = self._segment(at_s, link, data, size)
            if one is not None:
                yield one

    # ---- the file

    def _read(self, size: int) -> bytes | None:
        """So many bytes; None at a clean end, or with ``damage`` where the file breaks off."""
        data = self.file.read(size)
        if len(data) == size:
            return data
        if data:
            self.damage = f"the file breaks off at byte {self.file.tell()}"
        return None

    def _pcap(self, order: str, tick_s: float) -> Iterator[tuple[float, int, bytes, int]]:
        head = self._read(20)
        if head is None:
            self.damage = self.damage or "the file has no header"
            return
        link = struct.unpack(f"{order}HHiIII", head)[-1] & 0xFFFF
        record = struct.Struct(f"{order}IIII")
        while (raw := self._read(record.size)) is not None:
            seconds, ticks, kept, size = record.unpack(raw)
            if kept > PACKET_BYTES_MAX:
                self.damage = f"a packet of {kept} bytes before byte {self.file.tell()}"
                return
            data = self._read(kept)
            if data is None:
                self.damage = self.damage or "the file breaks off inside a packet"
                return
            yield seconds + ticks * tick_s, link, data, size

    def _pcapng(self) -> Iterator[tuple[float, int, bytes, int]]:
        order = "<"
        interfaces: list[tuple[int, float, float]] = []
        self.file.seek(-4, 1)
        while (head := self._read(8)) is not None:
            if head[:4] == _SECTION:
                sign = self.file.read(4)
                if sign not in _ORDER:
                    self.damage = "a section without its byte order"
                    return
                order, interfaces = _ORDER[sign], []
                self.file.seek(-4, 1)
            kind, size = struct.unpack(f"{order}II", head)
            if size < 12 or size > PACKET_BYTES_MAX or size % 4:
                self.damage = f"a block of {size} bytes before byte {self.file.tell()}"
                return
            body = self._read(size - 8)
            if body is None:
                self.damage = self.damage or "the file breaks off inside a block"
                return
            if kind == 1 and len(interfaces) < INTERFACES_MAX:
                interfaces.append(_interface(order, body[:-4]))
            elif kind in {2, 3, 6}:
                yield from self._packet(order, kind, body[:-4], interfaces)

    def _packet(
        self, order: str, kind: int, body: bytes, interfaces: list[tuple[int, float, float]]
    ) -> Iterator[tuple[float, int, bytes, int]]:
        """One enhanced (6), simple (3) or obsolete (2) packet block."""
        if len(body) < (4 if kind == 3 else 20):
            self.skipped["a block too short for its packet"] += 1
            return
        number, high, low = 0, 0, 0
        if kind == 3:
            (size,) = struct.unpack_from(f"{order}I", body)
            begin, kept = 4, min(size, len(body) - 4)
        else:
            heads = f"{order}IIIII" if kind == 6 else f"{order}HxxIIII"
            number, high, low, kept, size = struct.unpack_from(heads, body)
            begin = 20
        if number >= len(interfaces):
            self.skipped["a packet of an unknown interface"] += 1
            return
        link, tick_s, offset_s = interfaces[number]
        yield ((high << 32) + low) * tick_s + offset_s, link, body[begin : begin + kept], size

    # ---- the layers

    def _segment(self, at_s: float, link: int, data: bytes, size: int) -> Segment | None:
        found = _network(link, data)
        if found is None:
            self.skipped["no IP, or a link layer that is not read"] += 1
            return None
        try:
            if data[found] >> 4 == 4:
                return self._ipv4(at_s, data, found, size)
            return self._ipv6(at_s, data, found, size)
        except (struct.error, IndexError):
            self.skipped["cut off inside its headers"] += 1
            return None

    def _ipv4(self, at_s: float, data: bytes, at: int, size: int) -> Segment | None:
        length, _, pieces, _, protocol = struct.unpack_from(">HHHBB", data, at + 2)
        if pieces & 0x3FFF:
            self.skipped["a piece of a fragmented packet"] += 1
            return None
        if protocol != _TCP:
            self.skipped["not TCP"] += 1
            return None
        source, target = (".".join(map(str, data[at + n : at + n + 4])) for n in (12, 16))
        # A length of 0 is what a card leaves that cuts the packets itself.
        end = at + length if length else size
        return _tcp(at_s, source, target, data, at + (data[at] & 0x0F) * 4, end)

    def _ipv6(self, at_s: float, data: bytes, at: int, size: int) -> Segment | None:
        length, protocol = struct.unpack_from(">HB", data, at + 4)
        source, target = (_ipv6_text(data[at + n : at + n + 16]) for n in (8, 24))
        end = at + 40 + length if length else size
        inner = at + 40
        while protocol in _EXTENSIONS:
            protocol, inner = data[inner], inner + 8 + data[inner + 1] * 8
        if protocol != _TCP:
            self.skipped["not TCP"] += 1
            return None
        return _tcp(at_s, source, target, data, inner, end)


def _interface(order: str, body: bytes) -> tuple[int, float, float]:
    """Link layer, seconds a tick and offset of an interface description block."""
    if len(body) < 8:
        return 0xFFFF, 1e-6, 0.0
    (link,) = struct.unpack_from(f"{order}H", body)
    tick_s, offset_s, at = 1e-6, 0.0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 9 and value:
            power = value[0] & 0x7F
            tick_s = 2.0**-power if value[0] & 0x80 else 10.0**-power
        elif code == 14 and len(value) == 8:
            offset_s = float(struct.unpack(f"{order}q", value)[0])
        at += 4 + size + (-size) % 4
    return link, tick_s, offset_s


def _network(link: int, data: bytes) -> int | None:
    """Where the IP header begins; None where there is none."""
    begin: int | None = None
    if link == 1:
        at = 12
        while int.from_bytes(data[at : at + 2], "big") in _VLANS:
            at += 4
        kind = int.from_bytes(data[at : at + 2], "big")
        begin = at + 2 if kind in {_IPV4, _IPV6} else None
    elif link in {0, 108}:
        begin = 4
    elif link in {12, 14, 101, 228, 229}:
        begin = 0
    elif link == 113:
        begin = 16 if int.from_bytes(data[14:16], "big") in {_IPV4, _IPV6} else None
    elif link == 276:
        begin = 20 if int.from_bytes(data[:2], "big") in {_IPV4, _IPV6} else None
    if begin is None or begin >= len(data) or data[begin] >> 4 not in {4, 6}:
        return None
    return begin


def _tcp(at_s: float, source: str, target: str, data: bytes, at: int, end: int) -> Segment:
    """The segment whose header begins at ``at``; the packet ends at ``end`` on the wire."""
    source_port, target_port, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", data, at)
    begin = at + (offset >> 4) * 4
    payload = data[begin : max(begin, end)]
    return Segment(
        at_s,
        (source, source_port),
        (target, target_port),
        sequence,
        flags,
        payload,
        max(0, end - begin - len(payload)),
    )


def _ipv6_text(raw: bytes) -> str:
    if len(raw) != 16:
        raise IndexError
    return ":".join(f"{raw[n] << 8 | raw[n + 1]:x}" for n in range(0, 16, 2))
