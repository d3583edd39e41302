"""The result of ``reconcile`` on the terminal, and as one line of JSON."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.i18n import tr
from harness.ledger import cut, identities, report_cells, report_uploads
from harness.ledger.columns import CLASSES, HARMLESS
from harness.ledger.report_checks import not_judged


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def show(result: Mapping[str, Any], out: Path) -> None:
    """The summary on the terminal."""
    if result["verdict"] == "INCOMPLETE":
        print(tr("INCOMPLETE: nothing may be concluded"))
        for problem in result["problems"]:
            print(f"  {problem}")
        return
    head = (tr("side"), tr("class"), tr("rows"), tr("amount (yuan)"))
    rows = [head]
    for one in result["buckets"]:
        mark = "!" if one["class"] not in HARMLESS else " "
        rows.append((one["side"], f"{mark} {one['class']}", str(one["rows"]), one["medfee_sumamt"]))
    widths = [max(_width(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            gap = " " * (widths[i] - _width(cell))
            cells.append(gap + cell if i > 1 else cell + gap)
        print("  ".join(cells).rstrip())
    for step in result["waterfall"]:
        if step["step"] in {"his_total", "centre_total"}:
            print(f"{step['step']:14} {step['amount']}")
    for one in result["rejected"]:
        print(f"{one['place']}: {one['fault']}")
    for line in (*report_cells.for_terminal(result), *identities.say(result)):
        print(line)
    for line in cut.lines(result.get("cut") or {}):
        print(line)
    if (left := result.get("still_open") or {"rows": 0})["rows"]:
        print(
            tr("open from earlier days: {count} rows, {overdue} of them longer than allowed",
               count=left["rows"], overdue=left["overdue"])
        )  # fmt: skip
    if result.get("set_aside"):
        count = len(result["set_aside"])
        print(tr("the centre says of {count} rows that it has none", count=count))
    for one in result.get("not_read", []):
        print(tr("not read: {what}", what=one))
    if result.get("not_compared"):
        print(tr("not compared: {names}", names=", ".join(result["not_compared"])))
    for line in report_uploads.for_terminal(result):
        print(line)
    for name, why in not_judged(result):
        print(f"{name}: {why}")
    print(tr("residual: {residual}", residual=result["residual"]))
    differs = result["verdict"] == "differs"
    print(tr("there are differences") if differs else tr("nothing differs"))
    print(tr("written: {path}", path=out))


def short(result: Mapping[str, Any], out: Path, code: int) -> dict[str, Any]:
    """The last line with ``--json``: verdict, rows by class, what is not explained."""
    counts = dict.fromkeys(CLASSES, 0)
    for one in result.get("buckets", []):
        counts[one["class"]] += one["rows"]
    for kind in result.get("uploads", {}).values():
        for one in kind["buckets"]:
            counts[one["class"]] = counts.get(one["class"], 0) + one["rows"]
        if kind["unlisted"]:
            counts["list_missing"] = counts.get("list_missing", 0) + kind["unlisted"]
    return {
        "verdict": result["verdict"],
        "classes": {name: count for name, count in counts.items() if count},
        "residual": result.get("residual", ""),
        "problems": result.get("problems", []),
        "out": str(out),
        "exit_code": code,
    }


def progress(*, quiet: bool) -> Callable[[str], None]:
    """What says on standard error how far it is; nothing where that is not wanted."""

    def say(text: str) -> None:
        if not quiet:
            print(f"… {text}", file=sys.stderr, flush=True)

    return say
