"""``medharness documents check PATH...``: XML documents against schemas, rules and each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from harness.i18n import tr
from harness.xmldoc.finding import ERROR, NOTE, SEVERITIES, TEXTS, WARNING, DocumentFinding
from harness.xmldoc.rules import RuleSet, load, shipped
from harness.xmldoc.run import Checker, files_of
from harness.xmldoc.schemas import all_of
from harness.xmldoc.waivers import Waivers, read_waivers

SHOWN_MAX = 60
"""Findings on the screen; ``--json`` has them all."""


def run_check(
    paths: Sequence[str],
    *,
    today: date,
    schemas: Sequence[str] = (),
    schematrons: Sequence[str] = (),
    rules: Sequence[str] = (),
    waivers: str = "",
    as_json: bool = False,
) -> int:
    """Check documents, file after file.

    Args:
        paths: files and folders.
        today: the day on which waivers are valid or not.
        schemas: XSD files; every document is held against each.
        schematrons: ISO Schematron files.
        rules: rule files, or names of those that ship; all that ship if there is none.
        waivers: a waiver file, or empty.
        as_json: whether the last line is one JSON object.

    Returns:
        0 if every document was judged and nothing stands above a note; 1 if an error or a warning
        stands; 3 if none does, and a document, a schema or a rule set was not judged at all, or
        there was no document.

    Raises:
        InputError: a path, schema, rule file or waiver file cannot be used (exit code 2).
    """
    sets: list[RuleSet] = [load(name) for name in (rules or shipped())]
    checker = Checker(sets=sets, schemas=tuple(all_of(list(schemas), list(schematrons))))
    accepted = read_waivers(Path(waivers), today) if waivers else Waivers([], today)
    seen = _look(checker, accepted, paths)
    standing, waived, silent = seen.standing, seen.waived, seen.silent
    documents, evaluated, judged = seen.documents, seen.evaluated, seen.judged
    if rules:  # what was asked for by name and met no document of its kind was not checked
        silent += [("-", one.name) for one in sets if one.name not in checker.fitted]
    standing += accepted.findings()
    standing.sort(key=lambda one: (SEVERITIES.index(one.severity), one.file, one.offset, one.rule))
    counts = Counter(one.severity for one in standing)
    bad = counts[ERROR] or counts[WARNING] or checker.dropped
    code = 1 if bad else 3 if silent or not documents else 0
    _tell(standing, silent)
    print(tr("{documents} documents, {judged} judged by {rules} rules: {errors} errors,"
             " {warnings} warnings, {notes} notes, {waived} waived",
             documents=documents, judged=evaluated, rules=len(judged), errors=counts[ERROR],
             warnings=counts[WARNING], notes=counts[NOTE], waived=len(waived)))  # fmt: skip
    if not documents:
        print(tr("there is no document: nothing was checked"))
    if checker.dropped:
        print(tr("{count} further findings were not kept", count=checker.dropped))
    if as_json:
        _json({"documents": documents, "judged": evaluated, "rules": sorted(judged),
               "counts": {name: counts[name] for name in SEVERITIES},
               "findings": [_as_json(one) for one in standing],
               "waived": [_as_json(one) for one in waived], "dropped": checker.dropped,
               "silent": [{"file": file, "what": what} for file, what in silent],
               "exit_code": code})  # fmt: skip
    return code


@dataclass(slots=True)
class _Seen:
    """What came of all documents."""

    standing: list[DocumentFinding] = field(default_factory=list)
    waived: list[DocumentFinding] = field(default_factory=list)
    silent: list[tuple[str, str]] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    documents: int = 0
    evaluated: int = 0


def _look(checker: Checker, accepted: Waivers, paths: Sequence[str]) -> _Seen:
    seen = _Seen()
    for file in files_of(paths):
        result = checker.check(file)
        seen.documents += 1
        seen.evaluated += bool(result.rules)
        seen.judged |= result.rules
        seen.silent += [(result.file, one) for one in result.silent]
        here, away = accepted.split(result.findings)
        seen.standing += here
        seen.waived += away
    return seen


def _tell(standing: Sequence[DocumentFinding], silent: Sequence[tuple[str, str]]) -> None:
    for one in standing[:SHOWN_MAX]:
        print(_line(one))
    if len(standing) > SHOWN_MAX:
        print(tr("... and {more} more", more=len(standing) - SHOWN_MAX))
    for file, what in silent[:SHOWN_MAX]:
        print(tr("not judged: {file}: {what}", file=file, what=what))


def _line(one: DocumentFinding) -> str:
    severities = {ERROR: tr("error"), WARNING: tr("warning"), NOTE: tr("note")}
    # The line of a finding in an embedded document is none of the file.
    inside = "!" in one.path
    line = f":{one.line}" if one.line else ""
    place = (one.file, f"{one.path}{line}") if inside else (f"{one.file}{line}", one.path)
    head = "  ".join(part for part in (severities[one.severity], one.rule, *place) if part)
    said = _message(one)
    if one.expected or one.actual:
        said += tr(": expected {expected}, got {actual}", expected=one.expected or "-",
                   actual=one.actual or "-")  # fmt: skip
    source = f" [{one.clause}; {_basis(one.basis)}]" if one.clause else ""
    return f"{head}\n    {said}{source}"


def _message(one: DocumentFinding) -> str:
    """Fixed codes are translated here; a rule file and a validator bring their own words."""
    return tr(one.message) if one.rule in TEXTS else one.message


def _basis(basis: str) -> str:
    return {
        "standard": tr("standard"),
        "public": tr("several public sources"),
        "single": tr("one public source"),
        "guess": tr("inferred"),
        "site": tr("the site's own"),
    }.get(basis, basis)


def _as_json(one: DocumentFinding) -> dict[str, Any]:
    return asdict(one) | {"message": _message(one)}


def _json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
