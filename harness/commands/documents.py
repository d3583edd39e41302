"""``documents``: XML documents and messages, without a run."""

from __future__ import annotations

import argparse
from typing import Any

from harness.clock import RealClock
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``documents check``."""
    text = tr("check XML documents: shared documents, V3 messages, and what is embedded in them")
    parser = common.add(commands, "documents", _documents, text)
    inner = parser.add_subparsers(dest="documents", required=True, metavar="COMMAND")
    check = inner.add_parser("check", help=tr("hold them against schemas, rules and each other"))
    check.add_argument("paths", nargs="+", metavar="PATH", help=tr("XML files, folders of them"))
    for option, hole, text in (
        ("--schema", "XSD", tr("an XML schema of the site; may be repeated")),
        ("--schematron", "SCH", tr("an ISO Schematron of the site; may be repeated")),
        ("--rules", "NAME", tr("rule file, or the name of one that ships; default: all that ship")),
    ):
        check.add_argument(option, action="append", default=[], metavar=hole, help=text)
    check.add_argument("--waivers", default="", metavar="FILE",
                       help=tr("TOML file of what the site accepts, and until when"))  # fmt: skip
    common.inner(check)


def _documents(args: argparse.Namespace) -> int:
    from harness.xmldoc import command  # noqa: PLC0415 - only where it is needed

    return command.run_check(
        args.paths,
        today=RealClock().wall().date(),
        schemas=args.schema,
        schematrons=args.schematron,
        rules=args.rules,
        waivers=args.waivers,
        as_json=args.json,
    )
