"""``reconcile``: two or three ledgers, row by row."""

from __future__ import annotations

import argparse
from typing import Any

from harness.commands import common
from harness.i18n import tr
from harness.ledger import cut_options, period_options, uploads_options

SIDES = ("his", "centre", "channel")


def add(commands: Any) -> None:
    """Its options."""
    parser = common.add(commands, "reconcile", _reconcile, tr("reconcile two or three ledgers"))
    for side in SIDES:
        parser.add_argument(
            f"--{side}",
            default="",
            required=side != "channel",
            metavar="SRC",
            help=tr("ledger: file, folder or database URL"),
        )
        parser.add_argument(
            f"--{side}-query", default="", metavar="SQL", help=tr("SELECT for a database URL")
        )
    text = tr("province profile")
    parser.add_argument("--province", default="", metavar="P", help=text)
    parser.add_argument("--engine", default="", metavar="E", help="duckdb, sqlite, spark")
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))
    text = tr("own names of the columns, TOML")
    parser.add_argument("--columns", default="", metavar="FILE", help=text)
    text = tr("how many days a proposed pair may lie apart")
    parser.add_argument("--tolerance-days", type=int, default=3, metavar="N", help=text)
    text = tr("folder that remembers open rows and closed keys")
    parser.add_argument("--state", default="", metavar="DIR", help=text)
    text = tr("such a folder, only read")
    parser.add_argument("--carry-from", default="", metavar="DIR", help=text)
    text = tr("how many days an open row is carried")
    parser.add_argument("--grace-days", type=int, default=3, metavar="N", help=text)
    for name, text in (
        ("--trace", tr("run folder whose traces are evidence")),
        ("--log", tr("interface log as evidence: JSON lines, or text with --log-pattern")),
    ):
        parser.add_argument(name, action="append", default=[], metavar="PATH", help=text)
    text = tr("heads of a log that is text: a regular expression with named groups, or @FILE")
    parser.add_argument("--log-pattern", default="", metavar="RE", help=text)
    cut_options.add(parser)
    period_options.add(parser)
    uploads_options.add(parser)


def _reconcile(args: argparse.Namespace) -> int:
    from harness.ledger import command  # noqa: PLC0415 - only where it is needed

    request = command.Request(
        sources={side: getattr(args, side) for side in SIDES if getattr(args, side)},
        queries={side: getattr(args, f"{side}_query") for side in SIDES},
        out=args.out,
        engine=args.engine,
        columns=args.columns,
        province=args.province,
        tolerance_days=args.tolerance_days,
        traces=(*args.trace, *args.log),
        log_pattern=args.log_pattern,
        state=args.state,
        carry_from=args.carry_from,
        grace_days=args.grace_days,
        json=args.json,
        quiet=args.json,
        further=args,
    )
    return command.reconcile(request)
