"""The certificates of an endpoint: files beside the profile, secrets from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.link.reach import TlsFiles
from harness.profile_model import Profile, Tls


def tls_files(profile: Profile, tls: Tls, environ: Mapping[str, str]) -> TlsFiles:
    """Where the certificates of an endpoint are.

    Args:
        profile: relative names start at its folder.
        tls: of the endpoint.
        environ: holds the path of the key and its password, which the profile only names.
    """
    key = environ.get(tls.key_env or "", "")
    return TlsFiles(
        ca=profile.file(tls.ca) if tls.ca else None,
        certificate=profile.file(tls.certificate) if tls.certificate else None,
        key=Path(key) if key else None,
        password=environ.get(tls.key_password_env or "", ""),
        server_name=tls.server_name or "",
    )
