"""``--columns FILE``: what a hospital calls the columns of its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr


def names_of(path: str) -> dict[str, Any]:
    """What ``--columns`` says: ``[his]``, ``[centre]``, ``[channel]``, ``[channel_bill]``."""
    return input_files.toml_of(Path(path)) if path else {}


def renames_of(data: Mapping[str, Any], path: str) -> dict[str, dict[str, str]]:
    """Interface's name = "own name", by side."""
    found: dict[str, dict[str, str]] = {}
    for side, names in data.items():
        if not isinstance(names, dict):
            raise InputError(tr("expected the tables [his], [centre], [channel]"), where=path)
        if side != "channel_bill":
            found[side] = {str(own).lower(): str(name) for name, own in names.items()}
    return found
