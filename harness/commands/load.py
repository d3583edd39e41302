"""Load on the built-in hospital: load."""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points
from typing import Any, Final

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr

GROUP: Final = "medharness.simulators"
ENTRY: Final = "load"


def add(commands: Any) -> None:
    """``load``."""
    text = tr("many users of the built-in hospital at once, and what is there afterwards")
    parser = common.add(commands, "load", _load, text)
    for option, kind, default, metavar, text in (
        ("--profile", str, "", "P", tr("profile whose limits judge, in place of the plan's")),
        ("--plan", str, "", "FILE", tr("plan of the load; default: the one that ships")),
        ("--seconds", float, 0.0, "N", tr("for so long instead of the plan's time")),
        ("--scale", float, 1.0, "F", tr("so many times the users and rates of the plan")),
        ("--seed", int, 0, "N", tr("seed of everything generated; default: the plan's")),
        ("--workers", int, 1, "N", tr("worker processes of Locust; above 1 with a master")),
        ("--out", str, "", "DIR", tr("run folder")),
    ):
        parser.add_argument(option, type=kind, default=default, metavar=metavar, help=text)
    parser.add_argument("--plain", action="store_true", help=tr("without Locust, by threads alone"))
    common.defects(parser)


def _load(args: argparse.Namespace) -> int:
    for entry in entry_points(group=GROUP):
        if entry.name == ENTRY:
            return int(entry.load()(args))
    raise InputError(
        tr("nothing that is installed carries out {name}", name="load"),
        remedy=tr("install medharness again"),
    )
