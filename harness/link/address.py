"""Where a link is reached: over TCP or TLS, or over a serial line."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.link.serial_address import SerialAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a link is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port: what the site's policy is asked about."""
        return self.host, self.port

    def data(self) -> dict[str, Any]:
        """As a process of ours is told it; certificates are for us alone."""
        return {"host": self.host, "port": self.port}

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


LOOPBACK = Address(host="127.0.0.1", port=0)
"""Listeners bind here unless told otherwise."""


def read_address(data: Mapping[str, Any]) -> Address | SerialAddress:
    """Read what ``data()`` of an address gave."""
    if "url" in data:
        return SerialAddress.of(data)
    return Address(host=data["host"], port=int(data["port"]))
