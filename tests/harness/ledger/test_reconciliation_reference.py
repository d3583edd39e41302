"""The reference page names what the reconciler has: no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

from harness.ledger.class_words import word
from harness.ledger.columns import CLASSES, HARMLESS
from harness.ledger.explain_table import CAUSES
from harness.ledger.identities import IDENTITIES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "reconciliation.md"


def table(title: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = []
    for line in text.split("\n|", 1)[1].splitlines():
        if not line.strip().startswith("|") and lines:
            break
        lines.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
    return [cells for cells in lines[1:] if not set(cells[0]) <= {"-"}]


def test_every_class_has_its_line() -> None:
    rows = {cells[0]: cells for cells in table("Classes")}
    assert tuple(rows) == CLASSES
    for code, cells in rows.items():
        assert cells[2] == word(code).zh
        assert (cells[4] == "no") == (code in HARMLESS)
        assert re.search(r"[\u4e00-\u9fff]", cells[2])


def test_every_cause_has_its_line() -> None:
    rows = table("Causes")
    assert {cells[0] for cells in rows} == {one.code for one in CAUSES} | {"unknown"}
    confidence = {(one.code, one.confidence) for one in CAUSES}
    assert {(cells[0], cells[3]) for cells in rows if cells[0] != "unknown"} == confidence


def test_every_identity_has_its_line() -> None:
    rows = {cells[0]: cells[1] for cells in table("Identities")}
    assert rows == {one.code: one.formula for one in IDENTITIES}
