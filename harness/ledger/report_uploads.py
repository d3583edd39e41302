"""Uploads in the reports: buckets, differences by class, and what was not judged.

Everything comes from ``uploads`` of ``totals.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.i18n import tr
from harness.ledger import money
from harness.ledger.class_words import CLASS_WORDS, side_name, word
from harness.ledger.report_causes import cause_name, confidence_name
from harness.ledger.uploads_model import NAMES

Table = tuple[str, Sequence[str], list[Sequence[Any]]]

GIVEN_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "visits": ("registration_only",),
    "boxes": ("trace_code_missing",),
    "lists": ("list_differs",),
}
"""By which class each kind is named where it was not given."""


def judged(totals: Mapping[str, Any]) -> frozenset[str]:
    """Classes that this run could judge because their files were given."""
    told = totals.get("uploads", {})
    return frozenset(code for kind in told for code in GIVEN_BY.get(kind, ()))


def count(totals: Mapping[str, Any]) -> int:
    """Differences of all kinds."""
    return sum(one["differences"] for one in totals.get("uploads", {}).values())


def tables(totals: Mapping[str, Any]) -> list[Table]:
    """A table of the buckets, and one of each class that differs."""
    told = totals.get("uploads", {})
    if not told:
        return []
    heads = (tr("side"), tr("class"), tr("rows"), tr("difference?"))
    rows: list[Sequence[Any]] = []
    found: dict[str, list[Mapping[str, Any]]] = {}
    for kind in told.values():
        for one in kind["buckets"]:
            words = word(one["class"])
            rows.append(
                (side_name(one["side"]), f"{words.name} {one['class']}", str(one["rows"]),
                 tr("yes") if words.difference else tr("no"))
            )  # fmt: skip
        rows += [
            (tr("not compared: {names}", names=NAMES.get(name, name)), "", "", "")
            for name in kind["not_compared"]
        ]
        if kind["unlisted"]:
            rows.append(
                (tr("settled stays without a list"), word("list_missing").name,
                 str(kind["unlisted"]), tr("yes"))
            )  # fmt: skip
        for one in kind["listed"]:
            found.setdefault(f"{kind_name(one['side'])}\t{one['class']}", []).append(one)
    order = {code: place for place, code in enumerate(CLASS_WORDS)}
    keys = sorted(found, key=lambda key: (order.get(key.split("\t")[1], 0), key))
    return [(tr("uploads"), heads, rows), *(_class(key, found[key]) for key in keys)]


def kind_name(side: str) -> str:
    """What a side's kind is called."""
    return {
        "visits": tr("registrations"),
        "boxes": tr("trace codes"),
        "lists": tr("settlement lists"),
    }.get(side.partition("_")[2], side)


def _class(key: str, found: Sequence[Mapping[str, Any]]) -> Table:
    name, code = key.split("\t")
    heads = (
        tr("side"), tr("line"), tr("key"), "mdtrt_id", "psn_no", tr("number"), tr("field"),
        tr("HIS state"), tr("centre state"), tr("amount"), tr("cause"), tr("confidence"),
        tr("note"), tr("advice"), tr("partner row"), tr("file"),
    )  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            side_name(str(one["side"])), str(one["line"]), one["key"], one.get("mdtrt_id", ""),
            one.get("psn_no", ""), one.get("number", ""), one.get("field", ""),
            one.get("his_state", ""), one.get("centre_state", ""),
            money.fen(str(one["delta"])) or 0, cause_name(str(one["cause"])),
            confidence_name(str(one["confidence"])), one.get("note", ""), one["advice"],
            one["partner"], f"{one.get('file', '')}:{one.get('file_line', '')}".strip(":"),
        )
        for one in found
    ]  # fmt: skip
    return f"{name} {word(code).name}", heads, rows


def for_statement(totals: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Class, differences and yuan in fen of what money hangs on: settlement lists."""
    found: dict[str, tuple[int, int]] = {}
    for one in totals.get("uploads", {}).get("lists", {}).get("listed", []):
        if str(one["side"]).startswith("centre") and one["partner"]:
            continue
        rows, fen = found.get(str(one["class"]), (0, 0))
        found[str(one["class"])] = (rows + 1, fen + (money.fen(str(one["delta"])) or 0))
    return [(code, rows, fen) for code, (rows, fen) in sorted(found.items())]


def for_terminal(totals: Mapping[str, Any]) -> list[str]:
    """A line for each bucket, and for what was not judged at all."""
    lines = []
    for kind in totals.get("uploads", {}).values():
        lines += [
            f"{'!' if word(one['class']).difference else ' '} {one['side']} {one['class']}"
            f" {one['rows']}"
            for one in kind["buckets"]
        ]
        if kind["unlisted"]:
            lines.append(tr("{count} settled stays without a list", count=kind["unlisted"]))
    return lines
