"""Between real systems: relay."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``relay``."""
    parser = common.add(
        commands, "relay", _relay,
        tr("stand in line between real systems: record everything, inject faults"),
    )  # fmt: skip
    parser.add_argument("--profile", required=True, metavar="P",
                        help=tr("site profile: file or name"))  # fmt: skip
    parser.add_argument("--link", action="append", default=[], metavar="LINK",
                        help=tr("only this link; default: all that have a relay"))  # fmt: skip
    parser.add_argument(
        "--fault", action="append", default=[], metavar="LINK=ACTION[:TEXT[:N]]",
        help=tr("what happens to messages that hold TEXT, at the N-th delivery of each"),
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=0.0, metavar="N",
                        help=tr("how long; without it until Ctrl-C"))  # fmt: skip
    parser.add_argument("--out", required=True, metavar="DIR", help=tr("folder of the result"))


def _relay(args: argparse.Namespace) -> int:
    from harness.inline import command  # noqa: PLC0415 - only where it is needed

    if args.minutes < 0:
        raise InputError(tr("{option} cannot be {value}", option="--minutes", value=args.minutes))
    request = command.Request(
        profile=args.profile, links=args.link, faults=args.fault, seconds=args.minutes * 60,
        out=Path(args.out), json=args.json,
    )  # fmt: skip
    return command.run(request, os.environ)
