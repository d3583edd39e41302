"""What a peer is known to do otherwise: ``fixtures/expected/<peer>.toml``.

An entry says what is seen (``id``: role, exercise and finding; ``place``), why, and of which version
of the peer. What is seen and what is expected must be the same set. A finding about money or about
the identity of a patient can never be expected: a harness that looks away there is worth nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError

ENTRIES_MAX: Final = 100
"""A peer with more is not one to measure against."""

CATEGORIES: Final = frozenset({"acknowledgement", "charset", "connection", "framing", "limits"})
"""What an expected finding may be about."""

NEVER: Final = frozenset({"money", "identity"})
"""What it may not be about, whatever the reason."""

_FIELDS: Final = frozenset({"id", "finding", "category", "place", "reason", "version"})

_NEVER_PLACES: Final = re.compile(
    r"\b(?:PID|MRG|NK1|GT1|FT1|IN1|IN2|BLG|PV1-(?:7|8|9|1[0-9]|2[1-9]|4[6-9])\b|Z[A-Z0-9]{2})"
)
"""Segments of identity and money, and the charge and visit fields of PV1; Z segments of the sites
hold fees, so they count as well."""

_NEVER_WORDS: Final = re.compile(r"patient|person|identity|name|money|amount|fee|charge|price")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Observed:
    """One thing that a peer did otherwise.

    Attributes:
        id: ``role.exercise.finding``.
        place: as ``harness.model.Place`` writes protocol and path, such as ``hl7 MSA-2``.
    """

    id: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One entry of the file.

    Attributes:
        observed: what is seen.
        category: one of ``CATEGORIES``.
        reason: why it is so in this peer.
        version: of the peer that it was seen in.
    """

    observed: Observed
    category: str
    reason: str
    version: str


def load(path: Path) -> list[Expected]:
    """Read a file; ``InputError`` for anything that is not as it must be."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from error
    rows = raw.get("expected", [])
    if set(raw) - {"expected"} or not isinstance(rows, list) or len(rows) > ENTRIES_MAX:
        raise InputError(f"wants at most {ENTRIES_MAX} tables [[expected]]", where=str(path))
    entries = [_entry(row, f"{path.name} [[expected]] {n}") for n, row in enumerate(rows, 1)]
    seen: set[Observed] = set()
    for entry in entries:
        if entry.observed in seen:
            raise InputError(f"{entry.observed.id} stands there twice", where=str(path))
        seen.add(entry.observed)
    return entries


def _entry(row: Mapping[str, Any], where: str) -> Expected:
    if not isinstance(row, dict) or set(row) != _FIELDS:
        raise InputError(f"wants exactly {', '.join(sorted(_FIELDS))}", where=where)
    for name, value in row.items():
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{name} must be text", where=where)
    if row["id"].count(".") != 2 or not row["id"].endswith(f".{row['finding']}"):
        raise InputError("id must be role.exercise.finding", where=where)
    _refuse_what_counts(row, where)
    if row["category"] not in CATEGORIES:
        raise InputError(f"category must be one of {', '.join(sorted(CATEGORIES))}", where=where)
    return Expected(
        observed=Observed(id=row["id"], place=row["place"]),
        category=row["category"],
        reason=row["reason"],
        version=row["version"],
    )


def _refuse_what_counts(row: Mapping[str, str], where: str) -> None:
    """By its category, its name, or its place: whichever gives it away."""
    if (
        row["category"] in NEVER
        or _NEVER_WORDS.search(row["finding"])
        or _NEVER_PLACES.search(row["place"])
    ):
        raise InputError(
            "a finding about money or patient identity can never be expected",
            where=where,
            remedy="repair the peer's configuration, or do not use the peer for this exercise",
        )


def differences(observed: Iterable[Observed], expected: Iterable[Expected]) -> list[str]:
    """What is not as expected, both ways, one line each; empty if all is."""
    seen, known = set(observed), {entry.observed for entry in expected}
    lines = [f"unexpected: {each.id} at {each.place}" for each in sorted(seen - known)]
    lines += [f"did not appear: {each.id} at {each.place}" for each in sorted(known - seen)]
    return lines


def of_version(entries: Iterable[Expected], version: str) -> list[str]:
    """Entries that were seen in another version of the peer than the one that is here."""
    return [
        f"{entry.observed.id} was seen in {entry.version}, here is {version}"
        for entry in entries
        if entry.version != version
    ]
