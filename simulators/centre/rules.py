"""What a province decides, and what a desk of the centre needs to carry out a transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from simulators.centre.rules_texts import TEXTS
from simulators.centre.transaction import Call

if TYPE_CHECKING:
    from simulators.centre.calc_benefits import Benefits

ROWS_MAX = 10_000
"""Rows that one call may carry; the envelope's own size limit lies far below."""

TEXT_MAX = 4_000_000
"""Characters of one field: a picture of 9601 may have a megabyte, and Base64 makes it longer."""

_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Refusal(Exception):  # noqa: N818 - the word of the trade, and no error of ours
    """The centre says no: the transaction is answered with a cause and changes nothing.

    Args:
        cause: key into ``rules_texts.TEXTS``; a province may word it otherwise.
        holes: values that the text names.
    """

    def __init__(self, cause: str, **holes: object) -> None:
        super().__init__(cause)
        self.cause = cause
        self.holes = holes


_NATIONAL_COLUMNS = (
    "psn_no",
    "mdtrt_id",
    "setl_id",
    "msgid",
    "stmt_rslt",
    "refd_setl_flag",
    "memo",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
)

RESULT_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "10": _NATIONAL_COLUMNS,
        "7": (
            "psn_no",
            "mdtrt_id",
            "setl_id",
            "msgid",
            "refd_setl_flag",
            "stmt_rslt",
            "memo",
        ),
        "11": (*_NATIONAL_COLUMNS, "exp_content"),
    }
)
"""Columns of the result file of 3202 by layout: national, Chongqing 2021, Hubei."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What differs by province behind the gateway. Defaults are Hunan's where it says anything.

    Attributes:
        duplicate_msgid: a transaction whose msgid was carried out before is ``refuse``d, answered
            again from the books (``replay``) or carried out anew (``process``). No specification
            says which.
        reversible: original transactions that 2601 takes back.
        reversal_sign: whether the *message* of 2208/2305 has ``negative`` amounts or
            ``positive`` ones. The ledger always holds negative ones.
        file_sign: the same for refund rows of the uploaded file of 3202.
        pair_count: how much a reversed pair adds to the count of 3201: 2, 1 or 0.
        result_columns: layout of the result file, a key of ``RESULT_COLUMNS``.
        upload_columns: columns of the uploaded file: 7, or 8 with ``exp_content``.
        strict_files: refuse a trailing TAB, CRLF, BOM or GBK, which lenient centres take.
        stmt_rslt: result codes by state: ``balanced``, ``centre_more``, ``hospital_more``,
            ``differs``, ``several``.
        total_rslt: result codes of 3201: balanced, not balanced.
        flag_filters: whether ``refd_setl_flag`` of 3201 and 3202 chooses rows (1 refunds, 0 the
            others) instead of being ignored; clients disagree about what it says.
        memo_insutype: end the memo of a result row with the insutype (seen at Foshan).
        cleared_month: settlements of this month (``YYYYMM``) and earlier are in a clearing:
            2601 refuses them, 2208/2305 book the refund into the present month.
        reverse_cleared: whether 2208/2305 take a settlement of a cleared month at all.
        clearing: whether 3203 and 3204 still exist (Hunan abolished them in 2022).
        file_hours: how long a file stays for 9102.
        catalogue_owner: ``fixmedins_code`` that 9102 wants for catalogue files.
        mulaid_inside_acct: whether ``acct_pay`` holds ``acct_mulaid_pay`` already.
        amount_tolerance_fen: how far ``det_item_fee_sumamt`` may be from price times quantity.
        check_parts: whether 2207/2304 compare the four parts of the request with the rows.
        check_diagnosis: whether a diagnosis code has to be in the catalogue (since 2022-11).
        check_mapping: whether a hospital's code has to be mapped (3301) before it is charged.
        check_staff: whether doctors and departments of a message have to be registered.
        region: the centre's own place of insurance.
        wording: texts by cause, where a province words them otherwise.
        lists: code lists that 1901 tells, by name; empty takes the published ones.
    """

    duplicate_msgid: str = "process"
    reversible: frozenset[str] = frozenset({"2102", "2207", "2304", "2401"})
    reversal_sign: str = "negative"
    file_sign: str = "negative"
    pair_count: int = 2
    result_columns: str = "10"
    upload_columns: int = 7
    strict_files: bool = False
    stmt_rslt: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {
                "balanced": "0",
                "centre_more": "1",
                "hospital_more": "1",
                "differs": "1",
                "several": "1",
            }
        )
    )
    total_rslt: tuple[str, str] = ("0", "1")
    memo_insutype: bool = False
    flag_filters: bool = False
    cleared_month: str = ""
    reverse_cleared: bool = True
    clearing: bool = True
    file_hours: int = 24
    catalogue_owner: str = "plc"
    mulaid_inside_acct: bool = True
    amount_tolerance_fen: int = 1
    check_parts: bool = True
    check_diagnosis: bool = True
    check_mapping: bool = False
    check_staff: bool = False
    region: str = "430100"
    wording: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A policy with a value that no code knows would silently act like another."""
        known = {
            "duplicate_msgid": ("refuse", "replay", "process"),
            "reversal_sign": ("negative", "positive"),
            "file_sign": ("negative", "positive"),
            "pair_count": (0, 1, 2),
            "result_columns": tuple(RESULT_COLUMNS),
            "upload_columns": (7, 8),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                msg = f"{name} must be one of {values}"
                raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all transactions of one centre share.

    Attributes:
        policy: of the province.
        benefits: who pays what.
        seed: from which ids are made; a centre that starts again keeps it.
        broken: name of the one identity that answers are to break (``rules_identities``), or empty.
    """

    policy: Policy
    benefits: Benefits
    seed: int = 0
    broken: str = ""


def wording(policy: Policy, refusal: Refusal) -> str:
    """The text of a refusal as this province says it."""
    text = policy.wording.get(refusal.cause, TEXTS[refusal.cause])
    return text.format(**refusal.holes)


def node(call: Call, name: str = "data") -> Mapping[str, Any]:
    """The one row of an input node; a list of one row is taken for the row.

    Raises:
        Refusal: the node is missing.
    """
    value = call.input.get(name)
    if type(value) is dict:  # nearly all of them
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise Refusal("node_missing", name=name)
    return value


def node_rows(call: Call, name: str) -> list[Mapping[str, Any]]:
    """The rows of an input node; one row without its list is taken for a list.

    Raises:
        Refusal: there are too many, or something else than rows.
    """
    return rows_of(call.input.get(name), name)


def rows_of(value: object, name: str) -> list[Mapping[str, Any]]:
    """The same for rows that stand inside another row.

    Raises:
        Refusal: there are too many, or something else than rows.
    """
    if value is None or value == "":
        return []
    rows = [value] if isinstance(value, Mapping) else value
    if not isinstance(rows, Sequence) or not all(
        type(row) is dict or isinstance(row, Mapping) for row in rows
    ):
        raise Refusal("node_missing", name=name)
    if len(rows) > ROWS_MAX:
        raise Refusal("too_many_rows", name=name, limit=ROWS_MAX)
    return list(rows)


def flat(call: Call) -> Mapping[str, Any]:
    """Fields of a transaction whose node the specification does not name: ``data``, or none."""
    inner = call.input.get("data")
    return inner if isinstance(inner, Mapping) else call.input


def text(row: Mapping[str, Any], name: str) -> str:
    """A field as text; missing and null are empty.

    Raises:
        Refusal: it holds a character that no database keeps (NUL, half a surrogate pair), or is no
            single value.
    """
    value = row.get(name)
    if type(value) is str and value.isascii() and "\0" not in value and len(value) <= TEXT_MAX:
        return value  # nearly all of them
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        raise Refusal("bad_text", name=name)
    found = str(value)
    if "\0" in found or len(found) > TEXT_MAX:
        raise Refusal("bad_text", name=name)
    if not found.isascii() and any("\ud800" <= letter <= "\udfff" for letter in found):
        raise Refusal("bad_text", name=name)
    return found


def whole(row: Mapping[str, Any], name: str, default: str) -> int:
    """A field that counts something; missing is ``default``.

    Raises:
        Refusal: it is no whole number of at most nine digits.
    """
    value = text(row, name) or default
    if not _WHOLE.fullmatch(value):
        raise Refusal("not_a_number", name=name)
    return int(value)


def needed(row: Mapping[str, Any], name: str) -> str:
    """A field that must have a value.

    Raises:
        Refusal: it has none.
    """
    value = text(row, name)
    if not value:
        raise Refusal("field_missing", name=name)
    return value


def day(row: Mapping[str, Any], name: str) -> str:
    """A date ``YYYY-MM-DD``; a time of day behind it is cut off.

    Raises:
        Refusal: it is no date.
    """
    value = needed(row, name)[:10]
    if not _DATE.fullmatch(value):
        raise Refusal("not_a_date", name=name)
    return value


_stamped: tuple[datetime | None, str] = (None, "")
"""The last time that was written, and how; one object, so that no thread sees half of it."""


def stamp(call: Call) -> str:
    """The centre's clock as ``YYYY-MM-DD HH:MM:SS``."""
    global _stamped  # noqa: PLW0603 - one transaction asks for the same time half a dozen times
    at, found = _stamped
    if at is not call.at:
        found = call.at.isoformat(" ", "seconds")[:19]
        _stamped = call.at, found
    return found
