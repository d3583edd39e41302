"""Explains two stated totals of a period: stated, list, matched, centre's list, stated.

Finance says two numbers; the lists are what was exported. Between a stated number and its list
lie things that settlements do not show or that the export cut: cash rounding (分币), deposits
(预交金), voided or reprinted receipts, hospital-borne amounts, the cut-off. Each has a line of
its own where a column of the HIS list tells; where no column tells, the line says so. What is left
is what the lists do not contain, and it is shown as that. All amounts are integer fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from harness.i18n import tr
from harness.ledger import money
from harness.ledger.class_words import word
from harness.ledger.columns import OUTSIDE
from harness.ledger.detail import KINDS, DetailResult, kind_name

ITEMS_MAX: Final = 200
"""Rows named under one step; ``rows`` counts all of them."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "cash_rounding": ("cash_rounding", "rounding_amt", "fenbi", "分币", "分币误差", "舍入金额"),
    "deposit": ("deposit", "prepay_amt", "预交金", "预交金额"),
    "hospital_borne": ("hosp_part_amt", "ownpay_hosp_part", "医院承担", "医院负担金额"),
    "voided": ("void_flag", "voided", "作废标志", "reprint_flag", "重打标志"),
}
"""Columns of the HIS list that tell, by the line that they feed; a guess at usual names, so a site
passes its own through ``rules``."""

SELF_PAY: Final = ("selfpay_flag", "self_pay", "自费标志", "费别", "结算方式")
"""Columns of the HIS list that say that a bill never was for the insurance."""

SIGNS: Final[Mapping[str, int]] = {
    "cash_rounding": -1,
    "deposit": -1,
    "hospital_borne": 1,
    "voided": 1,
}
"""From stated to list: the stated number holds rounding and deposits, which the list of
settlements does not; the list holds hospital-borne amounts and voided receipts."""

YES: Final = frozenset({"1", "y", "yes", "true", "t", "是", "作废", "重打"})


SELF_PAY_WORDS: Final = YES | {"自费", "self-pay", "selfpay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """A row of a list as the period sees it; ``carried`` holds the further columns as text."""

    side: str
    line: int
    setl_id: str
    code: str
    fen: int
    paired: bool
    when: datetime | date | None = None
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One named row under a step."""

    label: str
    fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An arrow of the bridge, or a total that it reaches (``level``)."""

    code: str
    name: str
    fen: int = 0
    rows: int = 0
    note: str = ""
    level: int | None = None
    items: tuple[Item, ...] = ()
    outside: bool = False

    def to_json(self) -> dict[str, Any]:
        """As ``period.json`` has it."""
        return {
            "code": self.code,
            "name": self.name,
            "fen": self.fen,
            "rows": self.rows,
            "note": self.note,
            "level": self.level,
            "outside_lists": self.outside,
            "items": [{"label": one.label, "fen": one.fen} for one in self.items],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodBridge:
    """The bridge between two stated totals."""

    begin: date
    end: date
    steps: tuple[Step, ...]

    @property
    def difference_fen(self) -> int:
        """Stated HIS minus stated centre."""
        return (self.steps[0].level or 0) - (self.steps[-1].level or 0)

    @property
    def not_in_lists_fen(self) -> int:
        """What no row accounts for, in fen."""
        return sum(one.fen for one in self.steps if one.outside)

    @property
    def whole(self) -> bool:
        """Every arrow rests on rows; offsetting gaps do not count as whole."""
        return all(one.fen == 0 for one in self.steps if one.outside)

    def to_json(self) -> dict[str, Any]:
        """As ``period.json`` has it."""
        return {
            "format": 1,
            "begin": self.begin.isoformat(),
            "end": self.end.isoformat(),
            "difference_fen": self.difference_fen,
            "not_in_lists_fen": self.not_in_lists_fen,
            "whole": self.whole,
            "arrows": [one.to_json() for one in self.steps],
        }


def bridge(
    stated_his_fen: int,
    stated_centre_fen: int,
    begin: date,
    end: date,
    rows: Iterable[PeriodRow],
    *,
    detail: DetailResult | None = None,
    rules: Mapping[str, Sequence[str]] = COLUMNS,
) -> PeriodBridge:
    """The bridge from HIS's stated total to the centre's.

    Args:
        stated_his_fen: what finance says HIS took in the period.
        stated_centre_fen: what the centre says it settled.
        begin: first day.
        end: last day, included.
        rows: all rows of both lists with their class.
        detail: amount differences by fee line, where fee lines were given.
        rules: columns that feed each line; see ``COLUMNS``.
    """
    every = list(rows)
    his = [one for one in every if one.side == "his"]
    centre = [one for one in every if one.side == "centre"]
    listed_his, listed_centre = _sum(his), _sum(centre)
    his_steps = [
        *(_told(kind, names, his) for kind, names in rules.items()),
        _cut_off("cut_off_his", his, begin, end, sign=1),
    ]
    gap_his = listed_his - stated_his_fen - sum(one.fen for one in his_steps)
    centre_steps = [_cut_off("cut_off_centre", centre, begin, end, sign=-1)]
    gap_centre = stated_centre_fen - listed_centre - sum(one.fen for one in centre_steps)
    steps = [
        Step(code="stated_his", name=tr("HIS, stated"), level=stated_his_fen),
        *his_steps,
        _gap("not_in_his_list", gap_his),
        _total("his_list", tr("HIS list"), his),
        _self_pay(his),
        *_alone([one for one in his if not _is_self_pay(one)], sign=-1),
        _total("matched_his", tr("HIS rows with a partner"), [one for one in his if one.paired]),
        *_between(his, centre, detail),
        _total(
            "matched_centre",
            tr("centre rows with a partner"),
            [one for one in centre if one.paired],
        ),
        *_alone(centre, sign=1),
        _total("centre_list", tr("centre list"), centre),
        *centre_steps,
        _gap("not_in_centre_list", gap_centre),
        Step(code="stated_centre", name=tr("centre, stated"), level=stated_centre_fen),
    ]
    return PeriodBridge(begin=begin, end=end, steps=tuple(steps))


def _sum(rows: Iterable[PeriodRow]) -> int:
    return sum(one.fen for one in rows)


def _total(code: str, name: str, rows: Sequence[PeriodRow]) -> Step:
    return Step(code=code, name=name, level=_sum(rows), rows=len(rows))


def _gap(code: str, fen: int) -> Step:
    note = tr("no row of the lists accounts for it") if fen else ""
    return Step(code=code, name=tr("not in the list"), fen=fen, note=note, outside=True)


def _told(kind: str, names: Sequence[str], his: Sequence[PeriodRow]) -> Step:
    """A line that a column of the HIS list feeds, or that says that no column does."""
    known = {key.lower() for one in his for key in one.carried}
    column = next((name for name in names if name.lower() in known), "")
    name = {
        "cash_rounding": tr("cash rounding"),
        "deposit": tr("deposits"),
        "hospital_borne": tr("borne by the hospital"),
        "voided": tr("voided or reprinted receipts"),
    }.get(kind, kind)
    if not column:
        return Step(code=kind, name=name, note=tr("the list has no column for it"))
    items = []
    for one in his:
        text = next(
            (text for key, text in one.carried.items() if key.lower() == column.lower()), ""
        )
        fen = _flagged(one, text) if kind == "voided" else money.fen(text) or 0
        if fen:
            items.append(Item(label=_label(one), fen=SIGNS.get(kind, 1) * fen))
    return _listed(kind, name, items, note=tr("column {name}", name=column))


def _flagged(row: PeriodRow, text: str) -> int:
    return row.fen if text.strip().lower() in YES else 0


def _cut_off(code: str, rows: Sequence[PeriodRow], begin: date, end: date, *, sign: int) -> Step:
    """Rows of a list whose own time lies outside the period; of HIS also those outside its cut."""
    name = tr("cut-off: rows outside the period")
    cut = sign > 0 and any(one.code == OUTSIDE for one in rows)
    if cut:
        name = tr("cut-off: rows outside the period or the batch")
    if not cut and not any(one.when for one in rows):
        return Step(code=code, name=name, note=tr("the list has no times"))
    items = [
        Item(label=_label(one), fen=sign * one.fen)
        for one in rows
        if (cut and one.code == OUTSIDE) or (one.when and not begin <= _day(one.when) <= end)
    ]
    return _listed(code, name, items)


def _day(when: datetime | date) -> date:
    return when.date() if isinstance(when, datetime) else when


def _alone(rows: Sequence[PeriodRow], *, sign: int) -> list[Step]:
    """Rows without a partner, one step a class."""
    return [
        _listed(
            code,
            word(code).name,
            [Item(label=_label(one), fen=sign * one.fen) for one in group],
        )
        for code, group in _by_class([one for one in rows if not one.paired])
    ]


def _is_self_pay(row: PeriodRow) -> bool:
    """A bill of HIS alone that says so, or that has no id of the centre at all."""
    if row.side != "his" or row.code != "his_only" or row.paired:
        return False
    words = (text for key, text in row.carried.items() if key.lower() in SELF_PAY)
    told = any(one.strip().lower() in SELF_PAY_WORDS for one in words)
    return told or not row.setl_id.strip()


def _self_pay(his: Sequence[PeriodRow]) -> Step:
    """Bills that were never uploaded because the patient paid all: a line of their own."""
    items = [Item(label=_label(one), fen=-one.fen) for one in his if _is_self_pay(one)]
    known = {key.lower() for one in his for key in one.carried}
    column = next((name for name in SELF_PAY if name in known), "")
    note = tr("column {name}", name=column) if column else tr("rows without a settlement id")
    return _listed("self_pay", tr("self-pay, never uploaded"), items, note=note)


def _between(
    his: Sequence[PeriodRow], centre: Sequence[PeriodRow], detail: DetailResult | None
) -> list[Step]:
    """What lies between rows that have a partner: by fee line where known, else by class."""
    ours = dict(_by_class([one for one in his if one.paired]))
    theirs = dict(_by_class([one for one in centre if one.paired]))
    steps = []
    for code in sorted({*ours, *theirs}):
        group = ours.get(code, [])
        fen = _sum(theirs.get(code, [])) - _sum(group)
        if code == "amount_mismatch" and detail is not None:
            steps += _by_line(detail)
            fen += sum(one.explained_fen for one in detail.bills)
            name = tr("{name}, not explained by fee lines", name=word(code).name)
        else:
            name = word(code).name
        if fen or (code == "amount_mismatch" and detail is not None):
            steps.append(_partly(code, name, fen, group, theirs.get(code, [])))
    return steps


def _partly(
    code: str, name: str, fen: int, ours: Sequence[PeriodRow], theirs: Sequence[PeriodRow]
) -> Step:
    """A step between partners; its rows are named by id where both sides share it."""
    other: dict[str, int] = {}
    for one in theirs:
        other[one.setl_id] = other.get(one.setl_id, 0) + one.fen
    items = [
        Item(label=_label(one), fen=other[one.setl_id] - one.fen)
        for one in ours
        if one.setl_id in other and other[one.setl_id] != one.fen
    ]
    rows = len(ours) if fen else 0
    return Step(
        code=code, name=name, fen=fen, rows=rows, items=tuple(items[:ITEMS_MAX] if fen else [])
    )


def _by_line(detail: DetailResult) -> list[Step]:
    """Amount differences by kind of line; each line is named with its bill."""
    steps = []
    for kind in KINDS:
        items = [
            Item(
                label=f"{bill.bill.setl_id or bill.bill.mdtrt_id} {_line_label(one.to_json())}",
                fen=-one.delta_fen,
            )
            for bill in detail.bills
            for one in bill.findings
            if one.kind == kind and one.delta_fen
        ]
        if items:
            steps.append(_listed(f"line_{kind}", kind_name(kind), items))
    return steps


def _line_label(line: Mapping[str, Any]) -> str:
    words = (line["item"], line["code"], line["feedetl_sn"])
    return " ".join(str(one) for one in words if one)


def _by_class(rows: Iterable[PeriodRow]) -> list[tuple[str, list[PeriodRow]]]:
    groups: dict[str, list[PeriodRow]] = {}
    for one in rows:
        groups.setdefault(one.code, []).append(one)
    return sorted(groups.items())


def _listed(code: str, name: str, items: Sequence[Item], *, note: str = "") -> Step:
    return Step(
        code=code,
        name=name,
        fen=sum(one.fen for one in items),
        rows=len(items),
        note=note,
        items=tuple(items[:ITEMS_MAX]),
    )


def _label(row: PeriodRow) -> str:
    return row.setl_id or f"{row.side}:{row.line}"
