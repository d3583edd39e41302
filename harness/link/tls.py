"""The server's side of TLS, from files."""

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
