"""``medharness labmap check FILE``, ``prove FILE`` and ``compare BEFORE AFTER``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.i18n import tr
from harness.labmap.compare import Difference, compare
from harness.labmap.model import FIELDS
from harness.labmap.prove import proofs
from harness.labmap.read import read_map

if TYPE_CHECKING:
    from harness.scenario.command import Request


def run_check(file: str, *, encoding: str = "", as_json: bool = False) -> int:
    """Check one map and print, row by row, a value to send and what must be stored.

    Returns:
        0; what is wrong with the file is raised.

    Raises:
        InputErrors: the map cannot be used (exit code 2).
    """
    item_map = read_map(Path(file), encoding=encoding)
    found = proofs(item_map)
    head = (tr("line"), tr("channel"), tr("sent"), tr("item"), tr("must be stored"), tr("unit"))
    _table(head, ([one.line, one.channel, one.sent, one.item, one.expected, one.unit]
                  for one in found))  # fmt: skip
    for remark in item_map.remarks:
        print(f"{remark.where}: {remark.text}")
    print(tr("{rows} rows, {remarks} remarks",
             rows=len(item_map.rows), remarks=len(item_map.remarks)))  # fmt: skip
    if as_json:
        rows = [{"channel": row.channel, "line": row.line}
                | {name: row.shown(name) for name in FIELDS} for row in item_map.rows]  # fmt: skip
        _json({
            "map": item_map.name, "rows": rows, "proofs": [asdict(one) for one in found],
            "remarks": [asdict(one) for one in item_map.remarks], "exit_code": 0,
        })  # fmt: skip
    return 0


def run_compare(before: str, after: str, *, encoding: str = "", as_json: bool = False) -> int:
    """Compare two maps.

    Returns:
        0 if nothing differs, 1 otherwise.

    Raises:
        InputErrors: one of them cannot be used (exit code 2).
    """
    old, new = (read_map(Path(one), encoding=encoding) for one in (before, after))
    found = compare(old, new)
    head = (tr("where"), tr("channel"), tr("difference"), tr("before"), tr("after"), tr("sent"),
            tr("stored before"), tr("stored after"))  # fmt: skip
    _table(head, (_cells(one) for one in found))
    print(tr("{count} differences", count=len(found)))
    code = 1 if found else 0
    if as_json:
        rows = [asdict(one) for one in found]
        _json({"before": old.name, "after": new.name, "differences": rows, "exit_code": code})
    return code


FEATURE = """\
# language: zh-CN
@接口-LIS-ASTM
功能: 仪器项目对照表逐行验证
  负责人: 检验接口组

  @REQ-LAB-102 @id-labmap-prove
  场景: 对照表文件的每一行都由一个结果证明
    假如 LIS已按对照表“{file}”为分析仪“{analyzer}”设置项目对照
    而且 患者“甲”已申请对照表“{file}”的每个项目
    当 分析仪“{analyzer}”逐行上传对照表“{file}”的验证结果
    那么 {limit}秒内LIS中对照表“{file}”每一行的结果应换算正确
"""
"""What ``prove`` runs."""

LIMIT_S = 30
"""How long the LIS may take for the whole map."""


def run_prove(file: str, request: Request, *, analyzer: str) -> int:
    """Play every row of a map against the LIS of the profile; the report says which row failed.

    Args:
        file: the map, as the LIS has it.
        request: profile, seed and so on; its paths are not looked at.
        analyzer: model that sends.

    Returns:
        The exit code of the run.

    Raises:
        InputErrors: the map cannot be used; nothing was run.
        InputError: a name that cannot stand in a sentence.
    """
    from harness.scenario.command import run  # noqa: PLC0415 - pytest, for this alone

    if not read_map(Path(file)).rows:
        raise InputError(tr("the map {name} has no rows", name=file), where=file)
    path = Path(file).as_posix()
    path = path if "/" in path else f"./{path}"  # a bare name would be a map that ships
    for text in (path, analyzer):
        if any(sign in text for sign in "“”\n"):
            raise InputError(tr("a file name with quotation marks cannot be used"), where=text)
    with tempfile.TemporaryDirectory(prefix="labmap-") as folder:
        feature = Path(folder, "prove.feature")
        text = FEATURE.format(file=path, analyzer=analyzer, limit=LIMIT_S)
        feature.write_text(text, encoding="utf-8", newline="\n")
        return run(replace(request, paths=[str(feature)]))


def _cells(one: Difference) -> list[str]:
    kinds = {"added": tr("added"), "removed": tr("removed"), "changed": tr("changed")}
    kind = f"{kinds[one.kind]} {one.field}".rstrip()
    return [one.where, one.channel, kind, one.before, one.after, one.sent, one.stored_before,
            one.stored_after]  # fmt: skip


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [list(head), *([str(cell) or "-" for cell in row] for row in rows)]
    if len(lines) == 1:
        return
    widths = [max(_width(line[at]) for line in lines) for at in range(len(head))]
    for line in lines:
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Columns on a screen: a Chinese character takes two."""
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)


def _json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
