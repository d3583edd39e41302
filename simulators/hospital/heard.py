"""Harmless calls that a service over DICOM got: who asked whether it is there, or for its list.

A device of a site proves by such a call that it calls us and nobody else. Only title and kind are
kept, so that no data of a person stands here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.link.dicom import Answer, Request
from harness.link.dicom_scp import Service, Session

HARMLESS: Final = frozenset({"C-ECHO", "C-FIND"})
"""They change nothing (PS3.7 §9.1.2, §9.1.5)."""

KEPT: Final = 1_000
"""Calls between two looks: a whole department that polls its worklist."""


@dataclass(slots=True)
class Heard:
    """A service that remembers harmless calls.

    Args:
        service: what answers.
    """

    service: Service
    _calls: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def serve(self, request: Request, session: Session) -> Iterable[Answer]:
        """As the service does."""
        if request.kind in HARMLESS:
            self._calls.append({"kind": request.kind, "calling": session.calling.strip()})
        return self.service.serve(request, session)

    def take(self) -> list[dict[str, str]]:
        """Calls since the last time, in their order."""
        return [self._calls.popleft() for _ in range(len(self._calls))]
