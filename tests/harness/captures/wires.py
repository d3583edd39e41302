"""Network captures put together from their layers by hand: nothing here imports the reader.

Ethernet, IPv4 and TCP as RFC 894, RFC 791 §3.1 and RFC 9293 §3.1 draw them; the file as the libpcap
page ``pcap-savefile`` and the pcapng draft §4 have it. Checksums are left at 0: cards fill them in
behind the place where captures are taken.
"""

from __future__ import annotations

import struct

CLIENT, SERVER = ("10.0.0.1", 40001), ("10.0.0.2", 6661)
FIN, SYN, RST, ACK = 1, 2, 4, 16


def ipv4(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def tcp(source, target, sequence, flags, data=b"") -> bytes:
    """An IPv4 packet with one TCP segment."""
    segment = struct.pack(
        ">HHIIBBHHH", source[1], target[1], sequence % 2**32, 0, 5 << 4, flags, 8192, 0, 0
    )
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment) + len(data), 0, 0, 64, 6, 0,
        ipv4(source[0]), ipv4(target[0]),
    )  # fmt: skip
    return head + segment + data


def tcp6(source_port, target_port, sequence, flags, data=b"") -> bytes:
    """An IPv6 packet over the loopback address, with an empty hop-by-hop header in front."""
    segment = struct.pack(
        ">HHIIBBHHH", source_port, target_port, sequence, 0, 5 << 4, flags, 0, 0, 0
    )
    hop = bytes((6, 0)) + bytes(6)
    here = bytes(15) + b"\x01"
    head = struct.pack(">IHBB16s16s", 6 << 28, len(hop + segment + data), 0, 64, here, here)
    return head + hop + segment + data


def ethernet(packet: bytes, *, vlan: bool = False) -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return bytes(12) + (b"\x81\x00\x00\x07" if vlan else b"") + kind + packet


def pcap(packets, link=1, order="<", nanoseconds=False, cut=65535) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, cut, link)
    for number, one in enumerate(packets):
        kept = one[:cut]
        out += struct.pack(f"{order}IIII", 1_700_000_000 + number, 0, len(kept), len(one)) + kept
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def pcapng(packets, link=1, order="<", resolution=6) -> bytes:
    out = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    option = struct.pack(f"{order}HHB3x", 9, 1, resolution)
    out += block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + option + bytes(4))
    for number, one in enumerate(packets):
        ticks = (1_700_000_000 + number) * 10**resolution
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(one), len(one))
        out += block(order, 6, head + one)
    return out


def talk(*pieces, start=1000, source=CLIENT, target=SERVER, opening=True):
    """Segments of one side, one after the other, behind a SYN."""
    out = [tcp(source, target, start, SYN)] if opening else []
    at = start + 1
    for piece in pieces:
        out.append(tcp(source, target, at, ACK, piece))
        at += len(piece)
    return out
