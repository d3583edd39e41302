"""Tables of a site that decide what a code means: ``mapping`` (对码) and ``labmap``."""

from __future__ import annotations

import argparse
from typing import Any

from harness import i18n
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``mapping`` and ``labmap``, each with its own sub-commands."""
    from harness.ledger import mapping_options  # noqa: PLC0415 - a module without a database

    parser = common.add(commands, "mapping", _mapping, tr("check and compare 对码 tables"))
    for one in mapping_options.add(parser):
        common.inner(one)
    parser = common.add(commands, "labmap", _labmap, tr("check and compare analyzer item maps"))
    maps = parser.add_subparsers(dest="labmap", required=True, metavar="COMMAND")
    check = maps.add_parser("check", help=tr("check a map and print how to prove each row"))
    check.add_argument("file", metavar="FILE", help=tr("item map: CSV, XLSX or TOML"))
    compare = maps.add_parser("compare", help=tr("compare a map before and after"))
    compare.add_argument("before", metavar="BEFORE", help=tr("item map before"))
    compare.add_argument("after", metavar="AFTER", help=tr("item map after"))
    prove = maps.add_parser("prove", help=tr("prove each row of a map against the LIS"))
    prove.add_argument("file", metavar="FILE", help=tr("item map: CSV, XLSX or TOML"))
    prove.add_argument(
        "--model", default="chemistry", metavar="NAME", help=tr("analyzer model that sends")
    )
    common.profile(prove)
    common.seed(prove)
    common.defects(prove)
    prove.add_argument(
        "--out", default="", metavar="DIR", help=tr("run folder; default: runs/TIME")
    )
    common.inner(prove)
    for one in (check, compare):
        one.add_argument(
            "--encoding", default="", metavar="E", help=tr("of a CSV file; found by itself")
        )
        common.inner(one)


def _mapping(args: argparse.Namespace) -> int:
    from harness.ledger import mapping_command  # noqa: PLC0415 - only where it is needed

    run = mapping_command.lint if args.mapping == "lint" else mapping_command.compare
    return run(args)


def _labmap(args: argparse.Namespace) -> int:
    from harness.labmap import command  # noqa: PLC0415 - only where it is needed

    if args.labmap == "prove":
        return _prove(args)
    options: dict[str, Any] = {"encoding": args.encoding, "as_json": args.json}
    if args.labmap == "check":
        return command.run_check(args.file, **options)
    return command.run_compare(args.before, args.after, **options)


def _prove(args: argparse.Namespace) -> int:
    from harness.labmap import command  # noqa: PLC0415 - only where it is needed
    from harness.scenario.command import Request  # noqa: PLC0415 - pytest is slow to import

    request = Request(
        profile=args.profile,
        seed=args.seed,
        defects=tuple(args.defect),
        out=args.out,
        lang=i18n.current(),
        json=args.json,
        verbose=args.verbose,
    )
    return command.run_prove(args.file, request, analyzer=args.model)
