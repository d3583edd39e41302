"""``medharness fingerprint make TYPE``, ``search SHEET PATH...`` and ``compare BEFORE AFTER``."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.fingerprint.compare import CHANGED, KIND, LOST, NEW, compare, map_data, map_of
from harness.fingerprint.live import Live, shown
from harness.fingerprint.make import Request, make
from harness.fingerprint.outlets import of_paths
from harness.fingerprint.search import HOW, search
from harness.fingerprint.sheet import read_json, read_sheet, write_json
from harness.i18n import tr

SHOWN_MAX = 50
"""Lines on the screen; the JSON file has them all."""


def run_make(request: Request, out: str, *, as_json: bool = False) -> int:
    """Write ``OUT.hl7`` (the message, CR between segments) and ``OUT.json`` (the sheet).

    Returns:
        0; what cannot be made is raised (exit code 2).

    Raises:
        InputError: there is no such type, version, character set or path.
    """
    message, sheet = make(request)
    path = Path(out)
    write_json(path.with_suffix(".json"), sheet.data())
    path.with_suffix(".hl7").write_bytes(message)
    print(tr("{tokens} leaves filled, {searched} of them can be searched: {path}",
             tokens=len(sheet.tokens), searched=len(sheet.searched),
             path=path.with_suffix(".hl7")))  # fmt: skip
    if as_json:
        _json({"message": str(path.with_suffix(".hl7")), "sheet": str(path.with_suffix(".json")),
               "tokens": len(sheet.tokens), "searched": len(sheet.searched),
               "exit_code": 0})  # fmt: skip
    return 0


def run_search(
    sheet: str, paths: Sequence[str], out: str, *, live: Sequence[Live] = (), as_json: bool = False
) -> int:
    """Search files, folders and open outlets for the tokens of a sheet; write the map to ``out``.

    Returns:
        0 if at least one token was found and no open outlet was empty; 3 otherwise: then nothing
        was looked at, or not everything.

    Raises:
        InputError: the sheet or a file cannot be used (exit code 2).
    """
    read = read_sheet(Path(sheet))
    if not paths and not live:
        raise InputError(tr("there is no file to search"), remedy="PATH, --sql, --http")
    files = of_paths([Path(one) for one in paths], read.control_id) if paths else iter(())
    found = search(read, chain(files, *(shown(one, os.environ) for one in live)))
    write_json(Path(out), map_data(found))
    ways = Counter(how for where in found.landings.values() for _, _, how in where)
    for outlet, texts in sorted(found.outlets.items()):
        print(tr("{outlet}: {texts} texts", outlet=outlet, texts=texts))
    named = ", ".join(f"{_how(how)} {ways[how]}" for how in HOW if ways[how]) or "-"
    print(tr("{found} of {searched} tokens found ({ways}), {missing} nowhere",
             found=len(found.landings), searched=len(read.searched), ways=named,
             missing=len(found.missing)))  # fmt: skip
    empty = [one.name for one in live if not found.outlets.get(one.name)]
    for name in empty:
        print(tr("{outlet} shows nothing: it was not searched", outlet=name))
    code = 0 if found.landings and not empty else 3
    if as_json:
        _json({"map": out, "empty": empty, "found": len(found.landings),
               "missing": list(found.missing),
               "ways": dict(ways), "outlets": dict(found.outlets), "exit_code": code})  # fmt: skip
    return code


def run_compare(before: str, after: str, *, as_json: bool = False) -> int:
    """Compare two maps.

    Returns:
        0 if every leaf lands as before, 1 otherwise.

    Raises:
        InputError: one of them cannot be used, or they cannot be compared (exit code 2).
    """
    old, new = (map_of(read_json(Path(one), KIND)) for one in (before, after))
    if not old.landings:
        raise InputError(tr("the map of before has no token: nothing can be compared with it"),
                         where=before)  # fmt: skip
    changes = compare(old, new)
    kinds = {LOST: tr("lost"), NEW: tr("new"), CHANGED: tr("changed")}
    for one in changes[:SHOWN_MAX]:
        was, now = (_how(how) if how else "-" for how in (one.before, one.after))
        print(f"{kinds[one.kind]}  {one.path}  {one.outlet} {one.place}  {was} -> {now}")
    if len(changes) > SHOWN_MAX:
        print(tr("... and {more} more", more=len(changes) - SHOWN_MAX))
    print(tr("{count} differences", count=len(changes)))
    code = 1 if changes else 0
    if as_json:
        _json({"before": before, "after": after, "differences": [asdict(one) for one in changes],
               "exit_code": code})  # fmt: skip
    return code


def _how(how: str) -> str:
    words = {
        "whole": tr("whole"),
        "trimmed": tr("trimmed"),
        "inside": tr("inside a longer text"),
        "case": tr("in other case"),
        "reformed": tr("written otherwise"),
        "re-encoded": tr("in other characters"),
        "cut": tr("cut"),
        "altered": tr("altered"),
    }
    return words.get(how, how)


def _json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
