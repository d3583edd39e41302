"""Looking whether a place can be reached: connect, look, close; nothing is ever sent over it.

For the doctor and for the policy that needs the addresses behind a name. TLS exchanges its own
handshake and nothing else.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import limits

RESOLVE_TIMEOUT_S = 3.0
"""A name server inside a hospital answers in milliseconds; one that is gone must not hold us up
(the resolver of glibc alone waits 2 times 5 s a server)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What came of a connection.

    Attributes:
        ok: it was accepted (and, with TLS, trusted).
        seconds: how long it took.
        reason: why not.
    """

    ok: bool
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Certificates to look with; an empty path is not used."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    password: str = ""
    server_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The other side's certificate after a handshake that trusts it.

    Attributes:
        ok: the handshake came about and the certificate is trusted.
        not_before: from when it holds.
        not_after: until when.
        reason: why there is none.
    """

    ok: bool
    not_before: datetime | None = None
    not_after: datetime | None = None
    reason: str = ""


def resolve(host: str, timeout_s: float = RESOLVE_TIMEOUT_S) -> tuple[str, ...]:
    """Addresses of a host; empty where the name cannot be resolved in time.

    ``getaddrinfo`` has no timeout, so it runs in a thread that nobody waits for any longer.
    """
    found: list[str] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    thread.start()
    thread.join(timeout_s)
    return () if thread.is_alive() else tuple(found)


def tcp_reach(host: str, port: int, timeout_s: float = limits.CONNECT_TIMEOUT_S) -> Reached:
    """Connect and close without a byte."""
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout_s).close()
    except (OSError, UnicodeError) as error:
        return Reached(ok=False, reason=_why(error))
    return Reached(ok=True, seconds=time.monotonic() - began)


def can_listen(host: str, port: int) -> Reached:
    """Could we listen there? Binds and lets go; no connection is accepted."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((host, port))
    except (OSError, UnicodeError) as error:
        return Reached(ok=False, reason=_why(error))
    return Reached(ok=True)


def tls_certificate(
    host: str, port: int, files: TlsFiles, timeout_s: float = limits.CONNECT_TIMEOUT_S
) -> Certificate:
    """Shake hands, read the dates of the certificate, close."""
    try:
        context = client_context(files)
        with (
            socket.create_connection((host, port), timeout_s) as sock,
            context.wrap_socket(sock, server_hostname=files.server_name or host) as tls,
        ):
            peer = tls.getpeercert() or {}
    except (OSError, UnicodeError, ValueError) as error:
        return Certificate(ok=False, reason=_why(error))
    return Certificate(
        ok=True, not_before=_date(peer.get("notBefore")), not_after=_date(peer.get("notAfter"))
    )


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """What a client needs to shake hands: whom it trusts, and who it is."""
    context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
    if files.certificate is not None:
        # A password callable: without one OpenSSL would ask for it at the terminal.
        context.load_cert_chain(files.certificate, files.key, lambda: files.password)
    return context


def _date(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "timed out"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__


def serial_ports() -> tuple[str, ...]:
    """Serial ports of this machine by name, such as ``COM3``; none is opened."""
    from serial.tools import list_ports  # noqa: PLC0415 - pyserial asks the system on import

    return tuple(port.device for port in list_ports.comports())
