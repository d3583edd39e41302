"""Brings an amount difference down to the fee line: item, quantity, price.

HIS fee lines stand against the centre's (5204, or the lines uploaded by 2204 or 2301). Lines meet
by bill (``setl_id``, else ``mdtrt_id``) and ``feedetl_sn``; lines without a partner then meet by
item, quantity and price, and at last by item alone. Nothing is explained away: what the lines do
not account for stays as the remainder of the bill, in integer fen. Only lines of the bills that
differ are kept, so two month files cost one pass each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.detail_read import columns_of, decimal_of, fen_of, read_table

LINES_MAX: Final = 2_000_000
"""Lines of differing bills held at once; a bill has some hundreds."""

REQUIRED: Final = ("det_item_fee_sumamt",)
NOT_UPLOADED: Final = frozenset({"0", "n", "no", "false", "否", "未上传"})
KINDS: Final = (
    "never_uploaded",
    "missing_at_centre",
    "missing_in_his",
    "quantity",
    "price",
    "quantity_and_price",
    "rounding",
    "amount",
    "item",
)
"""Findings about a line, in the order in which reports list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """One fee line of one side; amount in fen, quantity and price as written."""

    line: int
    setl_id: str
    mdtrt_id: str
    feedetl_sn: str
    code: str
    national: str
    item: str
    cnt: Decimal | None
    pric: Decimal | None
    fen: int
    uploaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill whose amounts differ: what reconciliation says about it, in fen."""

    setl_id: str
    mdtrt_id: str
    his_fen: int
    centre_fen: int

    @property
    def delta_fen(self) -> int:
        """HIS minus centre."""
        return self.his_fen - self.centre_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFinding:
    """One line that differs."""

    kind: str
    his: FeeLine | None
    centre: FeeLine | None

    @property
    def delta_fen(self) -> int:
        """HIS minus centre."""
        return (self.his.fen if self.his else 0) - (self.centre.fen if self.centre else 0)

    def to_json(self) -> dict[str, Any]:
        """As ``detail.json`` has it."""
        either = self.his or self.centre
        return {
            "kind": self.kind,
            "name": kind_name(self.kind),
            "feedetl_sn": either.feedetl_sn if either else "",
            "code": (either.code or either.national) if either else "",
            "item": either.item if either else "",
            "his_line": self.his.line if self.his else 0,
            "centre_line": self.centre.line if self.centre else 0,
            "his_cnt": _plain(self.his.cnt if self.his else None),
            "centre_cnt": _plain(self.centre.cnt if self.centre else None),
            "his_pric": _plain(self.his.pric if self.his else None),
            "centre_pric": _plain(self.centre.pric if self.centre else None),
            "delta_fen": self.delta_fen,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BillResult:
    """One bill explained.

    Attributes:
        bill: the bill.
        findings: lines that differ.
        his_lines: how many HIS lines the file has of it.
        centre_lines: the same for the centre.
    """

    bill: Bill
    findings: tuple[LineFinding, ...]
    his_lines: int
    centre_lines: int

    @property
    def explained_fen(self) -> int:
        """What the lines account for."""
        return sum(one.delta_fen for one in self.findings)

    @property
    def remainder_fen(self) -> int:
        """What they do not."""
        return self.bill.delta_fen - self.explained_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailResult:
    """All bills explained."""

    bills: tuple[BillResult, ...]

    @property
    def remainder_fen(self) -> int:
        """Sum of the remainders; see ``whole`` for remainders that offset each other."""
        return sum(one.remainder_fen for one in self.bills)

    @property
    def whole(self) -> bool:
        """Every bill is explained to the fen."""
        return all(one.remainder_fen == 0 for one in self.bills)

    def to_json(self) -> dict[str, Any]:
        """As ``detail.json`` has it."""
        return {
            "format": 1,
            "whole": self.whole,
            "explained_fen": sum(one.explained_fen for one in self.bills),
            "remainder_fen": self.remainder_fen,
            "bills": [
                {
                    "setl_id": one.bill.setl_id,
                    "mdtrt_id": one.bill.mdtrt_id,
                    "his_fen": one.bill.his_fen,
                    "centre_fen": one.bill.centre_fen,
                    "delta_fen": one.bill.delta_fen,
                    "remainder_fen": one.remainder_fen,
                    "his_lines": one.his_lines,
                    "centre_lines": one.centre_lines,
                    "lines": [each.to_json() for each in one.findings],
                }
                for one in self.bills
            ],
        }


def kind_name(kind: str) -> str:
    """A finding about a line in the language in use."""
    return {
        "never_uploaded": tr("never uploaded"),
        "missing_at_centre": tr("missing at the centre"),
        "missing_in_his": tr("missing in HIS"),
        "quantity": tr("quantity differs"),
        "price": tr("price differs"),
        "quantity_and_price": tr("quantity and price differ"),
        "rounding": tr("rounding"),
        "amount": tr("amount differs"),
        "item": tr("other item code"),
    }[kind]


def explain(his_detail: Path, centre_detail: Path, bills: Iterable[Bill]) -> DetailResult:
    """Explain the bills by their fee lines.

    Args:
        his_detail: HIS fee lines.
        centre_detail: the centre's fee lines (5204), or what was uploaded (2204, 2301).
        bills: the bills that differ, as reconciliation found them.

    Raises:
        InputError: a file cannot be used, or names no bill.
    """
    wanted = list(bills)
    his_by = _lines(his_detail, wanted)
    centre_by = _lines(centre_detail, wanted)
    return DetailResult(
        bills=tuple(
            _explained(bill, his_by[place], centre_by[place]) for place, bill in enumerate(wanted)
        )
    )


def _lines(path: Path, bills: Sequence[Bill]) -> dict[int, list[FeeLine]]:
    """Lines of the wanted bills, by the bill's place.

    A visit that was settled several times has several bills: its lines are placed by ``setl_id``
    alone, unless the file has none (uploaded lines are written before there is a settlement).
    """
    names = columns_of(path)
    if "setl_id" not in names and "mdtrt_id" not in names:
        raise InputError(
            tr("column {name} is missing", name="setl_id"),
            where=f"{path.name}:1",
            remedy=tr("name the columns as the interface does"),
        )
    by_settlement = {bill.setl_id: place for place, bill in enumerate(bills) if bill.setl_id}
    by_visit = {bill.mdtrt_id: place for place, bill in enumerate(bills) if bill.mdtrt_id}
    found: dict[int, list[FeeLine]] = defaultdict(list)
    kept = 0
    for number, cells in read_table(path, required=REQUIRED):
        settlement = cells.get("setl_id", "")
        place = (
            by_settlement.get(settlement) if settlement else by_visit.get(cells.get("mdtrt_id", ""))
        )
        if place is None:
            continue
        kept += 1
        if kept > LINES_MAX:
            raise InputError(tr("too many fee lines of differing bills"), where=path.name)
        found[place].append(_line(number, cells, f"{path.name}:{number}"))
    return found


def _line(number: int, cells: dict[str, str], where: str) -> FeeLine:
    serial, flag = cells.get("feedetl_sn", ""), cells.get("upld_flag", "").lower()
    return FeeLine(
        line=number,
        setl_id=cells.get("setl_id", ""),
        mdtrt_id=cells.get("mdtrt_id", ""),
        feedetl_sn=serial,
        code=cells.get("medins_list_codg", ""),
        national=cells.get("med_list_codg", ""),
        item=cells.get("medins_list_name", ""),
        cnt=decimal_of(cells, "cnt", where),
        pric=decimal_of(cells, "pric", where),
        fen=fen_of(cells, "det_item_fee_sumamt", where),
        uploaded=flag not in NOT_UPLOADED if flag else bool(serial),
    )


def _explained(bill: Bill, his: Sequence[FeeLine], centre: Sequence[FeeLine]) -> BillResult:
    pairs, his_left, centre_left = _paired(his, centre)
    findings = [
        LineFinding(kind=kind, his=ours, centre=theirs)
        for ours, theirs in pairs
        if (kind := _difference(ours, theirs))
    ]
    findings += [
        LineFinding(
            kind="missing_at_centre" if one.uploaded else "never_uploaded", his=one, centre=None
        )
        for one in his_left
    ]
    findings += [LineFinding(kind="missing_in_his", his=None, centre=one) for one in centre_left]
    findings.sort(key=lambda one: (KINDS.index(one.kind), -abs(one.delta_fen), _place(one)))
    return BillResult(
        bill=bill, findings=tuple(findings), his_lines=len(his), centre_lines=len(centre)
    )


def _place(finding: LineFinding) -> tuple[int, int]:
    return (
        finding.his.line if finding.his else 0,
        finding.centre.line if finding.centre else 0,
    )


_MEET: Final[tuple[Callable[[FeeLine], tuple[Any, ...] | None], ...]] = (
    lambda one: (one.feedetl_sn,) if one.feedetl_sn else None,
    lambda one: (one.code, one.cnt, one.pric, one.fen) if one.code else None,
    lambda one: (one.code, one.pric) if one.code else None,
    lambda one: (one.code,) if one.code else None,
    lambda one: (one.national, one.pric) if one.national else None,
    lambda one: (one.national,) if one.national else None,
)
"""By what two lines meet, the strongest first; equal keys pair in the order of the files."""


def _paired(
    his: Sequence[FeeLine], centre: Sequence[FeeLine]
) -> tuple[list[tuple[FeeLine, FeeLine]], list[FeeLine], list[FeeLine]]:
    pairs: list[tuple[FeeLine, FeeLine]] = []
    his_left, centre_left = list(his), list(centre)
    for key in _MEET:
        waiting: dict[tuple[Any, ...], list[FeeLine]] = defaultdict(list)
        for one in reversed(centre_left):
            found = key(one)
            if found is not None:
                waiting[found].append(one)
        rest, taken = [], set()
        for ours in his_left:
            found = key(ours)
            if found is not None and waiting.get(found):
                theirs = waiting[found].pop()
                taken.add(theirs.line)
                pairs.append((ours, theirs))
            else:
                rest.append(ours)
        his_left = rest
        centre_left = [one for one in centre_left if one.line not in taken]
    return pairs, his_left, centre_left


def _difference(his: FeeLine, centre: FeeLine) -> str:
    """What differs between two lines that belong together; empty where nothing does."""
    count = _differs(his.cnt, centre.cnt)
    price = _differs(his.pric, centre.pric)
    if his.fen != centre.fen:
        if count and price:
            return "quantity_and_price"
        if count or price:
            return "quantity" if count else "price"
        return "rounding" if _rounded(his, centre) else "amount"
    if count or price:
        return "quantity_and_price" if count and price else "quantity" if count else "price"
    codes = ((his.code, centre.code), (his.national, centre.national))
    return "item" if any(ours and theirs and ours != theirs for ours, theirs in codes) else ""


def _differs(ours: Decimal | None, theirs: Decimal | None) -> bool:
    return ours is not None and theirs is not None and ours != theirs


def _rounded(his: FeeLine, centre: FeeLine) -> bool:
    """One fen apart, and quantity times price does not come out in whole fen."""
    if abs(his.fen - centre.fen) != 1 or his.cnt is None or his.pric is None:
        return False
    exact = his.cnt * his.pric * 100
    return exact != exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def _plain(value: Decimal | None) -> str:
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
