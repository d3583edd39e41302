"""ZIP archives with ledgers in them, as 9102 and payment channels deliver them.

Names inside the archive are never used as paths, and sizes are counted while unpacking: neither
``../`` nor a bomb reaches the disk.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.input_files import DAMAGED_ZIP
from harness.ledger.control import Incomplete

UNPACKED_BYTES_MAX: Final = 16 << 30
"""All members of one archive together: a province's quarter."""

RATIO_MAX: Final = 200
"""Unpacked to packed; ledger text reaches 5 to 20."""

RATIO_FROM_BYTES: Final = 64 << 20
"""Small archives may compress as they like."""

MEMBERS_MAX: Final = 1000
_CHUNK_BYTES: Final = 1 << 20
_UTF8_FLAG: Final = 0x800


def extract(path: Path, work: Path) -> Iterator[tuple[Path, str]]:
    """Unpack every file of the archive; yields its path on disk and its name inside.

    Raises:
        InputError: a name that leaves the folder, a bomb, a password.
        Incomplete: the archive was cut off or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not all(one.filename for one in members):  # nobody can tell what such a thing is
                raise zipfile.BadZipFile("a file without a name")
            members = [one for one in members if not one.is_dir()]
            if not members or len(members) > MEMBERS_MAX:
                raise InputError(
                    tr("{count} files in this archive", count=len(members)), where=str(path)
                )
            for number, member in enumerate(sorted(members, key=lambda one: one.filename)):
                name = _name(member)
                _refuse(path, member, name)
                suffix = Path(name).suffix.lower()
                target = work / f"{path.stem}.{number}{suffix if suffix.isascii() else '.txt'}"
                _unpack(archive, member, target, path)
                yield target, name
    except DAMAGED_ZIP as error:
        raise Incomplete(
            tr("the archive is cut off or damaged: {error}", error=error), where=str(path)
        ) from error


def _name(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _refuse(path: Path, member: zipfile.ZipInfo, name: str) -> None:
    where = f"{path}:{name}"
    plain = name.replace("\\", "/")
    if plain.startswith("/") or ":" in plain or ".." in plain.split("/"):
        raise InputError(tr("a name that leaves its folder"), where=where)
    if member.flag_bits & 1:
        raise InputError(tr("the archive has a password"), where=where)
    big = member.file_size > RATIO_FROM_BYTES
    if big and member.file_size > RATIO_MAX * max(member.compress_size, 1):
        raise InputError(tr("unpacks to {size} bytes", size=member.file_size), where=where)


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    written = 0
    limit = max(RATIO_FROM_BYTES, RATIO_MAX * member.compress_size)
    with archive.open(member) as source, target.open("wb") as stream:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > min(limit, UNPACKED_BYTES_MAX):
                raise InputError(
                    tr("unpacks to {size} bytes", size=written), where=f"{path}:{member.filename}"
                )
            stream.write(chunk)
