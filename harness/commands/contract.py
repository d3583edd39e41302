"""What a system promises, without traffic: contract snapshot, contract compare."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``contract snapshot`` and ``contract compare``."""
    parser = common.add(
        commands, "contract", _none, tr("what systems promise, without traffic: before and after")
    )
    inner = parser.add_subparsers(dest="contract", metavar="COMMAND", required=True)
    _add_snapshot(inner)
    text = tr("compare two snapshots")
    two = inner.add_parser("compare", help=text, description=text)
    common.inner(two)
    two.add_argument("before", metavar="BEFORE", help=tr("snapshot before: file or folder"))
    two.add_argument("after", metavar="AFTER", help=tr("snapshot after: file or folder"))
    two.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))
    two.set_defaults(run=_compare)


def _add_snapshot(inner: Any) -> None:
    text = tr("look at databases, interface files, DICOM, dialects and workstations, read-only")
    one = inner.add_parser("snapshot", help=text, description=text)
    common.inner(one)
    one.add_argument("--profile", default="", metavar="P", help=tr("site profile: file or name"))
    one.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))
    for option, metavar, said in (
        ("--database", "NAME=URL",
         tr("a further database: sqlite:PATH, postgresql://…, oracle://… or mssql://…")),
        ("--table", "NAME=TABLE:KEY,KEY",
         tr("a table of a database or role that is read row by row: 对码, configuration")),
        ("--files", "NAME=PATH", tr("WSDL, XSD and other files of an interface")),
        ("--traffic", "NAME=PATH", tr("recorded HL7, of which the dialect is learned")),
        ("--imaging", "NAME=PATH",
         tr("recorded DICOM: which transfer syntaxes are offered, taken and used")),
        ("--workstation", "NAME=PATH", tr("a folder copied from a workstation, or a share")),
    ):  # fmt: skip
        one.add_argument(option, action="append", default=[], metavar=metavar, help=said)
    one.set_defaults(run=_snapshot)


def _none(args: argparse.Namespace) -> int:  # argparse asks for a sub-command before
    raise AssertionError(args)


def _snapshot(args: argparse.Namespace) -> int:
    from harness.contract import command  # noqa: PLC0415 - only where it is needed
    from harness.contract.take import Named  # noqa: PLC0415 - only where it is needed

    def paths(words: list[str], option: str) -> dict[str, Path]:
        return {name: Path(value) for name, value in command.pairs(words, option).items()}

    named = Named(
        databases=command.pairs(args.database, "--database"),
        tables=command.tables(args.table),
        files=paths(args.files, "--files"),
        traffic=paths(args.traffic, "--traffic"),
        imaging=paths(args.imaging, "--imaging"),
        workstations=paths(args.workstation, "--workstation"),
    )
    out = Path(args.out or "contract-out")
    return command.snapshot(args.profile, named, out, environ=os.environ, as_json=args.json)


def _compare(args: argparse.Namespace) -> int:
    from harness.contract import command  # noqa: PLC0415 - only where it is needed

    out = Path(args.out or "contract-compare-out")
    return command.compare(Path(args.before), Path(args.after), out, as_json=args.json)
