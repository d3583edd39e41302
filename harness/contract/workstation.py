"""A workstation from a copied folder or a read-only share: programs, settings, and who differs.

Versions come from the resources of the file itself (PE format, Microsoft; VS_FIXEDFILEINFO), the
width from its header. Settings come from ini files, exported registry files (ODBC, printers, COM
ports) and the hosts file. Nothing is installed and nothing is started. Values that look like a
secret are kept by their hash only.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.contract.files import listed
from harness.contract.model import Items, sha256

PROGRAMS: Final = frozenset({".exe", ".dll", ".ocx", ".sys"})
SETTINGS: Final = frozenset({".ini", ".cfg", ".conf", ".properties", ".reg"})

_WIDTHS: Final = {0x014C: "32", 0x8664: "64", 0xAA64: "64 ARM", 0x01C4: "32 ARM"}
"""Machine of the COFF header, in bits."""

_FIXED_INFO: Final = struct.pack("<I", 0xFEEF04BD)
"""Signature of VS_FIXEDFILEINFO."""

_SECRET: Final = re.compile(r"pass|pwd|secret|token|key|口令|密码", re.IGNORECASE)

TEXT_BYTES_MAX: Final = 1024 * 1024


def items(folder: Path) -> dict[str, str]:
    """What one workstation has.

    Raises:
        InputError: the folder is empty or holds far too much.
    """
    found: dict[str, str] = {}
    for name, path in listed(folder):
        suffix = path.suffix.lower()
        if suffix in PROGRAMS:
            data = path.read_bytes()
            found[f"program {name.lower()}"] = (
                f"{version(data)}, {width(data)}, {sha256(data)[:16]}"
            )
        elif path.name.lower() == "hosts":
            found |= dict(_hosts(_text(path)))
        elif suffix in SETTINGS:
            found |= dict(_settings(name.lower(), _text(path)))
    return found


def width(data: bytes) -> str:
    """32 or 64 bits by the header of a program; ``?`` for what is none."""
    if len(data) < 64 or data[:2] != b"MZ":
        return "?"
    (offset,) = struct.unpack_from("<I", data, 0x3C)
    if data[offset : offset + 4] != b"PE\0\0" or len(data) < offset + 6:
        return "?"
    (machine,) = struct.unpack_from("<H", data, offset + 4)
    return f"{_WIDTHS.get(machine, f'{machine:#06x}')} bit"


def version(data: bytes) -> str:
    """The file version of a program; ``-`` where it says none."""
    at = data.find(_FIXED_INFO)
    if at < 0 or len(data) < at + 16:
        return "-"
    high, low = struct.unpack_from("<II", data, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _text(path: Path) -> str:
    data = path.read_bytes()[:TEXT_BYTES_MAX]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # as regedit exports
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _hosts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        for name in words[1:]:
            yield f"hosts {name.lower()}", words[0]


def _settings(name: str, text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
        elif "=" in bare and not bare.startswith((";", "#")):
            key, _, value = bare.partition("=")
            key, value = key.strip().strip('"'), value.strip().strip('"')
            if _SECRET.search(key):
                value = f"SHA-256 {sha256(value.encode('utf-8'))[:16]}"
            yield f"setting {name} [{section}] {key}", value


def odd_ones(stations: Mapping[str, Items]) -> dict[str, dict[str, tuple[str, str]]]:
    """By item, the workstations that differ from what most have: their value, and the usual one.

    An item counts only where more than half of three or more workstations agree: otherwise there is
    no usual value that anybody could differ from.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for item in dict.fromkeys(one for items in stations.values() for one in items):
        values = {name: items.get(item, "") for name, items in stations.items()}
        usual, count = Counter(values.values()).most_common(1)[0]
        if len(values) >= 3 and count * 2 > len(values) and count < len(values):
            found[item] = {name: (value, usual) for name, value in values.items() if value != usual}
    return found


def matrix(stations: Mapping[str, Items]) -> list[Sequence[str]]:
    """A table: a row for each item in which a window differs from the majority."""
    odd = odd_ones(stations)
    names = list(stations)
    rows: list[Sequence[str]] = [["item", "usual", *names]] if odd else []
    for item, others in odd.items():
        usual = next(iter(others.values()))[1]
        rows.append(
            [item, usual, *(others[name][0] or "∅" if name in others else "=" for name in names)]
        )
    return rows
