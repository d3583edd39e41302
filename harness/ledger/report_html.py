"""``report.html`` of a reconciliation: one self-contained page.

It opens from disk, asks for nothing over the network, needs no script, prints on A4 and reads at
390 px. Names are masked; values are escaped by the template engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness import i18n
from harness.i18n import tr
from harness.ledger import report_cells
from harness.ledger.class_words import side_name, word
from harness.ledger.report_bridge import Arrow, Bridge
from harness.ledger.report_causes import cause_name, confidence_name
from harness.ledger.report_checks import checks, not_judged
from harness.ledger.report_read import Bucket, Case, Outcome, is_difference
from harness.ledger.report_text import masked as mask_value
from harness.ledger.report_text import masked_text, moment, yuan
from harness.ledger.report_uploads import count as uploads_count
from harness.ledger.waterfall_svg import draw

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

FIELDS: Final = (
    ("setl_id", "setl_id"),
    ("mdtrt_id", "mdtrt_id"),
    ("psn_no", "psn_no"),
    ("medfee_fen", "medfee_sumamt"),
    ("fund_fen", "fund_pay_sumamt"),
    ("acct_fen", "acct_pay"),
    ("cash_fen", "psn_cash_pay"),
    ("setl_time", "setl_time"),
    ("insutype", "insutype"),
    ("clr_type", "clr_type"),
    ("clr_optins", "clr_optins"),
    ("setl_optins", "setl_optins"),
    ("msgid", "msgid"),
    ("medins_setl_id", "medins_setl_id"),
    ("refund", "refd_setl_flag"),
    ("source", "file"),
)
"""What the two rows of a difference are compared by: column of the verdicts, name on the page."""

ZH: Final = {
    "setl_id": "结算编号",
    "mdtrt_id": "就诊编号",
    "psn_no": "人员编号",
    "medfee_sumamt": "总额",
    "fund_pay_sumamt": "基金支付",
    "acct_pay": "账户支付",
    "psn_cash_pay": "现金支付",
    "setl_time": "结算时间",
    "insutype": "险种",
    "clr_type": "清算类别",
    "clr_optins": "清算机构",
    "setl_optins": "结算机构",
    "msgid": "报文流水号",
    "medins_setl_id": "院内单据号",
    "refd_setl_flag": "退费",
    "file": "来源文件",
    "invono": "发票号",
    "psn_name": "姓名",
    "opter_name": "收费员",
    "dayclose_no": "日结号",
    "terminal": "终端",
    "fee_time": "收费时间",
    "init_setl_id": "原结算编号",
    "pay_way": "支付方式",
}
"""The interface's names as finance says them, shown before the name itself."""

CARRIED_MAX: Final = 12
"""Carried-through columns shown of a row; the workbook has all of them."""

VALUE_CHARS_MAX: Final = 200
BILL_LINES_MAX: Final = 200
PERIOD_ROWS_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the page is made of."""

    title: str
    outcome: Outcome
    buckets: Sequence[Bucket]
    bridge: Bridge
    cases: dict[str, list[Case]]
    counts: dict[str, int]
    detail: dict[str, Any]
    period: dict[str, Any]
    masked: bool


def page(content: Page) -> str:
    """The whole page."""
    open_buckets = [one for one in content.buckets if is_difference(one.code)]
    period = content.period
    return (
        _environment()
        .get_template("reconcile.html.j2")
        .render(
            page=content,
            lang=i18n.current(),
            incomplete=content.outcome.incomplete,
            reasons=_reasons(content.outcome.totals),
            open_buckets=open_buckets,
            differences=sum(content.counts.values()) + uploads_count(content.outcome.totals),
            picture=Markup() if content.outcome.incomplete else _picture(content.bridge),
            cells=report_cells.picture(content.outcome.totals),
            period_picture=_period_picture(period) if period else Markup(),
            named=lambda field: " + ".join(_name(one) for one in str(field).split("+")),
            compare=lambda case: _compare(case, masked=content.masked),
            style=Markup((TEMPLATES / "reconcile.css.j2").read_text(encoding="utf-8")),  # noqa: S704
            lines_max=BILL_LINES_MAX,
            rows_max=PERIOD_ROWS_MAX,
            checks=[
                (name, heads, [[_plain(cell) for cell in row] for row in rows[:BILL_LINES_MAX]])
                for name, heads, rows in checks(content.outcome.totals)
            ],
            not_judged=not_judged(content.outcome.totals),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES), encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        tr=tr,
        word=word,
        yuan=yuan,
        side_name=side_name,
        cause_name=cause_name,
        confidence_name=confidence_name,
    )
    environment.filters.update(masked=masked_text)
    return environment


def _plain(cell: Any) -> str:
    """A cell of a table of checks: an ``int`` is an amount in fen."""
    return yuan(cell) if isinstance(cell, int) else str(cell)


def _picture(bridge: Bridge) -> Markup:
    return draw(bridge.arrows, bridge.residual_fen)


def _period_picture(period: dict[str, Any]) -> Markup:
    arrows = [
        Arrow(
            code=one["code"],
            name=one["name"],
            fen=one["fen"],
            rows=one["rows"],
            level=one["level"],
        )
        for one in period["arrows"]
        if one["fen"] or one["level"] is not None
    ]
    return draw(arrows, int(period["not_in_lists_fen"]))


def _reasons(totals: dict[str, Any]) -> list[str]:
    """Why a run is incomplete, as reconciliation says it."""
    found = totals.get("reasons", totals.get("problems", []))
    return [masked_text(str(one)) for one in found] if isinstance(found, list) else []


def _compare(case: Case, *, masked: bool) -> list[tuple[str, list[str], bool]]:
    """Rows of a difference side by side: name, one value a row, and whether they differ."""
    carried = [
        (name, name.removeprefix("x_"))
        for name in case.first
        if name.startswith("x_") and any(row.get(name) for row in case.rows)
    ][:CARRIED_MAX]
    lines = []
    for column, name in (*FIELDS, *carried):
        values = [_shown(column, row.get(column), masked=masked) for row in case.rows]
        if any(values):
            # A column that one side's list does not have says nothing about that side.
            raw = [row[column] for row in case.rows if row.get(column) is not None]
            differs = len({str(one) for one in raw}) > 1 and column != "source"
            lines.append((_name(name), values, differs))
    return lines


def _name(name: str) -> str:
    zh = ZH.get(name, "") if i18n.current() == "zh-CN" else ""
    return f"{zh} {name}" if zh else name


def _shown(column: str, value: Any, *, masked: bool) -> str:
    if value is None:
        return ""
    if column.endswith("_fen"):
        return yuan(int(value))
    if isinstance(value, bool):
        return tr("yes") if value else ""
    text = moment(value)
    if len(text) > VALUE_CHARS_MAX:
        text = text[: VALUE_CHARS_MAX - 1] + "…"
    return mask_value(column, text) if masked else text
