"""``reconcile --his-detail --centre-detail --period --stated-his --stated-centre``.

A hook of the reconcile command: it runs after the verdicts are written and before the reports,
and leaves ``detail.json`` and ``period.json`` for them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.detail import Bill, DetailResult, explain
from harness.ledger.period import COLUMNS, SELF_PAY, PeriodBridge, PeriodRow, bridge
from harness.ledger.report_read import Outcome
from harness.ledger.report_text import yuan

ROWS_MAX: Final = 2_000_000
"""Rows that a period bridge holds; a big hospital settles about 20,000 bills a day."""

EXPLAINED: Final = ("amount_mismatch", "swapped_parts", "detail_differs", "partial_refund_differs")
"""Classes that fee lines can explain."""


def extend(args: argparse.Namespace, out: Path) -> list[Path]:
    """Explain fee lines and the period, as far as the options ask; gives the files written.

    Raises:
        InputError: half of a pair of options, a date or amount that is none, an unusable file.
    """
    details = _pair(args, "his_detail", "centre_detail")
    stated = _pair(args, "stated_his", "stated_centre")
    period = getattr(args, "period", None)
    if (stated is None) != (not period):
        raise InputError(
            tr("--period, --stated-his and --stated-centre belong together"),
            remedy=tr("give all three, or none"),
        )
    for stale in ("detail.json", "period.json"):
        (out / stale).unlink(missing_ok=True)
    if details is None and stated is None:
        return []
    outcome = Outcome(out)
    try:
        if outcome.incomplete:
            return []
        return _extend(outcome, details, stated, period)
    finally:
        outcome.close()


def _extend(
    outcome: Outcome,
    details: tuple[str, str] | None,
    stated: tuple[str, str] | None,
    period: list[str] | None,
) -> list[Path]:
    written, result = [], None
    if details is not None:
        result = explain(Path(details[0]), Path(details[1]), _bills(outcome))
        written.append(_save(outcome, "detail.json", result.to_json()))
        _say_detail(result)
    if stated is not None and period:
        begin, end = (_day(text) for text in period)
        if begin > end:
            raise InputError(tr("the period ends before it begins"), where="--period")
        whole = bridge(
            _fen("--stated-his", stated[0]),
            _fen("--stated-centre", stated[1]),
            begin,
            end,
            _rows(outcome),
            detail=result,
        )
        written.append(_save(outcome, "period.json", whole.to_json()))
        _say_period(whole)
    return written


def _pair(args: argparse.Namespace, one: str, other: str) -> tuple[str, str] | None:
    left, right = getattr(args, one, None), getattr(args, other, None)
    if left is None and right is None:
        return None
    if left is None or right is None:
        names = [f"--{name.replace('_', '-')}" for name in (one, other)]
        raise InputError(
            tr("{one} and {other} belong together", one=names[0], other=names[1]),
            remedy=tr("give both, or none"),
        )
    return str(left), str(right)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            tr("{text} is no date", text=text[:40]),
            where="--period",
            remedy=tr("write it as 2026-09-01"),
        ) from error


def _fen(option: str, text: str) -> int:
    found = money.fen(text)
    if found is None:
        raise InputError(
            tr("{text} is no amount", text=text[:40]),
            where=option,
            remedy=tr("write yuan with two decimals, 171239.20"),
        )
    return found


def _bills(outcome: Outcome) -> Iterator[Bill]:
    """Bills whose amounts differ, once each: the HIS row against all its partners."""
    for code in EXPLAINED:
        for case in outcome.cases(code, ROWS_MAX):
            his = [row for row in case.rows if row["side"] == "his"]
            centre = [row for row in case.rows if row["side"] == "centre"]
            either = (his or centre)[0]
            yield Bill(
                setl_id=str(either.get("setl_id") or ""),
                mdtrt_id=str(either.get("mdtrt_id") or ""),
                his_fen=sum(int(row.get("medfee_fen") or 0) for row in his),
                centre_fen=sum(int(row.get("medfee_fen") or 0) for row in centre),
            )


def _rows(outcome: Outcome) -> Iterator[PeriodRow]:
    buckets = outcome.buckets()
    if sum(sum(one.rows.values()) for one in buckets) > ROWS_MAX:
        raise InputError(
            tr("more than {limit} rows in one period", limit=f"{ROWS_MAX:,}"),
            remedy=tr("take a shorter period"),
        )
    for bucket in buckets:
        for row in outcome.rows(bucket.code):
            yield PeriodRow(
                side=str(row["side"]),
                line=int(row["line"]),
                setl_id=str(row.get("setl_id") or ""),
                code=bucket.code,
                fen=int(row.get("medfee_fen") or 0),
                paired=_paired(str(row["side"]), str(row.get("partner") or ""), bucket.code),
                when=row.get("setl_time"),
                carried=_carried(row),
            )


def _paired(side: str, partner: str, code: str) -> bool:
    """Whether a row of the other ledger belongs to it; candidates are no partners."""
    other = "centre:" if side == "his" else "his:"
    return code != "ambiguous" and any(one.startswith(other) for one in partner.split("+"))


_TELLING: Final = frozenset(
    name.lower() for names in (*COLUMNS.values(), SELF_PAY) for name in names
)


def _carried(row: Mapping[str, Any]) -> dict[str, str]:
    """The further columns that a line of the bridge can be fed from."""
    return {
        name.removeprefix("x_"): str(value or "")
        for name, value in row.items()
        if name.startswith("x_") and name.removeprefix("x_").lower() in _TELLING
    }


def _save(outcome: Outcome, name: str, content: dict[str, Any]) -> Path:
    """Write a result together with the totals that it explains."""
    bound = {**content, "totals_sha256": outcome.fingerprint}
    text = json.dumps(bound, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    path = outcome.out / name
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _say_detail(result: DetailResult) -> None:
    for one in result.bills:
        print(
            tr(
                "bill {bill}: HIS minus centre {delta}, not explained by fee lines {left}",
                bill=one.bill.setl_id or one.bill.mdtrt_id,
                delta=yuan(one.bill.delta_fen, sign=True),
                left=yuan(one.remainder_fen),
            )
        )
        for line in one.findings:
            shown = line.to_json()
            words = (shown["name"], shown["item"], shown["code"], yuan(line.delta_fen, sign=True))
            print("    " + "  ".join(str(part) for part in words if part))


def _say_period(whole: PeriodBridge) -> None:
    for one in whole.steps:
        if one.level is not None:
            print(f"{yuan(one.level):>18}  {one.name}")
        elif one.fen:
            rows = tr("{count} rows", count=one.rows)
            print(f"{yuan(one.fen, sign=True):>18}    {one.name} ({rows})")
