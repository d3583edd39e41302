"""Contexts of TLS from files: the server's side, and that of a device."""

from __future__ import annotations

import ssl
from pathlib import Path

from harness.errors import InputError
from harness.i18n import tr

Context = ssl.SSLContext
"""What rooms that move no bytes hand on."""


def server_context(certificate: Path, key: Path | None, password: str = "") -> ssl.SSLContext:
    """A context that presents a certificate; TLS 1.2 or later.

    Args:
        certificate: PEM, with its chain.
        key: PEM; None where it stands in the file of the certificate.
        password: of the key; empty where it has none.

    Raises:
        InputError: a file cannot be read, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password function OpenSSL would ask on the terminal.
        context.load_cert_chain(certificate, key, lambda: password)
    except (OSError, ValueError) as error:
        raise InputError(
            tr("this certificate cannot be used: {reason}", reason=error), where=str(certificate)
        ) from error
    return context


def mutual_context(certificate: Path, ca: Path | None) -> ssl.SSLContext:
    """As ``server_context``, and clients must show a certificate of an authority.

    Args:
        certificate: PEM, with its key.
        ca: of the clients; None asks them for nothing.

    Raises:
        InputError: a file cannot be read, or a certificate and its key do not belong together.
    """
    context = server_context(certificate, None)
    if ca is None:
        return context
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise InputError(
            tr("this certificate cannot be used: {reason}", reason=error), where=str(ca)
        ) from error
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def newest_only(context: ssl.SSLContext) -> ssl.SSLContext:
    """Leave TLS 1.3 alone."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def client(ca: Path, certificate: Path | None, *, oldest: bool = False) -> ssl.SSLContext:
    """What a device needs to shake hands.

    Args:
        ca: whom it trusts.
        certificate: PEM with its key; None shows nothing.
        oldest: speak TLS 1.2 alone.
    """
    context = ssl.create_default_context(cafile=str(ca))
    if certificate is not None:
        context.load_cert_chain(certificate)
    if oldest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def trusting(certificate: Path) -> ssl.SSLContext:
    """A device that looks at nothing that the other side shows: what careless ones do.

    Args:
        certificate: PEM with its key.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificate)
    return context
