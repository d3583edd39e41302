"""Retention of what lies beside the run folders: recordings, and results that a person carried."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from harness import input_files
from harness.clock import CHINA
from harness.errors import InputError
from harness.i18n import tr
from harness.profile import ProbeKind, Profile
from harness.site import vault

_CARRIED: Final = re.compile(r"-[0-9a-f]{16}\.(?:sql|csv|xlsx)", re.IGNORECASE)
"""What follows the name of a probe: the token of ``probes/carried.py``, and who wrote the file."""


def recordings(base: Path, days: int, now: datetime | None = None) -> list[Path]:
    """Folders below ``base`` whose recording ended more than ``days`` ago, sealed or not.

    A run folder is none, also where a recording lies in it: its age is that of the run. No link is
    followed.

    Args:
        base: folder that holds them.
        days: of ``[privacy] retention_days``.
        now: civil time; the clock's where left out.
    """
    limit = _limit(days, now)
    return [
        folder
        for folder in sorted(base.iterdir())
        if folder.is_dir() and not folder.is_symlink() and not vault.is_run(folder)
        if (files := vault.recorded(folder)) and _ended(folder, files) < limit
    ]


def carried(profile: Profile, days: int, now: datetime | None = None) -> list[Path]:
    """Questions and results of hand-carried probes that are older than ``days``.

    Only files that bear the name of a probe and a token are named: the folder is the site's, and
    others put things there, too. No link is followed.

    Args:
        profile: says where they are.
        days: of ``[privacy] retention_days``.
        now: civil time; the clock's where left out.
    """
    limit = _limit(days, now)
    found: set[Path] = set()
    for name, probe in profile.probes.items():
        folder = profile.file((probe.url or "").removeprefix("folder:"))
        if probe.kind is not ProbeKind.CARRIED or not folder.is_dir():
            continue
        found |= {
            one
            for one in folder.iterdir()
            if one.name.startswith(name) and _CARRIED.fullmatch(one.name.removeprefix(name))
            if one.is_file() and not one.is_symlink() and _changed((one,)) < limit
        }
    return sorted(found)


def remove(folders: Iterable[Path], files: Iterable[Path]) -> None:
    """Remove recordings and files; a folder goes with its recording where nothing else is in it.

    Raises:
        InputError: one could not be removed; those before it are gone.
    """
    for folder in folders:
        for one in vault.recorded(folder):
            _gone(one)
        blobs = folder / vault.BLOBS
        if blobs.is_dir() and not blobs.is_symlink() and not any(blobs.iterdir()):
            blobs.rmdir()
        if not any(folder.iterdir()):
            folder.rmdir()
    for one in files:
        _gone(one)


def _gone(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:  # open in a spreadsheet, which locks it
        raise InputError(tr("cannot be removed: {why}", why=error), where=str(path)) from None


def _limit(days: int, now: datetime | None) -> datetime:
    return (now or datetime.now(CHINA)) - timedelta(days=days)


def _ended(folder: Path, files: Iterable[Path]) -> datetime:
    """When it ended, as it says itself; one that was cut off, or still goes on, when it grew last.

    That time is never before the last byte that passed, so nothing is removed too early.
    """
    try:
        data = input_files.json_of(folder / vault.TIMES)
        at = datetime.fromisoformat(data["ended"])
    except (InputError, ValueError, KeyError, TypeError):
        return _changed(files)
    return at if at.tzinfo else at.replace(tzinfo=CHINA)


def _changed(files: Iterable[Path]) -> datetime:
    return datetime.fromtimestamp(max(one.stat().st_mtime for one in files), CHINA)
