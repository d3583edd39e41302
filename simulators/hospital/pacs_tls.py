"""The TLS side of the built-in PACS: the same services behind a handshake with certificates.

It asks devices for a certificate of its own authority (PS3.15 §B.9, BCP 195). Which certificate it
shows is told over the control pipe; the defects show another one, or ask for none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.link import tls
from harness.link.dicom_scp import Listener
from simulators.hospital import pacs
from simulators.hospital.pacs import Pacs
from simulators.hospital.pacs_gate import Gate

LINK: Final = "modality-pacs-tls"


def context_of(
    files: Mapping[str, Path],
    defects: Collection[str],
    stale: str = "pacs-tls-shows-expired",
) -> tls.Context:
    """What one handshake needs: our certificate, and the authority of those who may call.

    Args:
        files: ``certificate``, ``expired`` and ``ca``.
        defects: that are switched on.
        stale: the one of them that shows the expired certificate.
    """
    shown = "expired" if stale in defects else "certificate"
    asked = None if "pacs-tls-takes-anybody" in defects else files["ca"]
    context = tls.mutual_context(files[shown], asked)
    return tls.newest_only(context) if "pacs-tls-drops-old" in defects else context


@dataclass(slots=True)
class Secured:
    """One listener with TLS.

    Args:
        service: the PACS.
    """

    service: Pacs
    files: dict[str, Path] = field(default_factory=dict)
    _listener: Listener | None = None
    _port: int = 0

    def start(self, args: Mapping[str, Any]) -> int:
        """Listen on loopback, or go on listening with other certificates; returns the port.

        Args:
            args: ``certificate``, ``expired`` (of ours) and ``ca`` (of devices), as paths.
        """
        self.files = {name: Path(str(value)) for name, value in args.items()}
        if self._listener is None:
            self._listener = Listener(
                self.service, pacs.AE_TITLE, pacs.CONTEXTS, roles=(*pacs.STORAGE,),
                gate=Gate(pacs.AE_TITLE, self.service.defects), tls=self._context,
            )  # fmt: skip
            self._port = self._listener.start("127.0.0.1", 0).port
        return self._port

    def _context(self) -> tls.Context:
        return context_of(self.files, self.service.defects)

    def stop(self) -> list[str]:
        """Stop listening; returns threads that would not end."""
        return self._listener.stop() if self._listener is not None else []
