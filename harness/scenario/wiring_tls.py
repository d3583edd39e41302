"""The address of an endpoint or probe that is reached over TLS."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import ProfileError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.reach import client_context
from harness.profile import Profile
from harness.profile_model import Tls
from harness.profile_tls import tls_files


def over_tls(
    profile: Profile, name: str, host: str, port: int, tls: Tls, environ: Mapping[str, str]
) -> Address:
    """Where ``name`` is, with the certificates that its table names.

    Raises:
        ProfileError: they cannot be used.
    """
    files = tls_files(profile, tls, environ)
    try:
        context = client_context(files)
    except (OSError, ValueError) as error:
        raise ProfileError(
            tr("the certificates of {name} cannot be used: {why}", name=name, why=error),
            where=str(profile.path),
        ) from error
    return Address(host=host, port=port, tls=context, server_name=files.server_name)
