"""``medharness centre export``: the ledger of our centre as CSV, also while the centre runs."""

from __future__ import annotations

import argparse
import re
import sqlite3
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from simulators import foreground
from simulators.centre.export import export_ledger
from simulators.store import open_store

ENCODINGS: Final = ("utf-8", "gbk", "gb18030")
_URL: Final = re.compile(r"postgres(ql)?://")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def export(args: argparse.Namespace) -> int:
    """Write valid settlements and reversals, and say how many.

    Takes ``--ledger`` (a file that is there, or ``postgresql://``), ``--out`` (a file that is not),
    ``--begin`` and ``--end`` (days, both included), ``--encoding``.

    Raises:
        InputError: there is no such ledger, it is none, or the file is there already.
    """
    ledger, out = str(args.ledger), Path(args.out)
    if not _URL.match(ledger) and not Path(ledger).is_file():
        raise InputError(tr("there is no ledger here"), where=ledger)
    if out.exists():
        raise InputError(tr("the file is there already"), where=str(out))
    for day in (args.begin, args.end):
        if day and not _DAY.fullmatch(day):
            raise InputError(tr("no day: {day}", day=day), remedy="YYYY-MM-DD")
    if args.encoding not in ENCODINGS:
        raise InputError(
            tr("no such encoding: {name}", name=args.encoding), remedy=", ".join(ENCODINGS)
        )
    try:
        rows = _written(ledger, out, args)
    except sqlite3.DatabaseError as error:
        out.unlink(missing_ok=True)
        raise InputError(
            tr("this is no ledger of the centre: {reason}", reason=error), where=ledger
        ) from error
    if not args.json:
        foreground.say(tr("{rows} rows written to {file}", rows=rows, file=out))
    return foreground.finish({"rows": rows, "file": str(out)}, 0, as_json=args.json)


def _written(ledger: str, out: Path, args: argparse.Namespace) -> int:
    store = open_store(ledger, [])
    try:
        return export_ledger(
            store, out, begin=args.begin, end=args.end, encoding=str(args.encoding)
        )
    finally:
        store.close()
