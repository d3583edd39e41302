"""The report as HTML that prints on A4, and as DOCX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import i18n
from harness.i18n import tr
from harness.signoff.rules import Conclusion
from harness.signoff.sections import Section, conclusion_name

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
FONT: Final = "宋体"


def html(title: str, conclusion: Conclusion, manifest: str, sections: Sequence[Section]) -> str:
    """One file, without a network."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("signoff.html.j2").render(
        lang=i18n.current(), _=tr, title=title, conclusion=conclusion.value,
        name=conclusion_name(conclusion), manifest=manifest, sections=sections,
    )  # fmt: skip


def docx_file(
    path: Path, title: str, conclusion: Conclusion, manifest: str, sections: Sequence[Section]
) -> None:
    """The same for hospitals that file Word."""
    page = _page()
    head = page.add_paragraph()
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = head.add_run(title)
    run.bold, run.font.size = True, Pt(18)
    said = page.add_paragraph()
    said.alignment = WD_ALIGN_PARAGRAPH.CENTER
    shown = said.add_run(tr("Conclusion: {conclusion}", conclusion=conclusion_name(conclusion)))
    shown.bold, shown.font.size = True, Pt(14)
    for number, section in enumerate(sections, 1):
        heading = page.add_paragraph()
        mark = heading.add_run(f"{number}. {section.title}")
        mark.bold, mark.font.size = True, Pt(13)
        for note in section.notes:
            page.add_paragraph(_printable(note))
        for table in section.tables:
            _table(page, table.head, table.shown)
            if table.left:
                page.add_paragraph(tr("and {count} more", count=table.left))
    page.add_paragraph(f"manifest.json SHA-256 {manifest}")
    page.save(str(path))


def _page() -> Document:
    page = docx.Document()
    section = page.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(18)
    section.top_margin = section.bottom_margin = Mm(15)
    style = page.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(9.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    style.paragraph_format.space_after = Pt(2)
    return page


def _table(page: Document, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        page.add_paragraph(f"{' / '.join(head)}: {tr('none')}")
        return
    table = page.add_table(rows=0, cols=len(head))
    table.style = "Table Grid"
    cells = table.add_row().cells
    for cell, text in zip(cells, head, strict=True):
        cell.paragraphs[0].add_run(_printable(text)).bold = True
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = _printable(text)


def _printable(text: str) -> str:
    """Without characters that XML 1.0 does not allow."""
    return "".join(one if one >= " " or one in "\n\t" else "�" for one in text)
