"""What a profile allows: faults, writes and addresses; asked before the first byte.

* A forbidden address is refused in every environment, by its text, and by the addresses behind its
  name both when the policy is made and when the connection opens.
* ``environment = "production"`` refuses faults and writes unless a permit file names the window.
* Who stands in a payload is asked by ``IdentityGuard`` (``harness/identity.py``).
"""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from harness.addresses import Forbidden, Resolve, numeric
from harness.databases.target import target_of
from harness.errors import PermitError
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.link import reach
from harness.profile_check import is_loopback
from harness.profile_model import Part, Profile
from harness.profile_values import Environment, Filled, Sha256

__all__ = ["IdentityGuard", "Permit", "PermitFile", "Window", "read_permit"]

WINDOW_MAX = dt.timedelta(hours=72)
"""A permit is for an upgrade night and the weekend around it, not for good."""

WINDOWS_MAX = 50
"""Windows of one permit file: a night a week for a year."""

PERMIT_BYTES_MAX = 64 * 1024
"""Fifty windows of a kilobyte each, and some."""

Now = dt.datetime | Callable[[], dt.datetime]
"""A civil time with a zone, or what gives it."""

Moment = Annotated[dt.datetime, Field(strict=True)]
Action = Annotated[str, StringConstraints(pattern=r"^(fault|write|write:.{1,100})$")]


class Window(Part):
    """A time in which something is allowed, with both ends; both need a zone."""

    begin: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    allow: Annotated[list[Action], Field(min_length=1, max_length=100)]
    """``fault``, ``write``, or ``write:WHAT`` for what begins with these words."""


class PermitFile(Part):
    """The agreement of a hospital to faults or writes in production."""

    format: Literal[1]
    profile_sha256: Sha256
    """Hash of the profile that it is for; another text of the profile needs another permit."""
    granted_by: Filled
    granted_to: Filled
    reason: Filled
    windows: Annotated[list[Window], Field(min_length=1, max_length=WINDOWS_MAX)]


def read_permit(path: Path) -> PermitFile:
    """Read a permit file.

    Raises:
        PermitError: it cannot be read, or a window of it cannot be meant.
    """
    try:
        with path.open("rb") as file:
            data = file.read(PERMIT_BYTES_MAX + 1)
        if len(data) > PERMIT_BYTES_MAX:
            raise _unusable(path, tr("the file is too large"))
        permit = PermitFile.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _unusable(path, f"{key}: {first['msg']}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _unusable(path, str(error)) from None
    for window in permit.windows:
        if window.begin.tzinfo is None or window.end.tzinfo is None:
            raise _unusable(path, tr("a window needs a time zone, such as +08:00"))
        if not dt.timedelta(0) < window.end - window.begin <= WINDOW_MAX:
            raise _unusable(path, tr("a window lasts up to {most}", most=WINDOW_MAX))
    return permit


def _unusable(path: Path, why: str) -> PermitError:
    return PermitError(
        tr("the permit file cannot be used: {why}", why=why),
        where=str(path),
        remedy=tr("see docs/how-to/profile.md, “Permit”"),
    )


class Permit:
    """Says no before anything happens.

    Args:
        profile: whose policy it is.
        now_wall: civil time with a zone, or a function that gives it; a window that ends during a
            run ends its permission only with a function.
        resolve: addresses of a host name.
        environ: what libpq and other drivers take from the environment.
    """

    def __init__(
        self,
        profile: Profile,
        now_wall: Now,
        *,
        resolve: Resolve = reach.resolve,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._profile = profile
        self._now = now_wall
        self._resolve = resolve
        self._environ = os.environ if environ is None else environ
        entries = profile.policy.forbidden_addresses
        self._forbidden = [Forbidden.parse(text).resolved(resolve) for text in entries]

    @property
    def profile(self) -> Profile:
        """Whose policy it is."""
        return self._profile

    def require_fault(self) -> None:
        """Raise ``PermitError`` where no fault may be injected."""
        self._require("fault", tr("injecting a fault"))

    def require_write(self, what: str) -> None:
        """Raise ``PermitError`` where nothing may be sent or changed.

        Args:
            what: the role and what it is told, such as ``HIS order``.
        """
        self._require(f"write:{what}", tr("writing: {what}", what=what))

    def require_open(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses behind a host, or ``PermitError`` where it is forbidden to open it.

        A name that cannot be resolved is refused where addresses are forbidden, because nobody can
        tell that it does not lead to one of them.
        """
        if not self._forbidden:
            return ()
        addresses = (host,) if numeric(host) is not None else tuple(self._resolve(host))
        for entry in self._forbidden:
            if entry.matches(host, port, addresses):
                raise PermitError(
                    tr("{host} is forbidden by “{entry}”", host=host, entry=entry.text),
                    where=str(self._profile.path),
                    remedy=tr("point this link at the test system"),
                )
        if not addresses:
            raise PermitError(
                tr("{host} cannot be resolved, so it may be a forbidden address", host=host),
                where=str(self._profile.path),
                remedy=tr("write the IP address into the profile, or mend name resolution"),
            )
        return addresses

    def require_database(self, url: str) -> None:
        """Raise ``PermitError`` where a probe must not look: one of the places that a URL names.

        A file is none; what nobody can tell the place of is refused.
        """
        for host, port in target_of(url, self._environ).places:
            self.require_open(host, port)

    def require_listen(self, host: str, *, expose: bool = False) -> None:
        """Raise ``PermitError`` where a listener would be open to other machines unasked."""
        if not (expose or is_loopback(host)):
            raise PermitError(
                tr("other machines could reach our listener on {host}", host=host),
                where=str(self._profile.path),
                remedy=tr("use 127.0.0.1, or say expose = true"),
            )

    def window(self) -> Window | None:
        """The window that covers now; None where there is none.

        Raises:
            PermitError: the permit file cannot be used or is for another profile.
        """
        name = self._profile.policy.permit
        if not name:
            return None
        path = self._profile.file(name)
        permit = read_permit(path)
        if permit.profile_sha256 != self._profile.hash:
            raise _unusable(
                path, tr("it is for another profile; this one has {hash}", hash=self._profile.hash)
            )
        now = self._now() if callable(self._now) else self._now
        return next((one for one in permit.windows if one.begin <= now < one.end), None)

    def _require(self, action: str, what: str) -> None:
        if self._profile.environment is not Environment.PRODUCTION:
            return
        window = self.window()
        if window is None:
            raise PermitError(
                tr("refused in production: {what}", what=what),
                where=str(self._profile.path),
                remedy=tr("name a permit file whose window covers now in [policy]"),
            )
        if not any(_covers(allowed, action) for allowed in window.allow):
            raise PermitError(
                tr("the permit's window does not allow this: {what}", what=what),
                where=str(self._profile.file(self._profile.policy.permit)),
                remedy=tr("ask for a permit that allows it"),
            )


def _covers(allowed: str, action: str) -> bool:
    """``write`` covers every write, ``write:HIS`` covers ``write:HIS order``."""
    return f"{action} ".startswith((f"{allowed} ", f"{allowed}:"))
