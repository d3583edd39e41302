"""How PACS and RIS take calls: the sound ones take everybody, the defects look at who calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.link.dicom import MPPS
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_scp import Call

SILENCE_S: Final = 6.0
"""How long a call lies about that nobody answers."""

LOOKUP_S: Final = 0.6
"""What a slow look-up of the caller takes."""

FEW: Final = 4
CONTEXTS_MAX: Final = 100
EVERY: Final = 5

JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"
HIGH_THROUGHPUT: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (201, 202, 203))
VIDEO: Final = "1.2.840.10008.1.2.4.102"
WAVEFORM: Final = "1.2.840.10008.5.1.4.1.1.9.1.1"
PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
NOTHING: Final = "1.2.840.10008.1.2.99"
"""A syntax that does not exist, so that a context with it is refused."""

CALLERS: Final = frozenset({"MHCT1", "MHPROBE"})
"""Those that a PACS remembers that has lost its table of callers."""


@dataclass(slots=True)
class Gate:
    """Shown each request for an association.

    Args:
        title: AE title of the system.
        defects: ids of those that are switched on; shared with the service.
    """

    title: str
    defects: set[str]
    _count: int = 0

    def __call__(self, call: Call) -> None:
        """Let it through, unless a defect says otherwise."""
        self._count += 1
        if "pacs-slow-lookup" in self.defects:
            time.sleep(LOOKUP_S)
        if "pacs-silent-to-title" in self.defects and call.called != self.title:
            time.sleep(SILENCE_S)
            call.abort()
            return
        if self._aborts(call):
            call.abort()
            return
        refusal = self._refusal(call)
        if refusal is not None:
            call.refuse(*refusal)
            return
        self._negotiate(call)

    def _aborts(self, call: Call) -> bool:
        odd = not call.calling.replace("_", "").replace("-", "").isalnum()
        odd = odd or not call.calling.isascii()
        return (
            ("pacs-half-open-stops" in self.defects and call.silent > FEW)
            or ("pacs-aborts-odd-titles" in self.defects and odd)
            or ("pacs-aborts-async" in self.defects and call.window)
        )

    def _refusal(self, call: Call) -> tuple[int, int, int] | None:
        if "pacs-refuses-everyone" in self.defects:
            return 1, 1, 7
        if "pacs-forgets-own-title" in self.defects and call.called != self.title:
            return 1, 1, 7
        if "pacs-forgets-callers" in self.defects and call.calling not in CALLERS:
            return 1, 1, 3
        if "pacs-few-associations" in self.defects and call.active > FEW:
            return 2, 3, 2
        if "pacs-refuses-at-random" in self.defects and self._count % EVERY == 0:
            return 2, 3, 1
        return None

    def _negotiate(self, call: Call) -> None:
        if "pacs-drops-contexts" in self.defects:
            call.propose(_first(CONTEXTS_MAX))
        if "pacs-no-lossless" in self.defects:
            call.propose(lambda _, offered: _without(offered, JPEG_LOSSLESS))
        if "pacs-no-high-throughput" in self.defects:
            call.propose(lambda _, offered: _without(offered, *HIGH_THROUGHPUT))
        if "pacs-no-video" in self.defects:
            call.propose(lambda _, offered: _without(offered, VIDEO))
        if "pacs-refuses-classes" in self.defects:
            call.propose(lambda one, offered: [NOTHING] if one in {WAVEFORM, PDF} else offered)
        if "pacs-prefers-implicit" in self.defects:
            call.propose(lambda _, offered: _implicit_first(offered))
        if "ris-refuses-mpps" in self.defects:
            call.propose(lambda one, offered: [NOTHING] if one == MPPS else offered)
        if "pacs-ignores-get-role" in self.defects:
            call.no_roles()


def _first(most: int) -> Callable[[str, list[str]], list[str] | None]:
    taken = iter(range(most))

    def change(_: str, offered: list[str]) -> list[str] | None:
        return offered if next(taken, None) is not None else None

    return change


def _without(offered: list[str], *syntaxes: str) -> list[str]:
    return [one for one in offered if one not in syntaxes] or [NOTHING]


def _implicit_first(offered: list[str]) -> list[str]:
    """Where both plain syntaxes are offered, the implicit one is all that is left."""
    return [IMPLICIT] if {IMPLICIT, EXPLICIT} <= {*offered} else offered
