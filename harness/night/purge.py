"""Retention: run folders that are older than a site may keep them."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from harness import input_files
from harness.clock import CHINA
from harness.errors import InputError
from harness.i18n import tr


def purge(base: Path, days: int, *, really: bool, now: datetime | None = None) -> list[Path]:
    """Run folders below ``base`` that began more than ``days`` ago; removed where ``really``.

    Only a folder whose ``plan.json`` or ``run.json`` tells when it began is ever touched, and no
    link is followed.

    Raises:
        InputError: ``base`` is no folder, or a folder could not be removed.
    """
    if not base.is_dir():
        raise InputError(tr("no such file or folder: {path}", path=base), where=str(base))
    limit = (now or datetime.now(CHINA)) - timedelta(days=days)
    found = []
    for folder in sorted(base.iterdir()):
        began = None if folder.is_symlink() or not folder.is_dir() else _began(folder)
        if began is not None and began < limit:
            found.append(folder)
    for folder in found if really else ():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise InputError(tr("cannot be removed: {why}", why=error), where=str(folder)) from None
    return found


def _began(folder: Path) -> datetime | None:
    """When a run began, as it says itself: a copied folder has a new time on the disk."""
    for name in ("plan.json", "run.json"):
        try:
            data = input_files.json_of(folder / name)
            at = datetime.fromisoformat(data["started"])
        except (InputError, ValueError, KeyError, TypeError):
            continue
        return at if at.tzinfo else at.replace(tzinfo=CHINA)
    return None
