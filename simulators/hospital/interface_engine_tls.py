"""TLS of the interface engine: which links are secured, with which certificates.

As a server it asks every sender for a certificate; as a client it sends nothing before it trusts
the receiver (IHE ITI TF-2 §3.19: mutual, TLS 1.2 or later). Where the files are stands among its
settings, so that a restart finds them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.link import tls
from harness.link.tls_core import TlsCore
from harness.wire.core import Core, Message
from harness.wire.mllp import MllpCore

FROM_HIS_TLS: Final = "his-engine-tls"
"""Where senders connect that speak TLS; what they send goes the way of ``his-engine``."""

SETTING: Final = "tls "
"""What the names of these settings begin with; the link follows."""

FILES: Final = ("ca", "certificate", "expired")
"""Whom to trust, what to show, and what the one defect shows instead."""

PEER: Final = "127.0.0.1"
"""Whom the engine expects behind its secured links."""


@dataclass(slots=True)
class ReadsToTheEnd(MllpCore):
    """The end of the connection ends the message too: what the one defect reads with."""

    def receive_eof(self, now: float) -> None:
        """Half a message is taken for one."""
        held = bytes(self._buffer)
        MllpCore.receive_eof(self, now)
        if held:
            self._events.append(Message(payload=held))


@dataclass(slots=True)
class Secured:
    """The secured links.

    Args:
        defects: switched-on defects of the engine.
        links: files by link.
    """

    defects: set[str]
    links: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _first: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Files of the first connection of each link, for the one defect."""

    def load(self, settings: Mapping[str, str]) -> None:
        """Take what a start finds among the settings."""
        for name, value in settings.items():
            if name.startswith(SETTING) and value:
                self.links[name.removeprefix(SETTING)] = json.loads(value)

    def secure(self, link: str, args: Mapping[str, str]) -> Mapping[str, Any]:
        """Secure a link from now on; returns the row of the setting.

        Raises:
            InputError: a file is not named, or cannot be used.
        """
        missing = [name for name in FILES if not args.get(name)]
        if missing:
            raise InputError(f"TLS of {link} without {', '.join(missing)}")
        files = {name: args[name] for name in FILES}
        self._context(files, client=link != FROM_HIS_TLS)
        self.links[link] = files
        return {"name": f"{SETTING}{link}", "value": json.dumps(files)}

    def open(self, link: str) -> Mapping[str, Any]:
        """Secure a link no longer; returns the row of the setting, which is then empty."""
        self.links.pop(link, None)
        return {"name": f"{SETTING}{link}", "value": ""}

    def core(self, link: str, inner: Core, *, client: bool) -> Core:
        """The core of a new connection; an entrance without certificates shakes no hands."""
        files = self.links.get(link)
        if files is None:
            return inner
        if "engine-tls-keeps-certificate" in self.defects:
            files = self._first.setdefault(link, files)
        if "engine-tls-end-is-frame-end" in self.defects and not client:
            inner = ReadsToTheEnd()
        return TlsCore(inner, self._context(files, client=client), PEER if client else None)

    def _context(self, files: Mapping[str, str], *, client: bool) -> tls.Context:
        shown = "expired" if "engine-tls-shows-expired" in self.defects else "certificate"
        ca, certificate = Path(files["ca"]), Path(files[shown])
        if not client:
            asked = None if "engine-tls-takes-anybody" in self.defects else ca
            return tls.mutual_context(certificate, asked)
        if "engine-tls-trusts-anybody" in self.defects:
            return tls.trusting(certificate)
        return tls.client(ca, certificate)
