"""The journal of a relay: a capture file that every reader of captures knows.

Each piece is one TCP segment in pcap (https://www.tcpdump.org/manpages/pcap-savefile.5.txt), link
type 101: raw IPv4. It is with the operating system before the piece goes on, so what passed
outlives this program; with ``durable`` it is on the disk, and outlives the power. A file that was
cut off is read up to the cut.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.captures.packets import FIN, RST, SYN
from harness.errors import InputError
from harness.i18n import tr

End = tuple[str, int]

ACK: Final = 0x10
RAW_IP: Final = 101
_HEAD: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP)
_PACKET: Final = struct.Struct("<IIII")
_IP_TCP: Final = struct.Struct(">BBHHHBBH4s4sHHIIBBHHH")
"""Headers of IPv4 and TCP without options (RFC 791 §3.1, RFC 9293 §3.1)."""

_WHOLE: Final = 1 << 32


@dataclass(slots=True)
class PcapJournal:
    """A ``Journal`` of ``link.passing``.

    Args:
        path: the file; it must not be there.
        durable: wait until every piece is on the disk.

    Attributes:
        pieces: that were written.
        lost: bytes that passed and could not be written.
        trouble: why not.
    """

    path: Path
    durable: bool = False
    pieces: int = 0
    lost: int = 0
    trouble: str = ""
    _file: int = -1
    _size: int = 0
    _next: dict[tuple[End, End], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _named: dict[str, bytes] = field(default_factory=dict)

    def open(self) -> None:
        """Begin the file.

        Raises:
            InputError: it is there already, or cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, flags, 0o600)
            self._write(_HEAD)
        except OSError as error:
            why = error.strerror or str(error)
            text = tr("cannot be written: {why}", why=why)
            raise InputError(text, where=str(self.path)) from error

    def close(self) -> None:
        """End the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def opened(self, source: End, target: End) -> None:
        """A connection begins."""
        with self._lock:
            self._next[source, target] = self._next[target, source] = 1
            self._put(source, target, SYN, b"", sequence=0)
            self._put(target, source, SYN | ACK, b"", sequence=0)

    def passed(self, source: End, target: End, data: bytes) -> None:
        """Bytes are about to go on."""
        with self._lock:
            if self._put(source, target, ACK, data):
                self.pieces += 1
            else:
                self.lost += len(data)

    def closed(self, source: End, target: End, *, reset: bool) -> None:
        """One end says no more."""
        with self._lock:
            self._put(source, target, RST if reset else FIN | ACK, b"")
            if reset:
                self._next.pop((target, source), None)
            self._next.pop((source, target), None)

    def _put(self, source: End, target: End, flags: int, data: bytes, sequence: int = -1) -> bool:
        if self._file < 0:
            return False
        at = self._next.get((source, target), 1) if sequence < 0 else sequence
        other = self._next.get((target, source), 1)
        size = _IP_TCP.size + len(data)
        now = time.time_ns() // 1000
        heads = _PACKET.pack(now // 10**6, now % 10**6, size, size) + _IP_TCP.pack(
            0x45, 0, size, 0, 0, 64, 6, 0, self._host(source[0]), self._host(target[0]),
            source[1], target[1], at, other if flags & ACK else 0, 0x50, flags, 65535, 0, 0,
        )  # fmt: skip
        try:
            self._write(heads + data)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return False
        self._next[source, target] = (at + len(data)) % _WHOLE if sequence < 0 else 1
        return True

    def _write(self, data: bytes) -> None:
        """All of it, or the file as it was before: half a piece would hide what follows."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        if self.durable:
            os.fsync(self._file)
        self._size += len(data)

    def _host(self, name: str) -> bytes:
        """An IPv4 address; what is none gets one of 240.0.0.0/4, which nobody has."""
        known = self._named.get(name)
        if known is None:
            try:
                known = ipaddress.IPv4Address(name).packed
            except ValueError:
                digest = hashlib.sha256(name.encode()).digest()
                known = bytes([240 | digest[0] & 0x0F]) + digest[1:4]
            self._named[name] = known
        return known

    def shown(self, name: str) -> str:
        """A host as the readers of the file will name it."""
        with self._lock:
            return str(ipaddress.IPv4Address(self._host(name)))


@dataclass(slots=True)
class Ends:
    """Which role stands at which end, beside the journal: ``ADDRESS=ROLE``, one a line.

    Args:
        path: of the file.
        journal: names the hosts.
        roles: role that connects and role that listens, by target.
    """

    path: Path
    journal: PcapJournal
    roles: Mapping[End, tuple[str, str]]
    _known: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opened(self, source: End, target: End) -> None:
        """Note both ends, then as the journal."""
        frm, to = self.roles[target]
        with self._lock:
            lines = [
                f"{self.journal.shown(end[0])}:{end[1]}={role}\n"
                for end, role in ((source, frm), (target, to))
            ]
            fresh = [one for one in dict.fromkeys(lines) if one not in self._known]
            self._known.update(fresh)
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.writelines(fresh)
            except OSError as error:
                self.journal.trouble = error.strerror or str(error)
        self.journal.opened(source, target)

    def passed(self, source: End, target: End, data: bytes) -> None:
        """As the journal."""
        self.journal.passed(source, target, data)

    def closed(self, source: End, target: End, *, reset: bool) -> None:
        """As the journal."""
        self.journal.closed(source, target, reset=reset)


def read_ends(path: Path) -> dict[str, str]:
    """The ends beside a journal; empty where there is no such file.

    Raises:
        InputError: it cannot be read.
    """
    beside = path.with_suffix(".ends")
    if not beside.is_file():
        return {}
    try:
        lines = beside.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(tr("cannot be read: {why}", why=error), where=str(beside)) from error
    pairs = [line.rpartition("=") for line in lines if "=" in line]
    return {address: role for address, _, role in pairs}
