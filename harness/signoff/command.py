"""``medharness sign``: the report that a hospital signs, from what runs left behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.i18n import tr
from harness.signoff import paper
from harness.signoff.material import read
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
        out: where the report goes.
        json: print one JSON object as the last line.
    """

    run: Path
    before: Path | None = None
    comparison: Path | None = None
    reconciled: Sequence[Path] = ()
    contract: Path | None = None
    facts: Path | None = None
    out: Path
    json: bool = False


def sign(request: Request) -> int:
    """Write ``signoff.html``, ``signoff.docx``, tables and ``manifest.json``; 0 go, 1 no-go, 3.

    Raises:
        InputError: something that was named cannot be read (exit code 2).
    """
    material = read(request.run, request.before, request.comparison, request.reconciled,
                    request.contract, request.facts)  # fmt: skip
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
    data = (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    (out / "manifest.json").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    title = tr("Upgrade verification report")
    parts = sections(material, found, conclusion)
    page = paper.html(title, conclusion, digest, parts)
    (out / "signoff.html").write_text(page, encoding="utf-8", newline="\n")
    paper.docx_file(out / "signoff.docx", title, conclusion, digest, parts)
    write_tables(material, out)
    for one in found:
        mark = {"go": "✔", "conditional": "?", "no-go": "✘"}[one.says.value]
        print(f"{mark} {one.rule}: {one.because}")
    print(tr("Conclusion: {conclusion}", conclusion=conclusion_name(conclusion)))
    print(tr("written: {path}", path=out / "signoff.html"))
    code = EXITS[conclusion]
    if request.json:
        print(json.dumps({"conclusion": conclusion.value, "manifest_sha256": digest,
                          "exit_code": code}, ensure_ascii=False))  # fmt: skip
    return code
