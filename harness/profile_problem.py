"""What may be wrong in a profile, and the next action; for modules that check a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from harness.i18n import tr

BUILT_IN_URL = "builtin:"
"""A probe URL of this form looks into the store of a system that we run ourselves."""

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: of the key.
        message: what is wrong.
        remedy: one next action.
        file: where, if not in the profile itself.
    """

    path: Path_
    message: str
    remedy: str = ""
    file: str = ""


def nearest(word: str, known: Mapping[str, object] | set[str] | frozenset[str]) -> str:
    """A remedy that names the nearest known word, or all of them."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if not close and len(word) > 2:
        close = [one for one in sorted(known) if word.lower() in {one.lower(), f"{one.lower()}s"}]
    if close:
        return tr("did you mean “{word}”?", word=close[0])
    return tr("use one of: {known}", known=", ".join(sorted(known)))
