"""Certificates of a test site: those of a PACS and of its devices, sound ones and odd ones.

They are made when somebody first asks, for loopback, by an authority that lives as long as the
process; the files stand in the folder of the run's systems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from simulators.certificates import Authority

HOSTS: Final = ("localhost", "127.0.0.1")
PAST: Final = (-20, -10)
"""Days from and to which an expired certificate held, counted from now."""


@cache
def _texts() -> Mapping[str, str]:
    """Every file by name; made once a process."""
    ours, other = Authority("medharness test authority"), Authority("another test authority")
    texts = {"authority": ours.pem, "other-authority": other.pem}
    for who in ("pacs", "device"):
        name = f"medharness test {who}"
        texts |= {
            who: ours.issue(name, HOSTS),
            f"{who}-expired": ours.issue(name, HOSTS, days=PAST),
            f"{who}-other-host": ours.issue(name, ("pacs.example.invalid",)),
            f"{who}-other-authority": other.issue(name, HOSTS),
        }
    return texts


@dataclass(slots=True)
class Papers:
    """The files.

    Args:
        folder: made at need.
    """

    folder: Path
    _made: dict[str, Path] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """One file.

        Args:
            name: ``authority``; ``pacs`` and ``device`` are sound; ``-expired``, ``-other-host``
                and ``-other-authority`` behind them are what they say.
        """
        if not self._made:
            self._make()
        return self._made[name]

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in _texts().items():
            path = self.folder / f"{name}.pem"
            path.write_text(text, encoding="ascii")
            self._made[name] = path
