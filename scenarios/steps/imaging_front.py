"""Where a PACS reaches our devices: reports, images that are moved, and echoes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.link.address import Address
from harness.link.dicom import Answer, Request
from harness.link.dicom_scp import Session
from simulators.modality.modality import Receiver


@dataclass(slots=True)
class Front:
    """What listens for all devices of a scenario: each has an AE title, all share a port."""

    receivers: dict[str, Receiver] = field(default_factory=dict)
    place: Address = field(default_factory=lambda: Address(host="", port=0))
    strange: Callable[[Request], bool] = lambda _: False
    echoed: Callable[[], None] = lambda: None

    def serve(self, request: Request, session: Session) -> Iterable[Answer]:
        """The device that was called answers, of strangers nothing; 0124 under another title.

        An echo is answered under any title: it shows that calls of the PACS come to us.
        """
        if request.kind == "C-ECHO":
            self.echoed()
            return [Answer(status=0)]
        if self.strange(request):
            session.abort()
            return ()
        receiver = self.receivers.get(session.called)
        return [Answer(status=0x0124)] if receiver is None else receiver.serve(request, session)
