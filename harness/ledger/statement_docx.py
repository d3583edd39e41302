"""``statement.docx``: the one-page 差异情况说明 that finance signs and files.

Amount, bills, cause, evidence, handling, who, date, signature. Names are masked; what does not
fit on the page is counted and named, not dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from harness.i18n import tr
from harness.ledger.class_words import side_name, word
from harness.ledger.report_bridge import Bridge
from harness.ledger.report_causes import cause_name
from harness.ledger.report_read import Case
from harness.ledger.report_text import masked, masked_text, moment, yuan

BILLS_MAX: Final = 8
"""Bills named on the page, as far as they fit."""

TEXT_CHARS_MAX: Final = 60
FONT: Final = "宋体"

PAGE_LINES: Final = 42
"""Lines of the table on one page: 267 mm of A4 at 15 points a line are 50, the head takes five."""

HALF_WIDTH_LAST: Final = 0x2E7F
"""Characters beyond are as wide as they are high."""

LINE_HALVES: Final = 72
"""Half-width characters on a line of the right column: 138 mm at 5.25 points each are 74."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of each list goes on the page: the first that fits is taken."""

    bills: int = BILLS_MAX
    classes: int = 6
    lines: int = 6
    chars: int = TEXT_CHARS_MAX
    step_chars: int = 1_000


ROOMS: Final = (
    Room(),
    Room(bills=6, lines=4),
    Room(bills=5, classes=5, lines=3, step_chars=60),
    Room(bills=4, classes=4, lines=3, chars=30, step_chars=30),
    Room(bills=3, classes=3, lines=2, chars=30, step_chars=30),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the page says.

    Attributes:
        title: the hospital or the run.
        bridge: from HIS total to centre total.
        classes: code, number of differences, HIS minus centre in fen.
        cases: the gravest differences.
        case_count: how many there are in all.
        incomplete: no differences may be listed.
        evidence: where the proof is.
        lines: fee lines that explain differences, in words, with HIS minus centre in fen.
    """

    title: str
    bridge: Bridge
    classes: Sequence[tuple[str, int, int]]
    cases: Sequence[Case]
    case_count: int
    incomplete: bool
    evidence: str
    lines: Sequence[tuple[str, int]] = ()


def write_statement(statement: Statement, path: Path) -> Path:
    """Write the page as DOCX (A4)."""
    page = _page()
    head = page.add_paragraph()
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = head.add_run(tr("statement of differences"))
    run.bold, run.font.size = True, Pt(18)
    below = page.add_paragraph(masked_text(statement.title))
    below.alignment = WD_ALIGN_PARAGRAPH.CENTER
    tables = (_rows(statement, room) for room in ROOMS)
    rows = next((one for one in tables if _lines(one) <= PAGE_LINES), _rows(statement, ROOMS[-1]))
    table = page.add_table(rows=0, cols=2)
    table.style = "Table Grid"
    table.autofit = False
    for name, text in rows:
        cells = table.add_row().cells
        cells[0].width, cells[1].width = Mm(28), Mm(142)
        cells[0].paragraphs[0].add_run(name).bold = True
        cells[1].text = _printable(text)
    page.save(str(path))
    return path


def _rows(statement: Statement, room: Room) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = [(tr("amount"), _amount(statement))]
    if not statement.incomplete:
        rows += [
            (tr("bills"), _bills(statement, room)),
            (tr("cause"), _causes(statement, room)),
            (tr("handling"), _handling(statement, room)),
        ]
    return [
        *rows,
        (tr("evidence"), masked_text(statement.evidence)),
        (tr("handled by"), ""),
        (tr("date"), ""),
        (tr("signature"), "\n"),
    ]


def _lines(rows: Sequence[tuple[str, str]]) -> int:
    """Lines that the table takes, a Chinese character counted as two of the others."""
    return sum(
        max(1, -(-sum(1 + (ord(char) > HALF_WIDTH_LAST) for char in line) // LINE_HALVES))
        for _, text in rows
        for line in text.split("\n")
    )


def _page() -> Document:
    page = docx.Document()
    section = page.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin = section.bottom_margin = Mm(15)
    style = page.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    style.paragraph_format.space_after = Pt(2)
    return page


def _amount(statement: Statement) -> str:
    if statement.incomplete:
        return tr("INCOMPLETE: the inputs are not proven whole, so no differences are listed")
    start, end = statement.bridge.start.level or 0, statement.bridge.end.level or 0
    return tr(
        "HIS {his} yuan, centre {centre} yuan, difference {difference} yuan; "
        "not explained {left} yuan",
        his=yuan(start),
        centre=yuan(end),
        difference=yuan(start - end),
        left=yuan(statement.bridge.residual_fen),
    )


def _bills(statement: Statement, room: Room) -> str:
    lines = [_bill(case.first) for case in statement.cases[: room.bills]]
    left = statement.case_count - len(lines)
    if left > 0:
        lines.append(tr("and {count} more: see reconcile.xlsx", count=left))
    return "\n".join(lines) or tr("none")


def _bill(row: dict[str, Any]) -> str:
    delta = row.get("delta_fen")
    amount = row.get("medfee_fen") if delta is None else delta
    parts = (
        word(str(row["class"])).name,
        masked(
            "setl_id",
            str(
                row.get("setl_id") or row.get("msgid") or f"{side_name(row['side'])} {row['line']}"
            ),
        ),
        moment(row.get("setl_time")),
        tr("{amount} yuan", amount=yuan(amount)),
    )
    return "  ".join(part for part in parts if part)


def _causes(statement: Statement, room: Room) -> str:
    seen: dict[str, int] = {}
    for case in statement.cases:
        cause = cause_name(str(case.first.get("cause") or ""))
        seen[cause] = seen.get(cause, 0) + 1
    lines = [
        f"{_short(cause, room.chars)} × {count}"
        for cause, count in list(seen.items())[: room.classes]
    ]
    lines += [
        f"{_short(name, room.chars)} {yuan(fen, sign=True)}"
        for name, fen in statement.lines[: room.lines]
    ]
    left = max(0, len(statement.lines) - room.lines) + max(0, len(seen) - room.classes)
    if left > 0:
        lines.append(tr("and {count} more: see reconcile.xlsx", count=left))
    return masked_text("\n".join(lines)) or tr("none")


def _handling(statement: Statement, room: Room) -> str:
    lines = []
    for code, count, fen in statement.classes[: room.classes]:
        words = word(code)
        step = _short(words.say(words.first), room.step_chars)
        lines.append(f"{words.name} × {count} ({yuan(fen, sign=True)}): {step}")
    left = len(statement.classes) - len(lines)
    if left > 0:
        lines.append(tr("and {count} more: see reconcile.xlsx", count=left))
    return "\n".join(lines) or tr("none")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _printable(text: str) -> str:
    """Without the control characters that XML 1.0 forbids."""
    return "".join(char for char in text if char >= " " or char in "\n\t")
