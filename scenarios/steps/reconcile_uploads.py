"""Registrations, trace codes and settlement lists in reconciliation: rows, and breaking them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from harness.ledger.class_words import word
from harness.ledger.uploads_model import KINDS
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.insurance_trace import code_of

steps = Library("reconcile")

_COLUMNS: Final = ("side", "line", "class", "field", "cause", "advice")


def shown(out: Path, told: Mapping[str, Any], whose: Callable[..., str]) -> list[dict[str, str]]:
    """Verdicts of the uploads of a run as the judges look at them: every row of ``verdicts.csv``.

    Args:
        out: folder of the run.
        told: its ``totals.json``.
        whose: gives the label of a person by the ids of a row.
    """
    kinds = told.get("uploads", {})
    if not kinds:
        return []
    people = _people(out)
    rows = []
    sides = {side for kind in kinds for side in KINDS[kind].sides()}
    with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows += [
            _row(row, whose(people[row["side"]][int(row["line"]) - 1]))
            for row in csv.DictReader(stream)
            if row["side"] in sides
        ]
    for kind in kinds.values():
        rows += [
            _row({**one, "setl_id": one["key"]}, "?") for one in kind["listed"] if not one["line"]
        ]
    return rows


def _row(row: Mapping[str, Any], label: str) -> dict[str, str]:
    words = word(str(row["class"]))
    return {name: str(row.get(name) or "") for name in _COLUMNS} | {
        "patient": label,
        "difference": "yes" if words.difference else "no",
        "kind": words.zh,
        "delta": str(row["delta"]),
        "medfee": "0.00",
        "stage": "uploads",
        "number": str(row["setl_id"] or ""),
        "msgid": "",
        "refund": "0",
        "partner": "paired" if row["partner"] else "alone",
    }


def _people(out: Path) -> dict[str, list[str]]:
    """Person of every row of the files that went in, by side, in the order of the file."""
    found: dict[str, list[str]] = {}
    run = out.parent / out.name.replace("out", "run")
    for kind in KINDS.values():
        for side in kind.sides():
            path = run / f"{side}.csv"
            if path.is_file():
                code = "gb18030" if side.startswith("his") else "utf-8-sig"
                with path.open(encoding=code, newline="") as stream:
                    rows = csv.DictReader(stream)
                    found[side] = [one.get("psn_no") or one.get("psnNo") or "" for one in rows]
    return found


@steps.when(
    "挂号处只在医院里给患者{string}退号",
    id="reconcile.unregister",
    purpose="造成只在医院退号、没有撤销中心的登记",
    effect="直接改内置医院的库，不调用 2202",
    example="当 挂号处只在医院里给患者“甲”退号",
    gloss="A registration is cancelled in the HIS only",
)
def unregister(world: World, label: str) -> None:
    """The bill's state; the centre hears nothing."""
    world.permit.require_fault()
    world.order("HIS", "yb-books-edit", bill_no=world.state["bills"][label], how="unregister")


@steps.when(
    "药房作废患者{string}误扫的药盒{string}",
    id="reconcile.unscan",
    purpose="处理扫错的一盒：这次扫码作废，之后按实物重新发药",
    effect="只作废没有被中心收下的扫码",
    example="当 药房作废患者“乙”误扫的药盒“药盒1”",
    gloss="The pharmacy voids a box that was scanned by mistake",
)
def unscan(world: World, label: str, box: str) -> None:
    """One box of a bill."""
    world.order("HIS", "yb-books-edit", bill_no=world.state["bills"][label], how="unscan",
                value=code_of(world, box))  # fmt: skip
