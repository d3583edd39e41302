"""Tables filed beside the report: 接口清单, 用例与执行记录, 问题登记 (CSV, XLSX)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xlsxwriter

from harness import output_files
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.model import ScenarioRun
from harness.report.text import visible
from harness.report.words import verdict_name
from harness.signoff.material import Material
from harness.upgrade.severity import shipped

Rows = list[Sequence[str]]


def write_tables(material: Material, out: Path) -> None:
    """``interfaces.csv``, ``cases.csv``, ``issues.csv``, and all of them in ``tables.xlsx``."""
    sheets = {"interfaces": interfaces(material), "cases": cases(material),
              "issues": issues(material)}  # fmt: skip
    for name, rows in sheets.items():
        table = [[_plain(cell) for cell in row] for row in rows]
        output_files.write_table(out / f"{name}.csv", table)
    with xlsxwriter.Workbook(str(out / "tables.xlsx"), {"strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    sheet.write_string(number, column, visible(cell), bold if number == 0 else None)


def _plain(text: str) -> str:
    """A text that a spreadsheet must not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "@"} else text


def interfaces(material: Material) -> Rows:
    """Every known interface: who talks to whom, in which version, and what was judged of it."""
    counts: dict[str, Counter[Verdict]] = {}
    owners: dict[str, dict[str, None]] = {}
    for one in material.run.scenarios:
        counts.setdefault(one.interface, Counter())[one.verdict] += 1
        owners.setdefault(one.interface, {})[one.owner] = None
    versions = {one.role: f"{one.product} {one.version}".strip() for one in material.run.systems}
    rows: Rows = [(tr("no."), tr("interface"), tr("name"), tr("from"), tr("to"), tr("protocol"),
                   tr("transactions"), tr("version"), tr("owner"), tr("scenarios"), tr("verdict"),
                   tr("last verified"))]  # fmt: skip
    for number, each in enumerate(material.run.interfaces, 1):
        found = counts.get(each.id, Counter())
        said = ", ".join(f"{verdict_name(str(v))} {n}" for v, n in found.items())
        known = [f"{role} {versions[role]}" for role in (each.frm, each.to) if versions.get(role)]
        codes = " ".join(material.types.get(each.id, ()))
        rows.append((str(number), each.id, each.name, each.frm, each.to, each.protocol,
                     codes, "; ".join(known), ", ".join(filter(None, owners.get(each.id, ()))),
                     str(found.total()), said or tr("not tested"),
                     material.run.started if found else ""))  # fmt: skip
    return rows


def cases(material: Material) -> Rows:
    """Every scenario with its sentences, and what came of it."""
    rows: Rows = [(tr("no."), "id", tr("name"), tr("requirement"), tr("interface"),
                   tr("preconditions"), tr("steps"), tr("expected"), tr("actual"), tr("verdict"),
                   tr("seconds"), tr("evidence"), tr("tested by"), tr("time"))]  # fmt: skip
    testers = ", ".join(one["name"] for one in material.facts.operators)
    for number, one in enumerate(material.run.scenarios, 1):
        given, when, then = _parts(one)
        actual = "; ".join(f"{each.place}: {each.expected} → {each.actual}"
                           for each in one.findings) or "; ".join(one.reasons)  # fmt: skip
        text = material.mask.text
        rows.append((str(number), one.id, one.name, one.requirement, one.interface, text(given),
                     text(when), text(then), text(actual), verdict_name(str(one.verdict)),
                     f"{one.seconds:.1f}", one.trace, testers, material.run.started))  # fmt: skip
    return rows


_PARTS: Final = {"假如": 0, "假设": 0, "假定": 0, "当": 1, "那么": 2,
                 "Given": 0, "When": 1, "Then": 2}  # fmt: skip


def _parts(scenario: ScenarioRun) -> tuple[str, str, str]:
    """What is prepared, done, and expected; 而且 and 但是 go on with what stands before them."""
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    now = 0
    for each in scenario.sentences:
        now = _PARTS.get(each.keyword.strip(), now)
        parts[now].append(f"{each.keyword}{each.text}")
    given, when, then = ("\n".join(one) for one in parts)
    return given, when, then


def issues(material: Material) -> Rows:
    """A line for every finding, in the columns of a service desk; people fill in the rest."""
    rows: Rows = [(tr("no."), tr("grade"), tr("scenario"), tr("where"), tr("description"),
                   tr("found on"), tr("accepted"), tr("finished"), tr("method"), tr("cause"),
                   tr("owner"))]  # fmt: skip
    for one in material.run.scenarios:
        for each in one.findings:
            grade = str(shipped().of(one.interface))
            said = material.mask.text(each.message or f"{each.expected} → {each.actual}")
            rows.append((str(len(rows)), grade, one.id, each.place, said, material.run.started,
                         "", "", "", "", one.owner))  # fmt: skip
    return rows
