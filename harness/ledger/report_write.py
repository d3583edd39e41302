"""Writes what finance reads of one reconciliation: ``report.html``, XLSX and DOCX.

Everything comes from ``totals.json``, ``work/verdicts.parquet`` and, where they were asked for,
``detail.json`` and ``period.json``; no input file is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness import i18n, input_files
from harness.i18n import tr
from harness.ledger import repairs, report_uploads
from harness.ledger.report_bridge import Bridge, bridge
from harness.ledger.report_checks import checks
from harness.ledger.report_html import Page, page
from harness.ledger.report_read import Bucket, Case, Outcome, is_difference
from harness.ledger.statement_docx import BILLS_MAX, Statement, write_statement
from harness.ledger.workbook import write_workbook

CASES_PER_CLASS: Final = 100
"""Differences of one class on the page; the workbook has all of them."""

CASES_MAX: Final = 600
"""Differences on the page: it stays below 5 MB, which mail gateways of hospitals pass."""


def write_reports(
    out: Path, *, lang: str = "zh-CN", title: str = "", masked: bool = True
) -> list[Path]:
    """Write all reports of the reconciliation in ``out``; gives the files.

    Args:
        out: folder that reconciliation wrote.
        lang: ``zh-CN`` or ``en``.
        title: the hospital or the run, as the head of the page names it.
        masked: hide names and identity numbers on the page; the statement always does.

    Raises:
        InputError: ``out`` holds no reconciliation.
    """
    before = i18n.current()
    i18n.use(lang)
    outcome = Outcome(out)
    try:
        return _write(outcome, title=title, masked=masked)
    finally:
        outcome.close()
        i18n.use(before)


def _write(outcome: Outcome, *, title: str, masked: bool) -> list[Path]:
    out, buckets = outcome.out, outcome.buckets()
    whole = bridge(
        buckets,
        his_fen=outcome.total_fen("his"),
        centre_fen=outcome.total_fen("centre"),
    )
    wanted = [] if outcome.incomplete else [one for one in buckets if is_difference(one.code)]
    cases = _cases(outcome, wanted)
    counts = {one.code: outcome.case_count(one.code) for one in wanted}
    detail, period = (_explained(outcome, name) for name in ("detail.json", "period.json"))
    html = page(
        Page(
            title=title,
            outcome=outcome,
            buckets=buckets,
            bridge=whole,
            cases=cases,
            counts=counts,
            detail=detail,
            period=period,
            masked=masked,
        )
    )
    report = out / "report.html"
    report.write_text(html, encoding="utf-8", newline="\n")
    todo = [] if outcome.incomplete else repairs.sheet(out)
    book = write_workbook(
        outcome,
        whole,
        out / "reconcile.xlsx",
        extra=[*todo, *_extra(detail, period), *checks(outcome.totals)],
    )
    paper = write_statement(
        _statement(outcome, title, whole, wanted, cases, counts, detail), out / "statement.docx"
    )
    return [report, book, paper]


def _cases(outcome: Outcome, wanted: Sequence[Bucket]) -> dict[str, list[Case]]:
    left, found = CASES_MAX, {}
    for bucket in wanted:
        found[bucket.code] = outcome.cases(bucket.code, max(0, min(CASES_PER_CLASS, left)))
        left -= len(found[bucket.code])
    return found


def _statement(
    outcome: Outcome,
    title: str,
    whole: Bridge,
    wanted: Sequence[Bucket],
    cases: dict[str, list[Case]],
    counts: dict[str, int],
    detail: dict[str, Any],
) -> Statement:
    effect = {one.code: one.effect_fen for one in wanted}
    codes = sorted(effect, key=lambda code: (-abs(effect[code]), code))
    gravest = sorted(
        (case for group in cases.values() for case in group),
        key=lambda case: -abs(case.first.get("delta_fen") or case.first.get("medfee_fen") or 0),
    )
    return Statement(
        title=title,
        bridge=whole,
        classes=[
            *((code, counts[code], effect[code]) for code in codes),
            *report_uploads.for_statement(outcome.totals),
        ],
        cases=gravest[: BILLS_MAX * 4],
        case_count=sum(counts.values()),
        incomplete=outcome.incomplete,
        evidence=tr("report.html, reconcile.xlsx and verdicts.csv of the same run"),
        lines=[
            (f"{one['name']} {one['item'] or one['code']}", int(one["delta_fen"]))
            for bill in detail.get("bills", [])
            for one in bill["lines"]
        ],
    )


def _explained(outcome: Outcome, name: str) -> dict[str, Any]:
    """A file that explains these totals; nothing where it belongs to an earlier run."""
    path = outcome.out / name
    loaded = input_files.json_of(path) if path.is_file() else {}
    told = input_files.shaped(dict[str, Any], loaded, str(path))
    return told if told and told.get("totals_sha256") == outcome.fingerprint else {}


def _extra(
    detail: dict[str, Any], period: dict[str, Any]
) -> list[tuple[str, Sequence[str], list[Sequence[Any]]]]:
    """Sheets of the period bridge and of the fee lines."""
    sheets: list[tuple[str, Sequence[str], list[Sequence[Any]]]] = []
    if period:
        heads: tuple[str, ...] = (tr("step"), tr("amount"), tr("rows"), tr("note"))
        rows = [
            (
                one["name"],
                one["fen"] if one["level"] is None else one["level"],
                str(one["rows"]),
                one["note"],
            )
            for one in period["arrows"]
        ]
        sheets.append((tr("period bridge"), heads, list(rows)))
    if detail:
        heads = (
            "setl_id", tr("finding"), "feedetl_sn", tr("item"), tr("name"), tr("HIS line"),
            tr("centre line"), tr("HIS quantity"), tr("centre quantity"), tr("HIS price"),
            tr("centre price"), tr("HIS minus centre"),
        )  # fmt: skip
        lines = [
            (bill["setl_id"] or bill["mdtrt_id"], one["name"], one["feedetl_sn"], one["code"],
             one["item"], str(one["his_line"] or ""), str(one["centre_line"] or ""),
             one["his_cnt"], one["centre_cnt"], one["his_pric"], one["centre_pric"],
             one["delta_fen"])
            for bill in detail["bills"]
            for one in bill["lines"]
        ]  # fmt: skip
        sheets.append((tr("fee lines"), heads, list(lines)))
    return sheets
