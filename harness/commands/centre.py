"""A centre of insurance that others run: ``centre probe``."""

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
    parser = common.add(commands, "centre", _centre, tr("look at a centre that others run"))
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


def _centre(args: argparse.Namespace) -> int:
    name = f"{_CENTRE}{args.centre}"
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return int(entry.load()(args))
    raise InputError(
        tr("nothing that is installed carries out {name}", name=f"centre {args.centre}"),
        remedy=tr("install medharness again"),
    )
