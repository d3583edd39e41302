"""``medharness centre arm``: the next unknown card from a terminal is this person.

It writes into the ledger of the centre, also while that runs; the centre looks there whenever
somebody shows what it does not know.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from simulators import foreground
from simulators.centre import arming
from simulators.centre.clock import CentreClock
from simulators.centre.ledger import SCHEMA
from simulators.store import Store, open_store

_URL: Final = re.compile(r"postgres(ql)?://")


def arm(args: argparse.Namespace) -> int:
    """Arm ``person`` for ``--terminal``; or ``--list``, or ``--withdraw``, in ``--ledger``.

    Raises:
        InputError: there is no such ledger, person or arming, or the terminal is armed already.
    """
    ledger = str(args.ledger)
    if not _URL.match(ledger) and not Path(ledger).is_file():
        raise InputError(
            tr("there is no ledger here"),
            where=ledger,
            remedy=tr("name the --ledger that the centre was started with"),
        )
    if not args.list and not args.terminal:
        raise InputError(tr("say which terminal: --terminal T"))
    if bool(args.person) == bool(args.list or args.withdraw):
        raise InputError(tr("say one of: a person, --list, --withdraw"))
    try:
        store = open_store(ledger, SCHEMA)
        try:
            result = _done(args, store, CentreClock(RealClock()).wall())
        finally:
            store.close()
    except sqlite3.DatabaseError as error:
        raise InputError(
            tr("this is no ledger of the centre: {reason}", reason=error), where=ledger
        ) from error
    return foreground.finish(result, 0, as_json=args.json)


def _done(args: argparse.Namespace, store: Store, at: datetime) -> dict[str, Any]:
    if args.list:
        return _listed(args, store, at)
    if args.withdraw:
        store.commit(arming.withdraw(store, args.terminal, at))
        if not args.json:
            foreground.say(
                tr("nothing is armed for terminal {terminal} any more", terminal=args.terminal)
            )
        return {"terminal": args.terminal, "withdrawn": True}
    row, statements = arming.arm(
        store, 0, args.person, args.terminal, at, minutes=args.minutes, again=args.replace
    )
    store.commit(statements)
    if not args.json:
        foreground.say(
            tr(
                "the next unknown card, code or token from terminal {terminal} is {name} ({person})"
                " until {until}",
                terminal=row["terminal"],
                name=row["psn_name"],
                person=row["psn_no"],
                until=row["until"],
            )
        )
    return row


def _listed(args: argparse.Namespace, store: Store, at: datetime) -> dict[str, Any]:
    rows = arming.listed(store, at)
    words = {
        arming.OPEN: tr("waits"),
        arming.EXPIRED: tr("ended unused"),
        arming.USED: tr("was used"),
        arming.REPLACED: tr("was replaced"),
        arming.WITHDRAWN: tr("was taken back"),
    }
    if not args.json:
        for row in rows:
            told = " ".join(one for one in (row["kind"], row["infno"], row["msgid"]) if one)
            foreground.say(
                f"{row['armed_time']} - {row['until']}  {row['terminal']}"
                f"  {row['psn_no']}  {words[row['state']]}  {told}".rstrip()
            )
        if not rows:
            foreground.say(tr("nothing was ever armed here"))
    return {"armings": rows}
