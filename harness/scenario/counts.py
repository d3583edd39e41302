"""What counts, for ``medharness lint --counts``.

How many scenarios there are is read from the files. How many of them count, and which fault
classes were provoked and detected, nobody can read off a tag: the last whole self-check measured
it and wrote it down. Where there is none, it is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.scenario.denominators import PILLARS

LAST_SELFCHECK = Path("runs") / "selfcheck" / "selfcheck.json"
"""Where ``medharness selfcheck`` leaves its result, below the current folder."""

FAULT_CLASS_FIGURES = ("listed", "provoked", "detected")


def counts(by_pillar: Mapping[str, int], measured: Path = LAST_SELFCHECK) -> dict[str, Any]:
    """``scenarios`` and ``fault_classes`` by pillar, and a ``note`` where nothing was measured.

    Args:
        by_pillar: scenarios of each pillar, an outline counted once.
        measured: result of a self-check: ``whole`` (true), and ``counts`` with ``scenarios``
            (``counting`` by pillar) and ``fault_classes``.

    Raises:
        InputError: the result is there and cannot be read.
    """
    found = _last(measured)
    scenarios = found.get("scenarios", {})
    classes = found.get("fault_classes", {})
    told: dict[str, Any] = {
        "scenarios": {
            pillar: {
                "total": by_pillar.get(pillar, 0),
                "counting": _figure(scenarios, pillar, "counting", measured),
            }
            for pillar in PILLARS
        },
        "fault_classes": {
            pillar: {name: _figure(classes, pillar, name, measured) for name in FAULT_CLASS_FIGURES}
            for pillar in PILLARS
        },
    }
    if not found:
        told["note"] = tr("no whole self-check was found at {path}", path=measured.as_posix())
    return told


def _last(measured: Path) -> Mapping[str, Any]:
    if not measured.is_file():
        return {}
    data = input_files.json_of(measured)
    if not isinstance(data, dict) or data.get("whole") is not True:
        return {}
    found = data.get("counts")
    return found if isinstance(found, dict) else {}


def _figure(table: Any, pillar: str, name: str, measured: Path) -> int:
    """A figure that is left out was not measured; one that is no number is damage."""
    row = table.get(pillar, {}) if isinstance(table, dict) else None
    value = row.get(name, 0) if isinstance(row, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(
            tr("the figure {name} of {pillar} cannot be used", name=name, pillar=pillar),
            where=str(measured),
            remedy="medharness selfcheck",
        )
    return value


def table(told: Mapping[str, Any]) -> str:
    """The same as a person reads it."""
    lines = []
    for pillar, row in told["scenarios"].items():
        classes = told["fault_classes"][pillar]
        lines.append(
            tr(
                "{pillar}: {total} scenarios, {counting} count; fault classes: {listed} listed,"
                " {provoked} provoked, {detected} detected",
                pillar=pillar,
                **row,
                **classes,
            )
        )
    return "\n".join([*lines, *([told["note"]] if "note" in told else [])])
