"""``medharness doctor``: looks whether a profile fits the site, and changes nothing.

It reads certificates' dates, clocks and probes, connects and closes without a byte, asks DICOM
systems for a C-ECHO, and tells of every connection before the first one opens. Addresses that the
policy forbids are never opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from harness.doctor_check import Cell, Check, Look, Means, Status
from harness.doctor_echo import echo_looks
from harness.doctor_endpoints import endpoint_looks
from harness.doctor_guards import guard_checks
from harness.doctor_probes import probe_looks
from harness.errors import PermitError
from harness.i18n import tr
from harness.link import reach
from harness.permit import Permit
from harness.profile_model import Profile
from harness.profile_values import Environment, Mode

__all__ = ["Cell", "Check", "Look", "Means", "Status", "examine"]


def examine(
    profile: Profile,
    *,
    announce: Callable[[str], None] = lambda _: None,
    open_connection: Callable[[str, int], reach.Reached] | None = None,
    means: Means | None = None,
) -> list[Check]:
    """Look at everything that a profile names.

    Args:
        profile: the profile.
        announce: told of every connection, before any of them opens.
        open_connection: connects and closes; default: ``reach.tcp_reach``.
        means: everything else to look with.
    """
    with_ = means or Means()
    if open_connection is not None:
        with_ = replace(with_, open_connection=open_connection)
    permit = Permit(profile, with_.now, resolve=with_.resolve, environ=with_.environ)
    checks = [*_policy(profile, permit), *_versions(profile), *_secrets(profile, with_.environ),
              *guard_checks(profile, with_.environ)]  # fmt: skip
    looks: list[Look] = []
    for name, endpoint in profile.endpoints.items():
        looks += endpoint_looks(profile, name, endpoint, permit, with_)
    looks += echo_looks(profile, permit, with_)
    looks += probe_looks(profile, permit, with_)
    for look in looks:
        if look.opens:
            announce(tr("will open: {what}", what=look.opens))
    for look in looks:
        checks += look.take()
    return checks


def _policy(profile: Profile, permit: Permit) -> Iterator[Check]:
    real = [role for role, system in profile.systems.items() if system.mode is not Mode.SIMULATED]
    if real and not profile.policy.forbidden_addresses:
        yield Check(
            name="policy",
            place="policy.forbidden_addresses",
            status=Status.WARN,
            detail=tr("no production address is forbidden"),
            remedy=tr("list the addresses of the production systems"),
        )
    if profile.environment is not Environment.PRODUCTION:
        return
    where = "policy.permit"
    try:
        window = permit.window()
    except PermitError as error:
        yield Check(
            name="permit",
            place=where,
            status=Status.FAIL,
            detail=error.message,
            remedy=error.remedy,
        )
        return
    if window is None:
        detail = tr("production: faults and writes are refused now")
    else:
        detail = tr("production: {allowed} until {end}", allowed=", ".join(window.allow),
                    end=window.end.isoformat())  # fmt: skip
    yield Check(name="permit", place=where, status=Status.OK, detail=detail)


def _versions(profile: Profile) -> Iterator[Check]:
    for role, system in profile.systems.items():
        if system.mode is Mode.SIMULATED:
            continue
        known = bool(system.version)
        yield Check(
            name="version",
            place=f"systems.{role}",
            status=Status.OK if known else Status.WARN,
            detail=system.version or tr("the report will not name its version"),
            remedy="" if known else tr("write the version that runs now"),
        )


def _secrets(profile: Profile, environ: Mapping[str, str]) -> Iterator[Check]:
    """Whether the secrets are there; none is printed."""
    for place, variable in _variables(profile):
        there = bool(environ.get(variable))
        yield Check(
            name="secret",
            place=place,
            status=Status.OK if there else Status.FAIL,
            detail=tr("{variable} is set", variable=variable) if there
            else tr("{variable} is not set", variable=variable),
            remedy="" if there else tr("set the environment variable before the run"),
        )  # fmt: skip


def _variables(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, endpoint in profile.endpoints.items():
        for key in ("key_env", "key_password_env"):
            variable = getattr(endpoint.tls, key, None)
            if variable:
                yield f"endpoints.{name}.tls.{key}", variable
    for name, probe in profile.probes.items():
        if probe.url_env:
            yield f"probes.{name}.url_env", probe.url_env
