"""``evidence.zip``: everything that a verdict rests on, with the SHA-256 of each file.

The same run folder gives the same bytes, so two people can compare what they hold by one hash.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from os import SEEK_END
from pathlib import Path
from typing import IO, Final

from harness import input_files
from harness.errors import InputError
from harness.evidence.hashed import Hashed, state
from harness.i18n import tr
from harness.report import pictures

NAME: Final = "evidence.zip"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

PAGES: Final = ("plan.json", "run.json", "report.html", "junit.xml")
"""Files beside the traces; one that is not there is left out."""

MASKED: Final = frozenset({"report.html"})
"""Pages that hide who real persons are."""

CHUNK_BYTES: Final = 1024 * 1024
"""Read at a time: a trace may be larger than memory."""

LEVEL: Final = 3
"""Of deflate (RFC 1951): half the time of the default, for an archive larger by a sixth."""


def pack(folder: Path, *, withhold: bool = False, hashed: Hashed | None = None) -> Path:
    """Write ``evidence.zip`` of a run folder and return its path; an older one is replaced.

    Args:
        folder: the run folder.
        withhold: real persons may be in it: only the masked page goes in, and of everything else
            the hash, so that what stays in the house can be held against it.
        hashed: files that were read whole before; one that has changed since is hashed again.
    """
    hashed = Hashed() if hashed is None else hashed
    target = folder / NAME
    partial = folder / f"{NAME}.partial"
    entries: list[dict[str, object]] = []
    withheld: list[dict[str, object]] = []
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            kept = withhold and name not in MASKED
            digest, size = _add(None if kept else archive, name, path, hashed)
            (withheld if kept else entries).append({"path": name, "bytes": size, "sha256": digest})
        told_all = {"format": FORMAT, "files": entries}
        if withhold:
            told_all["withheld"] = withheld
        manifest = json.dumps(told_all, ensure_ascii=False, indent=2)
        with _opened(archive, MANIFEST, long=False) as member:
            member.write(manifest.encode() + b"\n")
    partial.replace(target)
    return target


def verify(path: Path) -> list[str]:
    """Every way in which the archive differs from its manifest; empty if none.

    Raises:
        InputError: not a ZIP file, or one without a manifest.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            wanted = {one["path"]: one["sha256"] for one in manifest["files"]}
            names = [name for name in archive.namelist() if name != MANIFEST]
            problems = [f"{name}: not in the archive" for name in wanted if name not in names]
            for name in names:
                if names.count(name) > 1 or name not in wanted:
                    problems.append(f"{name}: not in the manifest, or there twice")
                elif _digest(archive, name) != wanted[name]:
                    problems.append(f"{name}: the SHA-256 differs")
            return problems
    except (KeyError, TypeError, *input_files.DAMAGED_ZIP) as error:
        raise InputError(tr("no evidence archive: {why}", why=error), where=str(path)) from error


def _files(folder: Path) -> Iterator[Path]:
    """Pages, traces with their blobs, pictures of cards; links are not followed."""
    for name in PAGES:
        if (folder / name).is_file():
            yield folder / name
    for path in sorted((folder / "traces").rglob("*"), key=lambda one: one.as_posix()):
        if path.is_file() and not path.is_symlink():
            yield path
    for path in sorted((folder / pictures.FOLDER).glob("*")):
        if path.is_file() and not path.is_symlink() and pictures.belongs(path.name):
            yield path


@contextmanager
def _opened(archive: zipfile.ZipFile, name: str, *, long: bool = True) -> Iterator[IO[bytes]]:
    """A new member, of the earliest time that ZIP knows: file times are no evidence.

    Args:
        archive: which gets it.
        name: of the member.
        long: it may have more than 2 GiB.
    """
    with archive.open(name, "w", force_zip64=long) as member:
        yield member
    info = archive.getinfo(name)
    info.create_system = 3  # the same on Windows
    info.external_attr = 0o644 << 16


def _add(archive: zipfile.ZipFile | None, name: str, path: Path, hashed: Hashed) -> tuple[str, int]:
    """SHA-256 and size of a file, which goes into the archive where one is given."""
    with path.open("rb") as source:
        known = hashed.of(path, state(source))
        if known and archive is None:
            return known, source.seek(0, SEEK_END)
        digest, size = hashlib.sha256(), 0
        with _opened(archive, name) if archive else nullcontext() as member:
            for chunk in _chunks(source):
                size += len(chunk)
                if not known:
                    digest.update(chunk)
                if member is not None:
                    member.write(chunk)
    return known or digest.hexdigest(), size


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as source:
        for chunk in _chunks(source):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk
