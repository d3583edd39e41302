"""``medharness contract snapshot`` and ``compare``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.contract import compare as comparing
from harness.contract import rows, workstation
from harness.contract.catalogues import UNVERIFIED
from harness.contract.model import Snapshot
from harness.contract.take import Named, take
from harness.errors import InputError
from harness.evidence.verdict import EXIT_CODES, Verdict
from harness.i18n import tr
from harness.profile import load_profile
from harness.report.text import cut

SHOWN_MAX: Final = 60
"""Changes on the terminal; the files have all."""

VALUE_COLUMNS: Final = 40


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options.

    Raises:
        InputError: one is none, or two have one name.
    """
    found: dict[str, str] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not (name and mark and value) or name in found:
            raise InputError(tr("{option} takes NAME=PATH, each name once", option=option),
                             where=word)  # fmt: skip
        found[name] = value
    return found


def tables(words: Sequence[str]) -> dict[str, list[rows.Named]]:
    """``NAME=TABLE:KEY,KEY`` options; a database may have several.

    Raises:
        InputError: one is none.
    """
    found: dict[str, list[rows.Named]] = {}
    for word in words:
        name, _, rest = word.partition("=")
        found.setdefault(name, []).append(rows.Named.parse(rest))
    return found


def snapshot(
    profile: str, named: Named, out: Path, *, environ: Mapping[str, str], as_json: bool
) -> int:
    """Look at everything and write it down; 3 where something could not be looked at.

    Raises:
        InputError: nothing was named, or nothing could be looked at (exit code 2).
    """
    loaded = load_profile(profile) if profile else None
    taken = take(loaded, named, environ, _say)
    looked = [part for part in (*taken.parts, *taken.missed) if part.startswith("sql ")]
    unread = sorted(set(named.tables) - {part.partition(" ")[2] for part in looked})
    if unread:
        raise InputError(tr("--table: there is no database {names}", names=", ".join(unread)))
    if not taken.parts:
        raise InputError(tr("nothing could be looked at: name a profile or a part"))
    path = taken.write(out)
    stations = {name.removeprefix(comparing.STATION): items for name, items in taken.parts.items()
                if name.startswith(comparing.STATION)}  # fmt: skip
    for item, others in workstation.odd_ones(stations).items():
        for name, (value, usual) in others.items():
            print(f"! {name}: {item}: {value or '∅'} ({tr('usual')}: {usual or '∅'})")
    for name, items in taken.parts.items():
        if UNVERIFIED in items:
            print(f"! {name}: {items[UNVERIFIED]}")
    print(tr("written: {path}", path=path))
    code = EXIT_CODES[Verdict.INCONCLUSIVE if taken.missed else Verdict.PASS]
    if as_json:
        counts = {name: len(items) for name, items in taken.parts.items()}
        _json({"parts": counts, "missed": dict(taken.missed), "out": str(path), "exit_code": code})
    return code


def compare(before: Path, after: Path, out: Path, *, as_json: bool) -> int:
    """Compare two snapshots, print and write what differs; returns the exit code.

    Raises:
        InputError: one of them is none, or was edited.
    """
    found = comparing.compare(Snapshot.read(before), Snapshot.read(after))
    found.write(out)
    for one in found.changes[:SHOWN_MAX]:
        old, new = (cut(value or "∅", VALUE_COLUMNS) for value in (one.old, one.new))
        print(f"{class_name(one.cls)}  {one.part}  {one.item}  {old} → {new}")
    if len(found.changes) > SHOWN_MAX:
        print(tr("and {count} more", count=len(found.changes) - SHOWN_MAX))
    for text in found.coverage:
        print(f"! {tr('not in both snapshots')}: {text}")
    for row in found.matrix:
        print("  ".join(row))
    print(tr("{parts} parts with {items} items compared, {changes} differ",
             parts=found.compared, items=found.items, changes=len(found.changes)))  # fmt: skip
    print(tr("written: {path}", path=out))
    code = EXIT_CODES[found.verdict]
    if as_json:
        _json({"verdict": found.verdict.value, "changes": len(found.changes),
               "coverage": list(found.coverage), "exit_code": code})  # fmt: skip
    return code


def class_name(cls: str) -> str:
    """A class of changes in the language in use."""
    return {"removed": tr("missing"), "added": tr("added"), "changed": tr("value"),
            "rows": tr("rows lost")}[cls]  # fmt: skip


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def _json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
