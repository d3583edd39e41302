"""How what real systems say will lie on the disk, and whether a run may begin with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness import limits
from harness.doctor_check import Check, Status
from harness.i18n import tr
from harness.profile_model import Profile


def privacy_checks(profile: Profile, environ: Mapping[str, str]) -> Iterator[Check]:
    """One line where a role is real or observed; nothing is printed of the passphrase."""
    if not profile.theirs:
        return
    roles, privacy = ", ".join(profile.theirs), profile.privacy
    if privacy.plain:
        yield Check(
            name="privacy", place="privacy.plain", status=Status.WARN,
            detail=tr("WARNING: what {roles} say stays unencrypted; {who} accepts it", roles=roles,
                      who=privacy.plain),
            remedy=tr('write key_env = "MEDHARNESS_KEY" under [privacy]'),
        )  # fmt: skip
        return
    if not privacy.key_env:
        yield Check(
            name="privacy", place="privacy.key_env", status=Status.FAIL,
            detail=tr("what {roles} say would lie on the disk unencrypted", roles=roles),
            remedy=tr('write key_env = "MEDHARNESS_KEY" under [privacy] and set that variable, or'
                      ' plain = "NAME, OFFICE" of who accepts it'),
        )  # fmt: skip
        return
    good = len(environ.get(privacy.key_env, "")) >= limits.PASSPHRASE_CHARS_MIN
    yield Check(
        name="privacy", place="privacy.key_env", status=Status.OK if good else Status.FAIL,
        detail=tr("what {roles} say is encrypted when a run or recording ends", roles=roles)
        if good
        else tr("{variable} must hold a passphrase of at least {count} characters",
                variable=privacy.key_env, count=limits.PASSPHRASE_CHARS_MIN),
        remedy="" if good else tr("set the environment variable before the run"),
    )  # fmt: skip
