"""``medharness sign``: the report that a hospital signs, from what runs left behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import output_files
from harness.i18n import tr
from harness.signoff import paper, template
from harness.signoff.material import read
from harness.signoff.reports import REPORTS
from harness.signoff.rules import Conclusion, conclude, rulings
from harness.signoff.sections import conclusion_name, sections
from harness.signoff.tables import write_tables

EXITS: Final = {Conclusion.GO: 0, Conclusion.NO_GO: 1, Conclusion.CONDITIONAL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        run: run folder after the upgrade.
        before: run folder before it.
        comparison: result folder of ``compare``.
        reconciled: result folders of ``reconcile``.
        contract: result folder of ``contract compare``.
        facts: TOML file of what people state.
        watched: result folder of ``watch``.
        doctor: file with the last line of ``doctor --json``.
        template: the hospital's own form, a DOCX with placeholders.
        out: where the report goes.
        json: print one JSON object as the last line.
    """

    run: Path
    before: Path | None = None
    comparison: Path | None = None
    reconciled: Sequence[Path] = ()
    contract: Path | None = None
    facts: Path | None = None
    watched: Path | None = None
    doctor: Path | None = None
    template: Path | None = None
    out: Path
    json: bool = False


def sign(request: Request) -> int:
    """Write ``signoff.html``, ``signoff.docx``, tables and ``manifest.json``; 0 go, 1 no-go, 3.

    Raises:
        InputError: something that was named cannot be read (exit code 2).
    """
    material = read(request.run, request.before, request.comparison, request.reconciled,
                    request.contract, request.facts, request.watched, request.doctor)  # fmt: skip
    found = rulings(material)
    conclusion = conclude(found)
    out = request.out
    out.mkdir(parents=True, exist_ok=True)
    manifest = {
        "format": 1, "conclusion": conclusion.value,
        "rules": [{"rule": one.rule, "says": one.says.value, "because": one.because}
                  for one in found],
        "files": [asdict(one) for one in material.evidence],
    }  # fmt: skip
    output_files.write_json(out / "manifest.json", manifest)
    digest = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    title = tr("Upgrade verification report")
    parts = sections(material, found, conclusion)
    page = paper.signed_paper(title, conclusion, digest, parts)
    paper.write(page, out / "signoff.html", out / "signoff.docx")
    write_tables(material, out)
    for each in REPORTS:
        paper.write(each.make(material), out / f"{each.name}.html", out / f"{each.name}.docx")
    missing: list[str] = []
    if request.template is not None:
        singles = template.values(material, found, conclusion, digest)
        lists = template.sheets(material, parts)
        missing = template.fill(request.template, out / "form.docx", singles, lists)
    for one in found:
        mark = {"go": "✔", "conditional": "?", "no-go": "✘"}[one.says.value]
        print(f"{mark} {one.rule}: {one.because}")
    print(tr("Conclusion: {conclusion}", conclusion=conclusion_name(conclusion)))
    print(tr("written: {path}", path=out / "signoff.html"))
    if request.template is not None:
        print(tr("written: {path}", path=out / "form.docx"))
    for name in missing:
        print(tr("! the form asks for {name}, which nobody stated", name=name))
    code = EXITS[conclusion]
    if request.json:
        print(json.dumps({"conclusion": conclusion.value, "manifest_sha256": digest,
                          "template_missing": missing, "exit_code": code},
                         ensure_ascii=False))  # fmt: skip
    return code
