"""The site's own Oracle client: python-oracledb's thick mode, for databases from 11.2 on.

The thin mode of the driver reaches 12.1 and later alone (python-oracledb, "Appendix A"). A process
loads one client, once. The client must have as many bits as this Python: the 32-bit client that an
old HIS brings cannot be loaded, so its file is looked into before (Microsoft PE Format, "COFF File
Header"; System V ABI, "ELF Identification").
"""

from __future__ import annotations

import struct
import sys
import threading
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr

LIBRARIES: Final = ("oci.dll", "libclntsh.so", "libclntsh.dylib")
"""Names of the client's library on Windows, Linux and macOS."""

_PE_MACHINES: Final = {0x014C: 32, 0x8664: 64, 0xAA64: 64}
_ELF_CLASSES: Final = {1: 32, 2: 64}

_loaded: list[str] = []
_lock: Final = threading.Lock()


def bits_of(library: Path) -> int:
    """32 or 64; 0 where the file does not tell."""
    with library.open("rb") as file:
        head = file.read(64)
        if head[:4] == b"\x7fELF" and len(head) > 4:
            return _ELF_CLASSES.get(head[4], 0)
        if head[:2] != b"MZ" or len(head) < 64:
            return 0
        file.seek(struct.unpack_from("<I", head, 0x3C)[0])
        found = file.read(6)
    if len(found) < 6 or found[:4] != b"PE\0\0":
        return 0
    return _PE_MACHINES.get(struct.unpack_from("<H", found, 4)[0], 0)


def our_bits() -> int:
    """Of this Python."""
    return 64 if sys.maxsize > 2**32 else 32


def use(driver: Any, folder: str) -> None:
    """Load the client of a folder into this process; the same folder again does nothing.

    Args:
        driver: python-oracledb.
        folder: absolute, with ``oci.dll`` or ``libclntsh.so``.

    Raises:
        InputError: there is none, it has other bits than we, or another one is loaded.
    """
    with _lock:
        if folder in _loaded:
            return
        if _loaded:
            raise InputError(
                tr("this process has loaded another Oracle client: {folder}", folder=_loaded[0]),
                remedy=tr("let every probe of the profile name the same oracle_client"),
            )
        check(folder)
        try:
            driver.init_oracle_client(lib_dir=folder)
        except driver.Error as error:
            raise refused(str(error), folder) from error
        _loaded.append(folder)


def check(folder: str) -> None:
    """Look whether a folder holds a client that this Python can load; nothing is loaded.

    Raises:
        InputError: it does not.
    """
    # Linux has numbered names (libclntsh.so.19.1), and the plain one where it was linked.
    there = [path for name in LIBRARIES for path in sorted(Path(folder).glob(f"{name}*"))]
    if not there:
        raise InputError(
            tr("no Oracle client is in this folder"),
            where=folder,
            remedy=tr("unpack Oracle Instant Client Basic there, {bits} bits, version 19 for"
                      " databases from 11.2 on; oracle_client is the folder with oci.dll or"
                      " libclntsh.so", bits=our_bits()),
        )  # fmt: skip
    bits = bits_of(there[0])
    if bits and bits != our_bits():
        raise _other_bits(str(there[0]), bits)


def _other_bits(where: str, bits: int) -> InputError:
    return InputError(
        tr("this Oracle client has {bits} bits, and this Python {ours}", bits=bits,
           ours=our_bits()),
        where=where,
        remedy=tr("unpack Oracle Instant Client Basic of {ours} bits into a folder of its own, and"
                  " name it as oracle_client; the client of the HIS stays as it is",
                  ours=our_bits()),
    )  # fmt: skip


def refused(text: str, where: str) -> InputError:
    """What python-oracledb says where it cannot load a client, with a next action.

    DPI-1047 is one number for a client that is missing, one with other bits, and one that misses a
    library of its own.
    """
    first = text.strip().partition("\n")[0]
    wrong = ("ELFCLASS32", "architecture", "not a valid Win32", "0xc1", "error 193")
    if "DPI-1047" in text and any(word in text for word in wrong):
        return _other_bits(where, 96 - our_bits())
    remedy = advice(text) or tr("see docs/how-to/at-a-real-site.md, “Looking into databases”")
    return InputError(tr("Oracle refuses: {error}", error=first), where=where, remedy=remedy)


def advice(text: str) -> str:
    """The next action for what a site meets; empty for the rest."""
    if "DPI-1047" in text:
        return tr("oracle_client is the folder with oci.dll or libclntsh.so; Windows needs the"
                  " Visual C++ runtime of that version, Linux libaio1 and the folder in"
                  " LD_LIBRARY_PATH before the start")  # fmt: skip
    if any(number in text for number in ("DPI-1072", "DPI-1050", "ORA-28040", "ORA-03134")):
        return tr("unpack Oracle Instant Client Basic 19: it reaches databases from 11.2 on")
    if any(number in text for number in ("DPY-3010", "DPY-3015", "DPY-3001", "DPY-4011")):
        return tr('name the client of the site: oracle_client = "FOLDER" in this probe')
    return ""
