"""Waivers of a site: findings that somebody has looked at and accepts, until a day.

    [[waiver]]
    rule = "cda.title"
    path = "/ClinicalDocument/title"   # beginning of the path; left out: anywhere
    reason = "titles carry the name of the campus until the move"
    approver = "病案科"
    expires = 2026-12-31

A waiver that has expired waives nothing and is a finding; so is one that nothing needed. What is
about safety or identity cannot be waived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.xmldoc.finding import ERROR, WARNING, DocumentFinding, fixed, waivable

_KEYS: Final = frozenset({"rule", "path", "reason", "approver", "expires"})
_NEEDED: Final = ("rule", "reason", "expires")


@dataclass(slots=True, kw_only=True)
class Waiver:
    """One entry of a waiver file.

    Attributes:
        rule: id of the rule.
        path: beginning of the path; empty for anywhere.
        reason: why it is accepted.
        approver: who said so, or empty.
        expires: the last day.
        used: findings that it took away.
    """

    rule: str
    path: str
    reason: str
    approver: str
    expires: date
    used: int = 0


@dataclass(slots=True)
class Waivers:
    """A waiver file on one day."""

    entries: list[Waiver]
    today: date
    file: str = ""

    def split(self, findings: Iterable[DocumentFinding]
              ) -> tuple[list[DocumentFinding], list[DocumentFinding]]:  # fmt: skip
        """Findings that stand, and findings that are waived."""
        standing: list[DocumentFinding] = []
        waived: list[DocumentFinding] = []
        for one in findings:
            (waived if self._takes(one) else standing).append(one)
        return standing, waived

    def _takes(self, one: DocumentFinding) -> bool:
        if not waivable(one.rule):
            return False
        for waiver in self.entries:
            if waiver.rule == one.rule and self.today <= waiver.expires and \
                    _below(one.path, waiver.path):  # fmt: skip
                waiver.used += 1
                return True
        return False

    def findings(self) -> list[DocumentFinding]:
        """What is wrong with the waivers themselves, once everything was split."""
        found: list[DocumentFinding] = []
        for one in self.entries:
            if not waivable(one.rule):
                found.append(fixed("waiver.refused", path=one.path, actual=one.rule))
            elif self.today > one.expires:
                found.append(fixed("waiver.expired", severity=ERROR, path=one.path,
                                   actual=one.rule, expected=one.expires.isoformat()))  # fmt: skip
            elif not one.used:
                found.append(fixed("waiver.unused", severity=WARNING, path=one.path,
                                   actual=one.rule))  # fmt: skip
        return found


def _below(path: str, beginning: str) -> bool:
    """Whether a path is this one or leads on from it: ``/a/b`` is not below ``/a/bc``."""
    return path.startswith(beginning) and path[len(beginning) : len(beginning) + 1] in (
        ("", "/", "[", "!") if beginning else (path[:1],)
    )


def read_waivers(path: Path, today: date) -> Waivers:
    """The waivers of a file.

    Raises:
        InputError: it cannot be read, or an entry lacks something.
    """
    data = input_files.toml_of(path)
    tables = data.get("waiver", [])
    if not isinstance(tables, list) or set(data) - {"waiver"}:
        raise InputError(tr("a waiver file holds [[waiver]] tables alone"), where=str(path))
    return Waivers([_waiver(one, f"{path}: {at}") for at, one in enumerate(tables, 1)], today,
                   str(path))  # fmt: skip


def _waiver(table: Any, where: str) -> Waiver:
    if not isinstance(table, dict):
        raise InputError(tr("a waiver file holds [[waiver]] tables alone"), where=where)
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise InputError(tr("unknown key {key}", key=unknown[0]), where=where)
    missing = [name for name in _NEEDED if not table.get(name)]
    if missing:
        raise InputError(tr("a waiver needs {name}", name=missing[0]), where=where)
    expires = table["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise InputError(tr("expires must be a date, such as 2026-12-31"), where=where)
    return Waiver(rule=str(table["rule"]), path=str(table.get("path", "")),
                  reason=str(table["reason"]), approver=str(table.get("approver", "")),
                  expires=expires)  # fmt: skip
