"""Every reader of an archive refuses one that is damaged, however it is damaged.

The library raises another error for each kind of damage, so each kind is tried with each reader.
"""

from __future__ import annotations

import base64
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from harness.errors import InputError
from harness.ledger import sources_archive
from harness.report import evidence_zip, intact
from harness.selfcheck import wire_yb_money
from harness.upgrade import archive
from simulators.centre import files
from simulators.centre.rules import Refusal

TEXT: Final = b"".join(b"%d\t%d\n" % (number, number * 7_919 % 1_000) for number in range(2_000))
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
LZMA_PROPERTIES: Final = b"\x09\x04\x05\x00\x5d\x00\x00\x80\x00"


def _made(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.writestr("manifest.json", TEXT)
    return out.getvalue()


def _begin(data: bytes | bytearray) -> int:
    """Where the member's own bytes begin."""
    return 30 + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")


def _field(local: int, central: int, value: bytes) -> Callable[[], bytes]:
    """A good archive with another value in both heads of its member."""

    def change() -> bytes:
        data = bytearray(_made())
        data[local : local + len(value)] = value
        at = data.index(CENTRAL) + central
        data[at : at + len(value)] = value
        return bytes(data)

    return change


def _filled(method: int, noise: bytes) -> Callable[[], bytes]:
    """The member's bytes are others, its heads are as they were."""

    def change() -> bytes:
        data = bytearray(_made(method))
        begin, end = _begin(data), data.index(CENTRAL)
        data[begin:end] = (noise * (end - begin))[: end - begin]
        return bytes(data)

    return change


def _lzma() -> bytes:
    data = bytearray(_filled(zipfile.ZIP_LZMA, random.Random(7).randbytes(5_000))())
    data[_begin(data) : _begin(data) + len(LZMA_PROPERTIES)] = LZMA_PROPERTIES
    return bytes(data)


DAMAGES: Final = {
    "cut in half": lambda: _made()[: len(_made()) // 2],
    "cut at its end": lambda: _made()[:-1],
    "no archive": lambda: b"no archive",
    "heads alone": lambda: LOCAL + CENTRAL + b"PK\x05\x06",
    "another checksum": _field(14, 16, b"abcd"),
    "encrypted": _field(6, 8, b"\x01\x00"),
    "a method that nobody knows": _field(8, 10, b"\x63\x00"),
    "a newer version": _field(4, 6, b"\xff\x00"),
    "a name that is no UTF-8": lambda: _field(6, 8, b"\x00\x08")().replace(b"manifest", b"\xff" * 8),
    "no deflate": _filled(zipfile.ZIP_DEFLATED, b"\xff"),
    "no bzip2": _filled(zipfile.ZIP_BZIP2, b"\xff"),
    "no LZMA": _filled(zipfile.ZIP_LZMA, b"\xff"),
    "LZMA that ends in noise": _lzma,
    "stored, and another text": _filled(zipfile.ZIP_STORED, b"x"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_refused(damage: str, tmp_path: Path) -> None:
    data = DAMAGES[damage]()
    path = tmp_path / evidence_zip.NAME
    path.write_bytes(data)
    work = tmp_path / "work"
    work.mkdir()

    with pytest.raises(InputError, match=evidence_zip.NAME):
        list(sources_archive.extract(path, work))
    with pytest.raises(InputError, match=evidence_zip.NAME):
        evidence_zip.verify(path)
    assert intact.manifest(tmp_path) == {}
    assert archive.fields(base64.b64encode(data).decode()) is None
    with pytest.raises(Refusal):
        files._member(data)
    assert wire_yb_money.file_rows(data) == []


def test_one_that_is_whole_is_read(tmp_path: Path) -> None:
    """Else each reader might refuse whatever comes."""
    path = tmp_path / "any.zip"
    path.write_bytes(_made())
    work = tmp_path / "work"
    work.mkdir()

    assert [one.read_bytes() for one, _ in sources_archive.extract(path, work)] == [TEXT]
    found = archive.fields(base64.b64encode(_made()).decode())
    assert found is not None and len(found) > 2_000
    assert files._member(_made()) == TEXT
    assert wire_yb_money.file_rows(_made())[7] == ["7", "433"]
