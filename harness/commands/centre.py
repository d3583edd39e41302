"""A centre of insurance: ``centre probe`` of one that others run; of ours, the rest.

``export`` its ledger, ``import`` a hospital's codes and test persons, ``arm`` a terminal.
"""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points
from typing import Any, Final

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr

GROUP: Final = "medharness.simulators"
_CENTRE: Final = "centre-"
"""An entry point of the group so named carries out one sub-command."""


def add(commands: Any) -> None:
    """``centre`` with its sub-commands."""
    parser = common.add(
        commands, "centre", _centre, tr("look at a centre; export, import into, or arm ours")
    )
    inner = parser.add_subparsers(dest="centre", required=True, metavar="COMMAND")
    text = tr("ask a centre harmless questions and say where it differs from its profile")
    probe = inner.add_parser("probe", help=text, description=text)
    common.profile(probe)
    common.seed(probe)
    probe.add_argument(
        "--endpoint",
        default="",
        metavar="NAME",
        help=tr("endpoint of the profile that leads there"),
    )
    probe.add_argument(
        "--write",
        action="store_true",
        help=tr("also settle one visit of the test person and take it back (test environment)"),
    )
    probe.add_argument(
        "--discover",
        action="store_true",
        help=tr("try the other known gateways where the profile's is turned away"),
    )
    probe.add_argument("--out", default="", metavar="FILE", help=tr("write the JSON report here"))
    common.inner(probe)
    _export(inner)
    _import(inner)
    _arm(inner)


def _export(inner: Any) -> None:
    text = tr("write the ledger of our centre as CSV, also while the centre runs")
    export = inner.add_parser("export", help=text, description=text)
    export.add_argument(
        "--ledger", required=True, metavar="URL", help=tr("SQLite file or postgresql://")
    )
    export.add_argument("--out", required=True, metavar="FILE", help=tr("CSV file to write"))
    export.add_argument("--begin", default="", metavar="DAY", help=tr("first day"))
    export.add_argument("--end", default="", metavar="DAY", help=tr("last day"))
    export.add_argument(
        "--encoding", default="utf-8", metavar="E", help=tr("utf-8, gbk or gb18030")
    )
    common.inner(export)


def _import(inner: Any) -> None:
    text = tr("take the codes and test persons of a real hospital into our centre")
    parser = inner.add_parser("import", help=text, description=text)
    parser.add_argument(
        "--ledger", required=True, metavar="URL", help=tr("SQLite file or postgresql://")
    )
    parser.add_argument(
        "--institution", default="", metavar="FILE", help=tr("institutions: CSV or XLSX")
    )
    parser.add_argument(
        "--catalogue", default="", metavar="FILE", help=tr("items of the insurance: CSV or XLSX")
    )
    parser.add_argument(
        "--mapping", default="", metavar="FILE", help=tr("对码 of the hospital: CSV or XLSX")
    )
    parser.add_argument(
        "--departments", default="", metavar="FILE", help=tr("departments: CSV or XLSX")
    )
    parser.add_argument(
        "--doctors", default="", metavar="FILE", help=tr("doctors of the insurance: CSV or XLSX")
    )
    parser.add_argument(
        "--persons", default="", metavar="FILE", help=tr("test persons: CSV or XLSX")
    )
    parser.add_argument(
        "--profile",
        default="",
        metavar="P",
        help=tr("site profile whose signed test patients may be among the persons"),
    )
    common.seed(parser)
    common.inner(parser)


def _arm(inner: Any) -> None:
    text = tr("let the next unknown card, code or token from a terminal be a test person, once")
    parser = inner.add_parser("arm", help=text, description=text)
    parser.add_argument(
        "person",
        nargs="?",
        default="",
        metavar="PERSON",
        help=tr("number, identity card, card or name of a person of the centre"),
    )
    parser.add_argument(
        "--terminal",
        default="",
        metavar="T",
        help=tr("dev_no of the terminal's messages, or opter where that is empty"),
    )
    parser.add_argument(
        "--ledger",
        required=True,
        metavar="URL",
        help=tr("ledger of the running centre: SQLite file or postgresql://"),
    )
    parser.add_argument(
        "--minutes", type=int, default=10, metavar="N", help=tr("how long it waits; default 10")
    )
    parser.add_argument(
        "--replace", action="store_true", help=tr("in the place of what the terminal is armed with")
    )
    parser.add_argument(
        "--withdraw", action="store_true", help=tr("take back what waits for the terminal")
    )
    parser.add_argument(
        "--list", action="store_true", help=tr("show every arming and what became of it")
    )
    common.inner(parser)


def _centre(args: argparse.Namespace) -> int:
    name = f"{_CENTRE}{args.centre}"
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return int(entry.load()(args))
    raise InputError(
        tr("nothing that is installed carries out {name}", name=f"centre {args.centre}"),
        remedy=tr("install medharness again"),
    )
