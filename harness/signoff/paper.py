"""The report as HTML that prints on A4, and as DOCX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import i18n, output_files
from harness.i18n import tr
from harness.report.text import visible
from harness.signoff.rules import Conclusion
from harness.signoff.sections import Section, conclusion_name

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
FONT: Final = "宋体"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One report.

    Attributes:
        title: above everything.
        banner: the one sentence that everybody reads.
        mark: ``go``, ``conditional`` or ``no-go``: the colour of the banner.
        sections: its parts.
        foot: below everything.
        signed: the last part has room for signatures.
    """

    title: str
    banner: str
    mark: Conclusion
    sections: Sequence[Section]
    foot: str = ""
    signed: bool = False


def signed_paper(
    title: str, conclusion: Conclusion, manifest: str, sections: Sequence[Section]
) -> Paper:
    """The report of an upgrade, with its conclusion and the hash of its manifest."""
    banner = tr("Conclusion: {conclusion}", conclusion=conclusion_name(conclusion))
    return Paper(
        title=title, banner=banner, mark=conclusion, sections=sections,
        foot=f"manifest.json SHA-256 {manifest}", signed=True,
    )  # fmt: skip


def write(paper: Paper, html_file: Path, docx: Path | None = None) -> None:
    """Both forms of it; DOCX only where a file is named."""
    output_files.write_text(html_file, html(paper))
    if docx is not None:
        docx_file(docx, paper)


def html(paper: Paper) -> str:
    """One file, without a network."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("signoff.html.j2").render(
        lang=i18n.current(), _=tr, paper=paper
    )


def docx_file(path: Path, paper: Paper) -> None:
    """The same for hospitals that file Word."""
    page = _page()
    head = page.add_paragraph()
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = head.add_run(paper.title)
    run.bold, run.font.size = True, Pt(18)
    said = page.add_paragraph()
    said.alignment = WD_ALIGN_PARAGRAPH.CENTER
    shown = said.add_run(visible(paper.banner))
    shown.bold, shown.font.size = True, Pt(14)
    for number, section in enumerate(paper.sections, 1):
        heading = page.add_paragraph()
        mark = heading.add_run(f"{number}. {visible(section.title)}")
        mark.bold, mark.font.size = True, Pt(13)
        for note in section.notes:
            page.add_paragraph(visible(note))
        for table in section.tables:
            _table(page, table.head, table.shown)
            if table.left:
                page.add_paragraph(tr("and {count} more", count=table.left))
    if paper.foot:
        page.add_paragraph(paper.foot)
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
        cell.paragraphs[0].add_run(visible(text)).bold = True
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = visible(text)
