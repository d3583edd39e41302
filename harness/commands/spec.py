"""``spec``: versions of the settlement interface as data, and what an upgrade changes."""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points
from typing import Any, Final

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr

ENTRY: Final = "compare-specifications"
"""The entry point of ``medharness.simulators`` that knows the interface."""


def add(commands: Any) -> None:
    """``spec`` and its one sub-command."""
    text = tr("compare two versions of the settlement interface")
    parser = common.add(commands, "spec", _spec, text)
    parts = parser.add_subparsers(dest="spec", required=True, metavar="COMMAND")
    compare = parts.add_parser("compare", help=text, description=text)
    version = tr("a version that ships, or a JSON file")
    compare.add_argument("before", metavar="BEFORE", help=version)
    compare.add_argument("after", metavar="AFTER", help=version)
    compare.add_argument(
        "--transaction",
        action="append",
        default=[],
        metavar="N",
        help=tr("only this transaction; may be given again"),
    )
    compare.add_argument(
        "--breaking", action="store_true", help=tr("only what may have a sender refused")
    )
    common.inner(compare)


def _spec(args: argparse.Namespace) -> int:
    found = entry_points(group="medharness.simulators", name=ENTRY)
    if not found:
        raise InputError(tr("nothing that knows the settlement interface is installed"))
    return int(next(iter(found)).load()(args))
