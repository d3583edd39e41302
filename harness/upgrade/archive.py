"""A file inside a message: a ZIP archive in Base64, taken apart to the fields of its lines.

The 医保 interface carries lists that way (9101). As a text such an archive differs as a whole where
one amount differs, and also where the same lines were packed by another program.
"""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from typing import Final

from harness.input_files import DAMAGED_ZIP

MAGIC: Final = "UEsDB"
"""How ``PK\\x03`` begins in Base64."""

BYTES_MAX: Final = 16 * 1024 * 1024
"""Of all files of an archive; a larger one is compared as a whole."""


def fields(value: str) -> list[tuple[str, str]] | None:
    """``name[line].column`` and the field, of every file; None for what is no readable archive."""
    if not value.startswith(MAGIC):
        return None
    try:
        return list(_fields(b64decode(value, validate=True)))
    except DAMAGED_ZIP:
        return None


def _fields(data: bytes) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if sum(one.file_size for one in entries) > BYTES_MAX:
            raise ValueError("the archive is larger than is looked into")
        for entry in entries:
            text = _text(archive.read(entry))
            for number, line in enumerate(text.split("\n"), 1):
                for column, field in enumerate(line.split("\t"), 1):
                    yield f"{entry.filename}[{number}].{column}", field


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")
