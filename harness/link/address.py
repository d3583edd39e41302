"""Where a link is reached over TCP or TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a link is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


LOOPBACK = Address(host="127.0.0.1", port=0)
"""Listeners bind here unless told otherwise."""
