"""A snapshot of contracts: items with their values, part by part.

A part is one thing that was looked at (the database of a role, an endpoint over DICOM, a folder of
interface files, a workstation). What could not be looked at is named with its reason, so that a
comparison never takes silence for sameness.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import input_files, output_files
from harness.errors import InputError
from harness.i18n import tr

FORMAT: Final = 1

FILE: Final = "contract.json"

Items = Mapping[str, str]
"""What was seen: a name whose first word says its kind, and a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was seen at one time.

    Attributes:
        parts: items by part; the first word of a part is its kind.
        missed: parts that could not be looked at, and why.
        taken: civil time.
        profile: name and hash of the site profile; empty without one.
        harness_version: of the program that took it.
    """

    parts: Mapping[str, Items]
    missed: Mapping[str, str] = field(default_factory=dict)
    taken: str = ""
    profile: Mapping[str, str] = field(default_factory=dict)
    harness_version: str = ""

    def write(self, folder: Path) -> Path:
        """Write ``contract.json`` with its own hash; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "format": FORMAT,
            "harness_version": self.harness_version,
            "taken": self.taken,
            "profile": dict(self.profile),
            "parts": {name: dict(items) for name, items in self.parts.items()},
            "missed": dict(self.missed),
        }
        path = folder / FILE
        output_files.write_json(path, body | {"sha256": _digest(body)})
        return path

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read one back; ``path`` is the file or its folder.

        Raises:
            InputError: it is none, of another format, cut off, or was edited.
        """
        file = path / FILE if path.is_dir() else path
        body = input_files.json_of(file)
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise InputError(tr("this is no snapshot of contracts"), where=str(file))
        digest = body.pop("sha256", "")
        if digest != _digest(body):
            raise InputError(tr("the snapshot was edited: its hash differs"), where=str(file))
        return cls(
            parts=body["parts"], missed=body["missed"], taken=body["taken"],
            profile=body["profile"], harness_version=body["harness_version"],
        )  # fmt: skip


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(output_files.utf8(text)).hexdigest()


def sha256(data: bytes) -> str:
    """Of a file or a definition."""
    return hashlib.sha256(data).hexdigest()
