"""``compare.html`` and ``compare.json``: what a comparison says, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import i18n
from harness.i18n import tr
from harness.report.text import visible
from harness.upgrade.approvals import untouchable
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Group
from harness.upgrade.observe import RunFolder
from harness.upgrade.placeholders import kind_of

FORMAT: Final = 1
"""Of ``compare.json``."""

CHANGES_MAX: Final = 5
"""Old and new values that a group shows; ``compare.json`` has them, too."""

VALUE_CHARS_MAX: Final = 200

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


def class_name(cls: str) -> str:
    """A class of differences in the language in use."""
    return {
        "verdict": tr("verdict"),
        "missing": tr("missing"),
        "added": tr("added"),
        "type": tr("kind of value"),
        "value": tr("value"),
        "order": tr("order"),
        "count": tr("count"),
        "latency": tr("latency"),
    }[cls]


def as_json(comparison: Comparison, before: RunFolder, after: RunFolder) -> dict[str, Any]:
    """The contents of ``compare.json``."""
    return {
        "format": FORMAT,
        "verdict": comparison.verdict.value,
        "before": _run(before),
        "after": _run(after),
        "compared": {
            "scenarios": comparison.compared,
            "observations": list(comparison.observations),
            "volatile_places": comparison.learned,
        },
        "roots": [
            {"signature": one.signature, "scenarios": one.scenarios, "follows": list(one.follows)}
            for one in comparison.roots
        ],
        "latencies": [one.as_json() for one in comparison.latencies],
        "groups": [_group(key, group, comparison) for key, group in comparison.groups.items()],
        "unstable": [
            {"scenario": ident, "verdicts": list(found)}
            for ident, found in comparison.unstable.items()
        ],
        "coverage": list(comparison.coverage),
        "approval_problems": list(comparison.applied.problems),
    }


def _run(folder: RunFolder) -> dict[str, Any]:
    run = folder.run
    return {
        "folder": str(folder.path),
        "label": run.label,
        "started": run.started,
        "seed": run.seed,
        "verdict": run.verdict.value,
        "systems": [
            {"role": one.role, "product": one.product, "version": one.version}
            for one in run.systems
        ],
    }


def _group(signature: str, group: Group, comparison: Comparison) -> dict[str, Any]:
    first = group.first
    approval = comparison.applied.approved.get(signature)
    return {
        "signature": signature,
        "class": first.cls,
        "interface": first.interface,
        "name": first.scope,
        "path": first.path,
        "place": first.place,
        "old": first.old,
        "new": first.new,
        "count": group.count,
        "scenarios": group.scenarios,
        "approved": None if approval is None else approval.ticket,
        "approvable": not untouchable(first),
        "severity": comparison.severity.grade(first),
    }


def write(
    comparison: Comparison, before: RunFolder, after: RunFolder, out: Path,
    basis: tuple[str, str] = ("runs", ""),
) -> Mapping[str, Any]:  # fmt: skip
    """Write both files into ``out``; returns what ``compare.json`` says.

    Args:
        comparison: what was found.
        before: the run before, or what stands for it.
        after: the run after.
        out: folder of the result.
        basis: what it rests on, as a word for programs and as a sentence; ``runs`` needs none.
    """
    out.mkdir(parents=True, exist_ok=True)
    data = as_json(comparison, before, after) | {"basis": basis[0]}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    (out / "compare.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    masked = before.run.masked or after.run.masked
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("compare.html.j2").render(
        lang=i18n.current(),
        _=tr,
        data=data,
        roots=roots(comparison),
        groups=[_shown(group, masked=masked) for group in comparison.groups.values()],
        verdict=comparison.verdict,
        masked=masked,
        basis=basis[1],
    )
    (out / "compare.html").write_text(page, encoding="utf-8", newline="\n")
    return data


def roots(comparison: Comparison) -> list[dict[str, Any]]:
    """The first divergences as pages and terminals show them."""
    found = []
    for one in comparison.roots:
        first = comparison.groups[one.signature].first
        found.append({
            "cls": class_name(first.cls), "interface": first.interface, "name": first.scope,
            "path": first.path, "scenarios": one.scenarios, "follows": len(one.follows),
        })  # fmt: skip
    return found


def _shown(group: Group, *, masked: bool) -> dict[str, Any]:
    """A group as the page shows it; values of real persons stay in the traces."""
    whose = masked and untouchable(group.first)
    changes = [
        (_value(old, masked=masked, whose=whose), _value(new, masked=masked, whose=whose), count)
        for (old, new), count in group.changes.most_common(CHANGES_MAX)
    ]
    return {"cls": class_name(group.first.cls), "changes": changes, "of": group}


def _value(value: str, *, masked: bool, whose: bool) -> str:
    """Of a real system only what names nobody: figures and times outside identity fields."""
    text = visible(value[:VALUE_CHARS_MAX])
    if text and (whose or (masked and kind_of(value) in {"text", "serial", "hash"})):
        return "•" * min(len(text), 8)
    return text
