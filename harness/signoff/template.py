"""The hospital's own form: a DOCX whose placeholders are filled in.

A placeholder is ``{{name}}`` in a paragraph or a cell, also where Word cut it into several runs. A
paragraph that is nothing but ``{{table:name}}`` becomes that table. Names are English or Chinese.
One that nobody can fill stays as it is, and is listed; nothing of the form is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import docx

from harness.errors import InputError
from harness.i18n import tr
from harness.report.text import visible
from harness.signoff import tables
from harness.signoff.material import Material
from harness.signoff.rules import Conclusion, Ruling
from harness.signoff.sections import Section, conclusion_name

_HOLE: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_TABLE: Final = re.compile(r"(?:table|表)\s*[:：]\s*(.+)")

CHINESE: Final = {
    "医院": "hospital", "环境": "environment", "窗口": "window", "地点": "place",
    "结论": "conclusion", "理由": "reasons", "运行": "run", "场景数": "scenarios",
    "通过数": "passed", "失败数": "failed", "未决数": "open", "差异数": "differences",
    "未批准差异数": "unapproved", "保留意见": "reservation",
    "回退": "rollback", "操作人": "operators", "工具版本": "harness", "清单哈希": "manifest",
    "配置哈希": "profile", "对账": "reconciliation", "开始": "started",
    "接口": "interfaces", "用例": "cases", "问题": "issues", "差异": "differences",
    "差异组": "groups", "规则": "rules", "人工核对": "manual",
}  # fmt: skip
"""Chinese names of placeholders and tables."""


def values(
    material: Material, found: Sequence[Ruling], conclusion: Conclusion, manifest: str
) -> dict[str, str]:
    """Every single value that a form may ask for."""
    site, run = material.facts.site, material.run
    verdicts = [str(one.verdict) for one in run.scenarios]
    differing = (material.comparison or {}).get("signatures", [])
    reservation = material.facts.reservation
    made = {
        "hospital": site.get("hospital") or run.profile.name,
        "environment": site.get("environment") or run.profile.environment,
        "window": site.get("window", ""), "place": site.get("place", ""),
        "rollback": site.get("rollback", ""), "conclusion": conclusion_name(conclusion),
        "reasons": "; ".join(one.because for one in found if one.says is conclusion),
        "run": f"{run.label} {run.started}".strip(), "started": run.started,
        "scenarios": str(len(verdicts)), "passed": str(verdicts.count("pass")),
        "failed": str(verdicts.count("fail") + verdicts.count("error")),
        "open": str(verdicts.count("inconclusive") + verdicts.count("blocked")),
        "differences": "" if material.comparison is None else str(len(differing)),
        "unapproved": "" if material.comparison is None
        else str(sum(not one["approved"] for one in differing)),
        "reservation": reservation.get("text", ""), "harness": run.harness_version,
        "operators": ", ".join(one["name"] for one in material.facts.operators),
        "manifest": manifest, "profile": run.profile.hash,
        "reconciliation": "; ".join(f"{name}: {one.get('residual') or '-'}"
                                    for name, one in material.reconciliations.items()),
    }  # fmt: skip
    old = {one.role: one for one in material.before.systems} if material.before else {}
    for one in run.systems:
        made[f"version.{one.role}"] = one.version
        made[f"before.{one.role}"] = old[one.role].version if one.role in old else ""
    return made


def sheets(material: Material, sections: Sequence[Section]) -> dict[str, tables.Rows]:
    """Tables that a form may ask for."""
    made = {"interfaces": tables.interfaces(material), "cases": tables.cases(material),
            "issues": tables.issues(material)}  # fmt: skip
    for name, title, at in (("rules", tr("Conclusion"), 0), ("groups", tr("Differences"), 0),
                            ("differences", tr("Differences"), 1),
                            ("manual", tr("Checks by eye"), 0)):  # fmt: skip
        for section in sections:
            if section.title == title and section.tables[at:]:
                table = section.tables[at]
                made[name] = [table.head, *table.rows]
    return made


def fill(
    form: Path, target: Path, singles: Mapping[str, str], lists: Mapping[str, tables.Rows]
) -> list[str]:
    """Fill a form; returns the placeholders that could not be filled, in their order.

    Raises:
        InputError: it is no DOCX, or has no placeholder at all.
    """
    try:
        page = docx.Document(str(form))
    except Exception as error:  # python-docx raises what its parts raise
        raise InputError(tr("this is no DOCX file"), where=str(form)) from error
    missing: list[str] = []
    seen = 0
    for paragraph in list(_paragraphs(page)):
        text = "".join(run.text for run in paragraph.runs)
        names = _HOLE.findall(text)
        seen += len(names)
        whole = _HOLE.fullmatch(text.strip())
        table = _TABLE.fullmatch(whole[1]) if whole else None
        if table is not None:
            rows = lists.get(_english(table[1]))
            if rows is None or not rows:
                missing.append(whole[1] if whole else text)
            else:
                _put(page, paragraph, rows)
        elif names:
            _replace(paragraph, singles, missing)
    if not seen:
        raise InputError(tr("there is no placeholder such as {hole} in it", hole="{{hospital}}"),
                         where=str(form))  # fmt: skip
    page.save(str(target))
    return list(dict.fromkeys(missing))


def _english(name: str) -> str:
    word, dot, role = name.strip().partition(".")
    versions = {"版本": "version", "版本后": "version", "版本前": "before"}
    return f"{versions.get(word, word)}.{role}" if dot else CHINESE.get(word, word)


def _paragraphs(page: Any) -> Iterator[Any]:
    """Of the body, of tables however deep, of headers and footers."""
    holders = [page]
    for section in page.sections:
        holders += [section.header, section.footer]
    while holders:
        holder = holders.pop(0)
        yield from holder.paragraphs
        for table in holder.tables:
            seen: set[int] = set()
            for row in table.rows:
                for cell in row.cells:
                    if id(cell._tc) not in seen:  # noqa: SLF001 - a merged cell comes several times
                        seen.add(id(cell._tc))  # noqa: SLF001 - as above
                        holders.append(cell)


def _replace(paragraph: Any, singles: Mapping[str, str], missing: list[str]) -> None:
    """In the runs, so that the form's fonts stay: the first run of a name takes its value."""
    while True:
        runs = paragraph.runs
        text = "".join(run.text for run in runs)
        found = next((one for one in _HOLE.finditer(text)
                      if singles.get(_english(one[1]))), None)  # fmt: skip
        if found is None:
            missing.extend(one for one in _HOLE.findall(text))
            return
        value = visible(singles[_english(found[1])]).replace("{{", "{ {")
        _splice(runs, found.start(), found.end(), value)


def _splice(runs: Sequence[Any], begin: int, end: int, value: str) -> None:
    at = 0
    for run in runs:
        text, start = run.text, at
        at += len(text)
        if at <= begin or start >= end:
            continue
        left = text[: max(0, begin - start)]
        right = text[end - start :] if at > end else ""
        run.text = left + (value if start <= begin else "") + right


def _put(page: Any, paragraph: Any, rows: tables.Rows) -> None:
    """A table in place of its paragraph."""
    table = page.add_table(rows=0, cols=len(rows[0]))
    if any(style.name == "Table Grid" for style in page.styles):
        table.style = "Table Grid"
    for number, row in enumerate(rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.paragraphs[0].add_run(visible(text)).bold = number == 0
    paragraph._p.addnext(table._tbl)  # noqa: SLF001 - python-docx has no other way to place a table
    for run in paragraph.runs:
        run.text = ""
