"""``compare.html`` and ``compare.json``: what a comparison says, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import i18n, output_files
from harness.i18n import tr
from harness.report.text import visible
from harness.upgrade import trust
from harness.upgrade.approvals import untouchable
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Signature
from harness.upgrade.observe import RunFolder
from harness.upgrade.placeholders import kind_of
from harness.upgrade.roots import Group

FORMAT: Final = 2
"""Of ``compare.json``. In format 1 each signature was a group."""

CHANGES_MAX: Final = 5
"""Old and new values that a signature shows; ``compare.json`` has them, too."""

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
        "groups": [
            _group(number, one, comparison) for number, one in enumerate(comparison.groups, 1)
        ],
        "signatures": _signatures(comparison),
        "latencies": [one.as_json() for one in comparison.latencies],
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
        "traces_sha256": trust.of_traces(folder.path, run),
        "systems": [
            {"role": one.role, "product": one.product, "version": one.version}
            for one in run.systems
        ],
    }


def _group(number: int, group: Group, comparison: Comparison) -> dict[str, Any]:
    """Its head, and the signatures of all that belongs to it."""
    members = [comparison.signatures[one] for one in group.signatures]
    first = members[0].first
    return {
        "number": number,
        "class": first.cls,
        "interface": first.interface,
        "name": first.scope,
        "path": first.path,
        "place": first.place,
        "old": first.old,
        "new": first.new,
        "scenarios": group.scenarios,
        "count": sum(one.count for one in members),
        "severity": min(comparison.severity.grade(one.first) for one in members),
        "signatures": group.signatures,
    }


def _signatures(comparison: Comparison) -> list[dict[str, Any]]:
    """Group by group, the first divergence first; what is approved is in none and comes last."""
    of = {key: n for n, one in enumerate(comparison.groups, 1) for key in one.signatures}
    order = [*of, *(key for key in comparison.signatures if key not in of)]
    return [_signature(key, of.get(key), comparison) for key in order]


def _signature(signature: str, number: int | None, comparison: Comparison) -> dict[str, Any]:
    group = comparison.signatures[signature]
    first = group.first
    approval = comparison.applied.approved.get(signature)
    return {
        "signature": signature,
        "group": number,
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
    output_files.write_json(out / "compare.json", data, indent=2)
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
        folds=_folds(data, comparison, masked=masked),
        verdict=comparison.verdict,
        masked=masked,
        basis=basis[1],
    )
    output_files.write_text(out / "compare.html", page)
    return data


def _folds(
    data: Mapping[str, Any], comparison: Comparison, *, masked: bool
) -> list[dict[str, Any]]:
    """What the page folds: each group with its rows, then what is approved."""
    rows = [
        _shown(one, comparison.signatures[one["signature"]], masked=masked)
        for one in data["signatures"]
    ]
    folds: list[dict[str, Any]] = [
        {"group": group, "rows": [one for one in rows if one["row"]["group"] == group["number"]]}
        for group in data["groups"]
    ]
    approved = [one for one in rows if one["row"]["group"] is None]
    return [*folds, {"group": None, "rows": approved}] if approved else folds


def _shown(row: Mapping[str, Any], one: Signature, *, masked: bool) -> dict[str, Any]:
    """A signature as the page shows it; values of real persons stay in the traces."""
    whose = masked and untouchable(one.first)
    changes = [
        (_value(old, masked=masked, whose=whose), _value(new, masked=masked, whose=whose), count)
        for (old, new), count in one.changes.most_common(CHANGES_MAX)
    ]
    return {"cls": class_name(one.first.cls), "changes": changes, "row": row}


def _value(value: str, *, masked: bool, whose: bool) -> str:
    """Of a real system only what names nobody: figures and times outside identity fields."""
    text = visible(value[:VALUE_CHARS_MAX])
    if text and (whose or (masked and kind_of(value) in {"text", "serial", "hash"})):
        return "•" * min(len(text), 8)
    return text
