"""The end of a retrieval or query before its time, and the gaps inside of one (PS3.7 §9.3.2.3).

A C-CANCEL goes while answers come: after as many of them as in the recording. What the system has
said by then is its own matter; its last answer tells what became of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.cases.kept import Line
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed

CANCEL: Final = "C-CANCEL-RQ"
CANCELLED: Final = 0xFE00
"""Status of the last answer where the end was granted (PS3.4 §C.4.1.1.4)."""

POLL_S: Final = 0.02
"""How soon a C-CANCEL of the system is noticed."""

GAP_MAX_S: Final = 600.0
"""No recorded gap is waited for longer."""


def about(box: Boxed) -> str:
    """Id of the request that a C-CANCEL is about; empty for anything else."""
    if box.kind != CANCEL:
        return ""
    return f"{box.association}/{box.text(dicom_command.RESPONDED_TO) or 0}"


def of_request(request: Line, lines: Sequence[Line]) -> list[tuple[int, Line]]:
    """Every C-CANCEL for a request, and after how many messages of the other side it went.

    Args:
        request: of the recording.
        lines: of the case.
    """
    association = request.ident.partition("/")[0]
    found = []
    for one in lines:
        if one.kind == CANCEL and one.frm == request.frm and one.answers == request.ident:
            before = [
                each
                for each in lines
                if request.number < each.number < one.number and each.frm == request.to
                and (each.answers == request.ident or each.ident.partition("/")[0] == association)
            ]  # fmt: skip
            found.append((len(before), one))
    return found


@dataclass(slots=True)
class Pace:
    """Gaps of the recording.

    Args:
        scale: times this; 0 waits for nothing.
    """

    scale: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def wait(self, before: Line, line: Line) -> None:
        """As long as it was between two lines."""
        if self.scale and before.at_s and line.at_s > before.at_s:
            self._over.wait(min((line.at_s - before.at_s) * self.scale, GAP_MAX_S))

    def until(self, true: Callable[[], bool], limit_s: float) -> bool:
        """Whether something becomes true in time."""
        end = time.monotonic() + limit_s
        while not true():
            if time.monotonic() >= end or self._over.wait(POLL_S):
                return true()
        return True

    def end(self) -> None:
        """Nobody waits any more."""
        self._over.set()
