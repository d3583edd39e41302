"""SHA-256 of files that were read whole, each for as long as its file stays as it was.

Who reads a trace hashes every byte of it to hold it against its seal. Who packs it next needs the
hash of the same bytes, and hashing the traces of a night once more takes as long as judging them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

State = tuple[int, ...]
"""What changes with a file that is replaced or written to: device, number, size, times (ns)."""


def state(file: IO[bytes]) -> State:
    """Of an open file; taken before it is read, so that what changes meanwhile is seen later."""
    told = os.fstat(file.fileno())
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


@dataclass(slots=True)
class Hashed:
    """Hashes by path."""

    _of: dict[Path, tuple[State, str]] = field(default_factory=dict)

    def keep(self, path: Path, state: State, sha256: str) -> None:
        """Note the hash of a file that was in this state before it was read whole."""
        self._of[path] = (state, sha256)

    def of(self, path: Path, state: State) -> str:
        """The hash of a file that is in this state; empty where it was not read in it."""
        known = self._of.get(path)
        return known[1] if known and known[0] == state else ""
