"""Nothing that real systems say is written down before it is settled how it will lie on the disk.

Encrypted with the passphrase of ``[privacy] key_env``, or plain where the profile names who accepts
that. Systems that we play know generated people only: their traces need neither.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.errors import InputError
from harness.i18n import tr
from harness.profile_model import Profile
from harness.site import vault


def words_of(profile: Profile, *, tell: bool = True) -> str:
    """The passphrase for what is about to be written down; empty where it stays plain.

    Args:
        profile: of the site.
        tell: say on the terminal who accepts that it stays plain.

    Raises:
        InputError: a role is real or observed, and there is no passphrase, or none that will do,
            and nobody who does without.
    """
    if not profile.theirs:
        return ""
    if profile.privacy.key_env:
        return vault.passphrase(profile.privacy.key_env)
    if profile.privacy.plain:
        if tell:
            print(warning(profile), file=sys.stderr)
        return ""
    raise InputError(
        tr("what {roles} say would lie on the disk unencrypted", roles=", ".join(profile.theirs)),
        where=str(profile.path),
        remedy=tr('write key_env = "MEDHARNESS_KEY" under [privacy] and set that variable, or'
                  ' plain = "NAME, OFFICE" of who accepts it'),
    )  # fmt: skip


def warning(profile: Profile) -> str:
    """Who accepts that recordings of real systems stay plain; empty where nobody needs to."""
    who = profile.privacy.plain
    if not who or not profile.theirs:
        return ""
    return tr("WARNING: what {roles} say stays unencrypted; {who} accepts it",
              roles=", ".join(profile.theirs), who=who)  # fmt: skip


def close(folder: Path, words: str) -> str:
    """Encrypt what was written; returns why it could not be, empty where it was."""
    try:
        vault.seal(folder, words)
    except OSError as error:  # the copy needs as much room as the original
        return error.strerror or str(error)
    return ""
