"""Differences that somebody has approved: one signature at a time, with a name and an end.

``approved/*.toml`` hold ``[[approval]]`` tables. An approval that is expired, or that nothing needs
any more, fails the comparison; money and the identity of patients can never be approved away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.upgrade.differences import Difference

KEYS: Final = ("signature", "interface", "name", "path", "class", "reason", "ticket", "approver")
"""Of an ``[[approval]]``, all of them text and needed; ``expires`` is a date."""

_IDENTITY_FIELDS: Final = ("PID-2", "PID-3", "PID-4", "PID-5", "PID-7", "PID-8", "PID-19", "MRG-1",
                           "PV1-19", "P.3", "P.4", "P.5", "P.6", "P.8", "P.9", "O.3")  # fmt: skip
_MONEY_FIELDS: Final = ("FT1-", "IN1-", "BLG-")
_COLUMNS: Final = (
    "patient_id", "patient", "name", "sex", "birth", "id_card", "psn_no", "psn_name", "certno",
    "barcode", "amount", "price", "fee", "sumamt", "_pay", "_amt", "balc", "cash", "yuan", "fen",
)  # fmt: skip
"""Parts of column names that hold money or say whose a row is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One approved signature.

    Attributes:
        signature: of the group.
        expires: the last day that it holds.
        reason: why it is right.
        ticket: where it was decided.
        approver: by whom.
        where: ``file:number`` of the approval.
    """

    signature: str
    expires: date
    reason: str
    ticket: str
    approver: str
    where: str


def untouchable(difference: Difference) -> bool:
    """Whether it is about money or about whose data it is: no approval can cover it."""
    path = difference.path
    if path.startswith("row."):
        column = path.removeprefix("row.").lower()
        return any(part in column for part in _COLUMNS)
    if path.startswith("/"):
        name = path.rpartition("/")[2].lower()
        return "!" in name or any(part in name for part in _COLUMNS)  # a list inside: of money
    if path.startswith("(0010,") or ".(0010," in path:
        return True  # the patient module (PS3.3 §C.7.1.1)
    if path.startswith(_MONEY_FIELDS):
        return True
    return any(path == field or path.startswith(f"{field}.") for field in _IDENTITY_FIELDS)


def read(path: Path) -> list[Approval]:
    """Approvals of a file, or of every ``*.toml`` of a folder.

    Raises:
        InputErrors: everything that is wrong with them.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    problems: list[InputError] = []
    found: list[Approval] = []
    for file in files:
        for number, table in enumerate(_tables(file), 1):
            where = f"{file}:[[approval]] {number}"
            approval = _approval(table, where, problems)
            if approval is not None:
                found.append(approval)
    if problems:
        raise InputErrors(problems)
    return found


def _tables(file: Path) -> list[Mapping[str, Any]]:
    data = input_files.toml_of(file)
    tables = data.pop("approval", [])
    if data or not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise InputError(tr("only [[approval]] tables belong here"), where=str(file))
    return tables


def _approval(table: Mapping[str, Any], where: str, problems: list[InputError]) -> Approval | None:
    missing = [key for key in KEYS if not str(table.get(key, "")).strip()]
    unknown = sorted(set(table) - {*KEYS, "expires"})
    expires = table.get("expires")
    if missing:
        problems.append(InputError(tr("missing: {keys}", keys=", ".join(missing)), where=where))
    if unknown:
        problems.append(InputError(tr("unknown: {keys}", keys=", ".join(unknown)), where=where))
    if not isinstance(expires, date):
        message = tr("expires must be a date, such as 2026-12-31")
        problems.append(InputError(message, where=where))
    if missing or unknown or not isinstance(expires, date):
        return None
    return Approval(
        signature=str(table["signature"]), expires=date(expires.year, expires.month, expires.day),
        reason=str(table["reason"]), ticket=str(table["ticket"]), approver=str(table["approver"]),
        where=where,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Approvals against what was found.

    Attributes:
        approved: signature to its approval.
        problems: expired ones, unused ones, and those of what can never be approved.
    """

    approved: Mapping[str, Approval]
    problems: Sequence[str]


def apply(approvals: Iterable[Approval], found: Mapping[str, Difference], today: date) -> Applied:
    """Which groups are approved on that day, and what is wrong with the approvals."""
    approved: dict[str, Approval] = {}
    problems: list[str] = []
    for one in approvals:
        difference = found.get(one.signature)
        if difference is None:
            text = tr("{where}: nothing has the signature {signature} any more",
                      where=one.where, signature=one.signature)  # fmt: skip
        elif one.expires < today:
            text = tr("{where}: expired on {day}", where=one.where, day=one.expires.isoformat())
        elif untouchable(difference):
            text = tr("{where}: money and patient identity cannot be approved ({path})",
                      where=one.where, path=difference.path)  # fmt: skip
        else:
            approved[one.signature] = one
            continue
        problems.append(text)
    return Applied(approved=approved, problems=problems)
