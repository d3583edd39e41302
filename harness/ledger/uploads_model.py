"""What is uploaded beside settlements: registrations, trace codes, settlement lists.

Each kind has two files, HIS and centre; columns are those of 5201 and 2201 (registrations), 3513
and 3505 (trace codes), 4103 and 4101 (settlement lists), or the names that exports give them.
Centres write the columns of 3513 in camelCase, so names are compared without case and underlines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.ledger.money import tidy

VISITS, BOXES, LISTS = "visits", "boxes", "lists"
SIDES: Final = ("his", "centre")

FIELDS: Final = (
    "key", "m", "p", "own", "s", "state", "split", "fund", "acct", "cash", "msgid", "note",
)  # fmt: skip
"""Columns that the rules know: key, visit, person, hospital's own number, settlement, state, mark
of a split pack, three amounts in fen, msgid, and what a refusal said."""

AMOUNTS: Final = ("fund", "acct", "cash")
NAMES: Final[Mapping[str, str]] = {
    "m": "mdtrt_id", "p": "psn_no", "own": "ipt_otp_no", "s": "setl_id", "split": "trdn_flag",
    "fund": "fund_pay_sumamt", "acct": "acct_pay", "cash": "psn_cash_pay", "msgid": "msgid",
    "note": "note",
}  # fmt: skip
"""The interface's name of each, as reports show it."""

_COMMON: Final = {
    "psnno": "p", "人员编号": "p", "个人编号": "p", "msgid": "msgid", "medinssetlid": "msgid",
    "note": "note", "msgrslt": "note", "errmsg": "note", "备注": "note", "拒收原因": "note",
    "state": "state", "状态": "state", "valiflag": "state", "有效标志": "state",
}  # fmt: skip
_VISIT: Final = {"mdtrtid": "m", "mdtrtsn": "m", "就诊id": "m", "就诊编号": "m"}
_SETTLED: Final = {"setlid": "s", "结算id": "s", "结算编号": "s"}

_OPEN, _VOID = ("open", "void")

STATES: Final[Mapping[str, Mapping[str, str]]] = {
    VISITS: {
        "": _OPEN, "1": _OPEN, "open": _OPEN, "registered": _OPEN, "discharged": _OPEN,
        "settled": _OPEN, "有效": _OPEN, "已登记": _OPEN, "已结算": _OPEN, "在院": _OPEN,
        "出院": _OPEN, "0": _VOID, "void": _VOID, "cancelled": _VOID, "canceled": _VOID,
        "无效": _VOID, "已撤销": _VOID, "已取消": _VOID, "已退号": _VOID,
    },
    BOXES: {
        "": "sold", "1": "sold", "sold": "sold", "split": "sold", "已售": "sold", "有效": "sold",
        "0": "returned", "returned": "returned", "void": "returned", "已退": "returned",
        "无效": "returned", "unsent": "unsent", "sending": "unsent", "refused": "unsent",
        "repeated": "unsent", "miscounted": "unsent", "malformed": "unsent",
        "returning": "returned", "未传": "unsent", "失败": "unsent", "被拒": "unsent",
    },
    LISTS: {
        "": "due", "due": "due", "sending": "due", "未上传": "due",
        "0": "uploaded", "uploaded": "uploaded", "可编辑": "uploaded", "已上传": "uploaded",
        "1": "submitted", "submitted": "submitted", "locked": "submitted", "已提交": "submitted",
        "2": "approved", "approved": "approved", "已审核": "approved", "审核通过": "approved",
        "3": "rejected", "rejected": "rejected", "审核退回": "rejected",
        "refused": "refused", "被拒": "refused", "失败": "refused",
        "void": "void", "withdrawn": "void", "已作废": "void",
    },
}  # fmt: skip
"""States as files write them; one that is not listed is not guessed, the row is set aside."""

SPLITS: Final[Mapping[str, str]] = {
    "": "0", "0": "0", "1": "1", "否": "0", "是": "1", "n": "0", "y": "1", "false": "0",
    "true": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of upload.

    Attributes:
        name: as in the options: ``visits``, ``boxes``, ``lists``.
        key: the interface's name of the column by which rows meet.
        required: further columns without which nothing can be judged.
        names: field by name of a column, both without case and underlines.
        may_lack_key: a row without a key is no fault (a visit that nobody registered).
    """

    name: str
    key: str
    required: tuple[str, ...]
    names: Mapping[str, str]
    may_lack_key: bool = False

    def sides(self) -> tuple[str, str]:
        """Names of its two sides, as in ``verdicts.csv``."""
        return f"his_{self.name}", f"centre_{self.name}"


KINDS: Final[Mapping[str, Kind]] = {
    one.name: one
    for one in (
        Kind(
            name=VISITS,
            key="mdtrt_id",
            required=("p",),
            names=_COMMON
            | dict.fromkeys(_VISIT, "key")
            | {"iptotpno": "own", "住院门诊号": "own", "门诊号": "own", "就诊流水号": "own"},
            may_lack_key=True,
        ),
        Kind(
            name=BOXES,
            key="drug_trac_codg",
            required=("m",),
            names=_COMMON
            | _VISIT
            | _SETTLED
            | {"drugtraccodg": "key", "追溯码": "key", "药品追溯码": "key", "trdnflag": "split",
               "拆零标志": "split", "fixmedinsbchno": "own", "medinslistcodg": "item"},
        ),
        Kind(
            name=LISTS,
            key="setl_id",
            required=("state",),
            names=_COMMON
            | _VISIT
            | dict.fromkeys(_SETTLED, "key")
            | {"setllistid": "own", "清单编号": "own", "清单流水号": "own", "stastype": "state",
               "清单状态": "state", "fundpaysumamt": "fund", "基金支付总额": "fund",
               "acctpay": "acct", "acctpayamt": "acct", "个人账户支出": "acct",
               "psncashpay": "cash", "psncashpy": "cash", "现金支付": "cash"},
        ),
    )
}  # fmt: skip

TEXT_COLUMNS: Final = frozenset(
    name
    for kind in KINDS.values()
    for name, field in kind.names.items()
    if field in {"key", "m", "p", "own", "s", "msgid"}
)
"""Columns that a spreadsheet must hold as text: a code of 20 digits is no number."""


def plain(name: str) -> str:
    """A column's name without case, blanks and underlines."""
    return re.sub(r"[_\s\-/]", "", tidy(name).lstrip("\ufeff").strip("`'\"").lower())


def side_of(side: str) -> Any:
    """``his_visits`` is HIS's, ``centre_visits`` the centre's."""
    return side.partition("_")[0]
