"""``medharness centre import``: a real hospital's codes and test persons into our centre's books.

Institution, departments, doctors, catalogue, 对码 and test persons come as the hospital exports
them: CSV in UTF-8 or GB 18030, or XLSX, with the names of the interface or with Chinese headings.
All of it goes in, or nothing.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.model import Person
from harness.probes.carried import read_table
from harness.profile import load_profile
from harness.subjects import read_subjects
from simulators import foreground
from simulators.centre import world
from simulators.centre.imports_kinds import KINDS, Kind, Made, Row, is_nobodys
from simulators.centre.ledger import SCHEMA
from simulators.centre.transaction import Statement
from simulators.store import Store, open_store

ROWS_MAX: Final = 500_000
"""More than the national catalogue of drugs has."""

_URL: Final = re.compile(r"postgres(ql)?://")


def read_export(kind: Kind, path: Path) -> list[Made]:
    """The rows of an export.

    Raises:
        InputErrors: every row that cannot be used, with its line.
    """
    table = read_table(path)
    if not table or len(table) - 1 > ROWS_MAX:
        raise InputErrors([InputError(tr("no rows, or too many"), where=str(path))])
    ours = {name: head for head, names in kind.heads.items() for name in names}
    heads = [ours.get(cell.strip(), "") for cell in table[0]]
    missing = [kind.heads[name][-1] for name in kind.needed if name not in heads]
    if missing:
        told = tr("these columns are missing, or stand twice: {names}", names=", ".join(missing))
        raise InputErrors([InputError(told, where=f"{path}:1")])
    rows: dict[tuple[Any, ...], Made] = {}
    problems: list[InputError] = []
    for line, cells in enumerate(table[1:], 2):
        row = {head: cell.strip() for head, cell in zip(heads, cells, strict=False) if head}
        try:
            made = _checked(kind, row)
            key = tuple(made[name] for name in kind.key)
            if key in rows:
                raise ValueError(tr("it stands twice: {key}", key=" ".join(map(str, key))))
            rows[key] = made
        except ValueError as error:
            problems.append(InputError(str(error), where=f"{path}:{line}"))
    if problems:
        raise InputErrors(problems)
    return list(rows.values())


def _checked(kind: Kind, row: Row) -> Made:
    empty = [kind.heads[name][-1] for name in kind.needed if not row.get(name)]
    if empty:
        raise ValueError(tr("nothing stands in {names}", names=", ".join(empty)))
    return kind.make(row)


def statements(
    store: Store, found: Mapping[str, list[Made]], subjects: tuple[Person, ...] = ()
) -> Iterator[Statement]:
    """What is written, after everything was found to lead somewhere.

    Raises:
        InputErrors: a row names an institution, item or department that the centre will not know,
            or a person who is not a test person, or has another's card.
    """
    problems = [*_loose(store, found), *_strangers(store, found.get("persons", ()), subjects)]
    if problems:
        raise InputErrors(problems)
    for name, rows in found.items():
        for row in rows:
            yield from KINDS[name].statements(row)


def _loose(store: Store, found: Mapping[str, list[Made]]) -> Iterator[InputError]:
    """Rows that lead to nothing."""
    known = {
        name: {row[name] for row in store.rows(f"SELECT {name} FROM {table}")}
        | {one[name] for one in found.get(export, ())}
        for name, table, export in (
            ("fixmedins_code", "hospitals", "institution"),
            ("med_list_codg", "catalogue", "catalogue"),
        )
    }
    for export, told in _LEADS.items():
        for row in found.get(export, ()):
            for name, values in known.items():
                if name in row and row[name] not in values:
                    yield InputError(tr("{code} is not known to the centre", code=row[name]),
                                     where=row[told])  # fmt: skip
    pair = ("fixmedins_code", "hosp_dept_codg")
    rows = [*store.rows("SELECT * FROM departments"), *found.get("departments", ())]
    departments = {tuple(row[name] for name in pair) for row in rows}
    for row in found.get("doctors", ()):
        if row[pair[1]] and tuple(row[name] for name in pair) not in departments:
            yield InputError(tr("{code} is not known to the centre", code=row[pair[1]]),
                             where=row["dr_codg"])  # fmt: skip


_LEADS: Final = {
    "mapping": "fixmedins_hilist_id",
    "departments": "hosp_dept_codg",
    "doctors": "dr_codg",
}
"""Exports whose rows name others, and the column that tells which row it is."""


def _strangers(
    store: Store, rows: Sequence[Made], subjects: tuple[Person, ...]
) -> Iterator[InputError]:
    """Persons whom nobody may be asked about, and cards that are another person's."""
    signed = {(one.name, one.id_card) for one in subjects if one.id_card}
    held: dict[tuple[str, str], str] = {}
    for one in store.rows("SELECT psn_no, certno, card_no FROM persons") if rows else ():
        held |= {(name, one[name]): one["psn_no"] for name in ("certno", "card_no") if one[name]}
    for row in rows:
        shown = f"{row['psn_no'][:4]}…"
        if not is_nobodys(row) and (row["psn_name"], row["certno"]) not in signed:
            yield InputError(
                tr("this person is neither generated nor in the signed list of test patients"),
                where=shown,
                remedy=tr("list and sign test patients in a profile, and name it with --profile"),
            )
        for name in ("certno", "card_no"):
            if row[name] and held.setdefault((name, row[name]), row["psn_no"]) != row["psn_no"]:
                what = KINDS["persons"].heads[name][-1]
                yield InputError(
                    tr("another person of the centre has this {what} already", what=what),
                    where=shown,
                )


def _signed(args: argparse.Namespace) -> tuple[Person, ...]:
    """Test patients of ``--profile``, where one is named."""
    named = str(getattr(args, "profile", "") or "")
    if not named:
        return ()
    profile = load_profile(named)
    signed = profile.test_subjects
    return read_subjects(profile.file(signed.list), signed.sha256) if signed else ()


def import_codes(args: argparse.Namespace) -> int:
    """Take the exports that are named, one option each kind, into ``--ledger``.

    Raises:
        InputError: nothing was named, or the ledger is none.
        InputErrors: a file cannot be used; nothing was written.
    """
    given = {name: Path(path) for name in KINDS if (path := getattr(args, name, ""))}
    if not given:
        raise InputError(tr("name at least one file to import"))
    found = {name: read_export(KINDS[name], path) for name, path in given.items()}
    signed = _signed(args)
    ledger = str(args.ledger)
    fresh = not _URL.match(ledger) and not Path(ledger).is_file()
    try:
        store = open_store(ledger, SCHEMA)
        try:
            begin = world.seed_world(int(args.seed)) if fresh else []
            if begin:
                store.commit(begin)
            store.commit(list(statements(store, found, signed)))
        finally:
            store.close()
    except sqlite3.DatabaseError as error:
        raise InputError(
            tr("this is no ledger of the centre: {reason}", reason=error), where=ledger
        ) from error
    result = {name: len(rows) for name, rows in found.items()}
    if not args.json:
        for name, count in result.items():
            foreground.say(tr("{name}: {count} rows", name=name, count=count))
    return foreground.finish(result, 0, as_json=args.json)
