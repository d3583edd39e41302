"""``medharness mapping lint`` and ``medharness mapping compare``.

Exit codes: 0 nothing found, 1 something found, 2 the input cannot be used.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.mapping import Catalogue, Finding, Used, kind_name
from harness.ledger.mapping import lint as lint_mapping
from harness.ledger.mapping_compare import compare as compare_matches
from harness.ledger.mapping_read import bills_of, items_of, listed_of, matches_of
from harness.ledger.report_text import yuan
from harness.ledger.workbook import Sheets

SHOWN_MAX: Final = 50
"""Findings printed; the workbook and the JSON have all of them."""


def lint(args: argparse.Namespace) -> int:
    """Check the mapping; gives the exit code.

    Raises:
        InputError: a file or a date cannot be used.
    """
    centre = Catalogue(
        matches=matches_of(Path(args.matches)),
        national=listed_of(Path(args.catalogue)) if args.catalogue else None,
        limits=listed_of(Path(args.limits), "hilist_pric_uplmt_amt") if args.limits else (),
        ratios=listed_of(Path(args.ratios), "selfpay_prop") if args.ratios else (),
    )
    items = items_of(Path(args.his))
    found = lint_mapping(items, centre, _day(args.on), _bills(args))
    checked = tr("{count} items checked", count=len(items))
    lists = (("1316", args.catalogue), ("1318", args.limits), ("1319", args.ratios))
    missing = [name for name, given in lists if not given]
    if missing:
        checked += "; " + tr("not checked, no list given: {lists}", lists=", ".join(missing))
    return _answer(args, found, checked)


def compare(args: argparse.Namespace) -> int:
    """Compare two states of the matches; gives the exit code.

    Raises:
        InputError: a file cannot be used.
    """
    before, after = matches_of(Path(args.before)), matches_of(Path(args.after))
    found = compare_matches(before, after, _bills(args))
    checked = tr("{before} rows before, {after} after", before=len(before), after=len(after))
    return _answer(args, found, checked)


def _bills(args: argparse.Namespace) -> Mapping[str, Used]:
    return bills_of(Path(args.bills)) if args.bills else {}


def _day(text: str | None) -> date:
    if text is None:
        return date.today()  # noqa: DTZ011 - the workstation's own day is what its user means
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            tr("{text} is no date", text=text[:40]),
            where="--on",
            remedy=tr("write it as 2026-09-01"),
        ) from error


def _answer(args: argparse.Namespace, found: Sequence[Finding], checked: str) -> int:
    content = _content(found, checked, with_bills=bool(args.bills))
    if args.out:
        out = Path(args.out)
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        (out / "mapping.json").write_text(text, encoding="utf-8", newline="\n")
        _workbook(out / "mapping.xlsx", found)
    if args.json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        _print(found, checked)
    return 1 if found else 0


def _content(found: Sequence[Finding], checked: str, *, with_bills: bool) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return {
        "format": 1,
        "checked": checked,
        "with_bills": with_bills,
        "counts": counts,
        "findings": [one.to_json() for one in found],
    }


def _print(found: Sequence[Finding], checked: str) -> None:
    print(checked)
    last = ""
    for one in found[:SHOWN_MAX]:
        if one.kind != last:
            count = sum(each.kind == one.kind for each in found)
            print(f"{kind_name(one.kind)} ({count})")
            last = one.kind
        arrow = f"{one.his or '-'} → {one.centre or '-'}"
        parts = [one.code, one.name, arrow]
        if one.lines:
            parts.append(tr("billed {amount}", amount=yuan(one.used_fen)))
        if one.lines and one.effect_fen is not None:
            parts.append(tr("effect {amount}", amount=yuan(one.effect_fen, sign=True)))
        print("    " + "  ".join(part for part in parts if part))
    if len(found) > SHOWN_MAX:
        print(tr("and {count} more", count=len(found) - SHOWN_MAX))
    print(tr("{count} findings", count=len(found)) if found else tr("nothing found"))


def _workbook(path: Path, found: Sequence[Finding]) -> None:
    heads = (
        tr("finding"),
        tr("code"),
        tr("name"),
        tr("HIS or before"),
        tr("centre or after"),
        tr("bill lines"),
        tr("billed"),
        tr("effect"),
    )
    sheets = Sheets(path)
    try:
        page = sheets.sheet(tr("mapping"), heads, (34, 20, 30, 24, 24, 10, 14, 14))
        for row, one in enumerate(found, 1):
            texts = (kind_name(one.kind), one.code, one.name, one.his, one.centre)
            for column, text in enumerate(texts):
                sheets.put_text(page, row, column, text)
            page.write_number(row, 5, one.lines)
            sheets.put_fen(page, row, 6, one.used_fen)
            sheets.put_fen(page, row, 7, one.effect_fen)
    finally:
        sheets.close()
