"""Tables filed beside the report: 接口清单, 用例与执行记录, 问题登记 (CSV, XLSX)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xlsxwriter

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.words import verdict_name
from harness.signoff.material import Material

Rows = list[Sequence[str]]

GRADE_MONEY: Final = "2"
"""Settlement stands still or is wrong at every window: repaired within hours."""

GRADE_OTHER: Final = "3"
"""An error elsewhere: repaired within days."""

_MONEY: Final = ("HIS-YB", "YB-")


def write_tables(material: Material, out: Path) -> None:
    """``interfaces.csv``, ``cases.csv``, ``issues.csv``, and all of them in ``tables.xlsx``."""
    sheets = {"interfaces": interfaces(material), "cases": cases(material),
              "issues": issues(material)}  # fmt: skip
    for name, rows in sheets.items():
        text = io.StringIO()
        csv.writer(text).writerows([[_plain(cell) for cell in row] for row in rows])
        (out / f"{name}.csv").write_bytes(text.getvalue().encode("utf-8-sig"))
    with xlsxwriter.Workbook(str(out / "tables.xlsx"), {"strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    sheet.write_string(number, column, cell, bold if number == 0 else None)


def _plain(text: str) -> str:
    """A text that a spreadsheet must not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "@"} else text


def interfaces(material: Material) -> Rows:
    """Every known interface: who talks to whom, over what, and what was judged of it."""
    counts: dict[str, Counter[Verdict]] = {}
    for one in material.run.scenarios:
        counts.setdefault(one.interface, Counter())[one.verdict] += 1
    rows: Rows = [(tr("no."), tr("interface"), tr("name"), tr("from"), tr("to"), tr("protocol"),
                   tr("scenarios"), tr("verdict"), tr("last verified"))]  # fmt: skip
    for number, each in enumerate(material.run.interfaces, 1):
        found = counts.get(each.id, Counter())
        said = ", ".join(f"{verdict_name(str(v))} {n}" for v, n in found.items())
        rows.append((str(number), each.id, each.name, each.frm, each.to, each.protocol,
                     str(found.total()), said or tr("not tested"),
                     material.run.started if found else ""))  # fmt: skip
    return rows


def cases(material: Material) -> Rows:
    """Every scenario with its sentences, and what came of it."""
    rows: Rows = [(tr("no."), "id", tr("name"), tr("requirement"), tr("interface"), tr("steps"),
                   tr("verdict"), tr("actual"), tr("seconds"), tr("evidence"))]  # fmt: skip
    for number, one in enumerate(material.run.scenarios, 1):
        steps = "\n".join(f"{each.keyword}{each.text}" for each in one.sentences)
        actual = "; ".join(f"{each.place}: {each.expected} → {each.actual}"
                           for each in one.findings) or "; ".join(one.reasons)  # fmt: skip
        rows.append((str(number), one.id, one.name, one.requirement, one.interface, steps,
                     verdict_name(str(one.verdict)), actual, f"{one.seconds:.1f}",
                     one.trace))  # fmt: skip
    return rows


def issues(material: Material) -> Rows:
    """A line for every finding, in the columns of a service desk; people fill in the rest."""
    rows: Rows = [(tr("no."), tr("grade"), tr("scenario"), tr("where"), tr("description"),
                   tr("found on"), tr("accepted"), tr("finished"), tr("method"), tr("cause"),
                   tr("owner"))]  # fmt: skip
    for one in material.run.scenarios:
        for each in one.findings:
            grade = GRADE_MONEY if one.interface.startswith(_MONEY) else GRADE_OTHER
            said = each.message or f"{each.expected} → {each.actual}"
            rows.append((str(len(rows)), grade, one.id, each.place, said, material.run.started,
                         "", "", "", "", one.owner))  # fmt: skip
    return rows
