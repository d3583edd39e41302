"""Endpoints and probes over TLS: where they are reached, and what we show where we listen."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import InputError, ProfileError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.reach import client_context
from harness.link.tls import Context, server_context
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


def presented(profile: Profile, name: str, environ: Mapping[str, str]) -> Context | None:
    """The certificate of an endpoint where we listen; None for one without TLS.

    Raises:
        ProfileError: it cannot be used, or the variable that names its key is not set.
    """
    tls = profile.endpoints[name].tls
    if tls is None or not tls.certificate:
        return None
    files = tls_files(profile, tls, environ)
    if files.certificate is None or files.key is None:
        raise ProfileError(
            tr("the certificates of {name} cannot be used: {why}", name=name,
               why=tr("{variable} is not set", variable=tls.key_env)),
            where=str(profile.path),
        )  # fmt: skip
    try:
        return server_context(files.certificate, files.key, files.password)
    except InputError as error:
        raise ProfileError(
            tr("the certificates of {name} cannot be used: {why}", name=name, why=error),
            where=str(profile.path),
        ) from error
