"""Sentences about reconciliation: pulling both sides' books, reconciling, and repairing."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from harness.errors import Blocked, ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.insurance_town import centre, cue, known, rest
from scenarios.steps.reconcile_books import Books, Options, books_of

ENGINE: Final = "harness.ledger.command"
"""What a reconciliation reads in before it begins."""


def _engine() -> None:
    """Read the engine in, which takes longer than a reconciliation of a few rows."""
    importlib.import_module(ENGINE)


steps = Library("reconcile", _engine)

DAYS: Final = {"前一日": -1, "当日": 0, "次日": 1}

CUTS: Final = {"结算时间": "setl_time", "收费时间": "booked_at"}
EVIDENCE: Final = {"接口日志": "log", "网络记录": "trace", "无": ""}
PROVINCES: Final = {
    "台账": "", "湖南": "hunan", "湖北": "hubei", "吉林": "jilin", "佛山": "foshan",
    "广东": "guangdong",
}  # fmt: skip
PIECES: Final = {"日结批次": "batch", "票据号段": "receipts", "结算时段": "time"}
UPLOADS: Final = {"登记": "visits", "追溯码": "boxes", "结算清单": "lists"}
YES: Final = {"是": True, "否": False}

REPAIRS: Final = {
    "冲正": "undo",
    "补发撤销": "reverse",
    "补记后撤销": "reverse_booked",
    "补记": "book",
    "补记退费": "book_refund",
    "补记收退两笔": "book_pair",
    "作废": "void",
    "重新结算": "settle",
    "按中心更正": "correct",
    "更正编号": "rename",
    "重新归类": "regroup",
    "撤销登记": "cancel",
}
"""Repairs in sentences, and what the cashier calls them."""


@steps.when(
    "财务对{string}的账:",
    id="reconcile.run",
    purpose="导出双方账目并对账，写明取数方式与所带证据",
    effect="医院导出国标编码 CSV，中心导出台账或按省份格式交付结果文件；选项可不写，有："
    "医院取数、证据、中心文件、清算类别、费用明细、结转、渠道、上传（登记、追溯码、结算清单）、"
    "日结批次、票据号段、结算时段（填患者：只判医院账中他们所在的批次、从首到末的号段或时段）",
    example="""
    当 财务对“当日”的账:
      | 选项     | 值       |
      | 证据     | 网络记录 |
      | 中心文件 | 湖南     |
    """,
    gloss="Both sides' books of a day are exported and reconciled, in a stated way",
)
def run(world: World, day: str, table: Table | None = None) -> None:
    """One run; without options by the centre's time, with the interface log as evidence."""
    if table is not None:
        table.require({"选项", "值"})
    _run(world, day, {row["选项"]: row["值"] for row in table.rows} if table else {})


def _run(world: World, day: str, said: Mapping[str, str]) -> None:
    centre(world)
    books = books_of(world)
    options = Options(day=cue(world, known(DAYS, day)))
    for name, value in said.items():
        options = _option(world, options, name, value)
    books.run(options)


def _option(world: World, options: Options, name: str, value: str) -> Options:
    match name:
        case "医院取数":
            return replace(options, by=known(CUTS, value))
        case "证据":
            return replace(options, evidence=known(EVIDENCE, value))
        case "中心文件":
            return replace(options, province=known(PROVINCES, value))
        case "清算类别":
            return replace(options, clr_type=value)
        case "费用明细":
            return replace(options, lines=known(YES, value))
        case "结转":
            return replace(options, carry=known(YES, value))
        case "上传":
            return replace(options, uploads=tuple(known(UPLOADS, one) for one in value.split("、")))
        case "日结批次" | "票据号段" | "结算时段":
            return replace(options, cuts=(*options.cuts, (PIECES[name], value.split("、"))))
        case "渠道":
            path = books_of(world).folder / f"channel{books_of(world).runs}"
            return replace(options, channel=world.state["channel"].write(path, known(YES, value)))
    raise ScenarioError(tr("there is no option {name}", name=name))


@steps.when(
    "财务把患者{string}的差异按{string}处理",
    id="reconcile.repair",
    purpose="按对账给出的编号在医院或中心处理一笔差异",
    effect="处理方式：冲正、补发撤销、补记后撤销、补记、补记退费、补记收退两笔、作废、重新结算、"
    "按中心更正、更正编号、重新归类、撤销登记；金额一律取自中心（5203）",
    example="当 财务把患者“甲”的差异按“补记”处理",
    gloss="A difference of a patient is repaired, by the ids that reconciliation told",
)
def repair(world: World, label: str, how: str) -> None:
    """One repair with the ids of the last run."""
    what = known(REPAIRS, how)
    args = _ids(world, books_of(world), label)
    world.order("HIS", "yb-repair", what=what, bill_no=world.state["bills"][label], **args)
    rest(world)


def _ids(world: World, books: Books, label: str) -> dict[str, str]:
    """The ids that the differing rows of a patient name: the centre's first."""
    rows = [row for row in books.rows or []
            if row["patient"] == label and row["difference"] == "yes"]  # fmt: skip
    if not rows:
        raise Blocked(tr("reconciliation named no difference of {label}", label=label))
    rows.sort(key=lambda row: (row["side"] != "centre", row["refund"]))
    first = rows[0]
    args = {"setl_id": first["number"], "msgid": first["msgid"]}
    if first["side"] == "his" and first["refund"] == "1":
        args["setl_id"] = _held(world, label)
    back = [row for row in rows if row["side"] == "centre" and row["refund"] == "1"]
    if back:
        args["refund_id"] = back[0]["number"]
    return args


def _held(world: World, label: str) -> str:
    """The settlement that a bill was settled by, which a lone refund takes back."""
    answer = world.bench.probes["his-yb-bills"].ask({"bill_no": world.state["bills"][label]})
    rows: list[Mapping[str, Any]] = list(answer.rows)
    return str(rows[0]["setl_id"]) if rows else ""
