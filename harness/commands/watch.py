"""An upgrade window: watch."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``watch``."""
    parser = common.add(
        commands, "watch", _watch,
        tr("stand in line through an upgrade and count what is lost, repeated, late, out of order"),
    )  # fmt: skip
    for option, kind, default, metavar, text in (
        ("--profile", str, None, "P", tr("site profile: file or name")),
        ("--minutes", float, 0.0, "N", tr("how long; without it until Ctrl-C")),
        ("--late", float, 0.0, "S",
         tr("an answer after S seconds is late; default: the profile's answer_s, or 10")),
        ("--outage-max", float, None, "S",
         tr("fail where a line is out of service for more seconds")),
        ("--weeks", int, 4, "N", tr("weeks that rows an hour are compared with; 0 counts none")),
        ("--every", float, 30.0, "S", tr("seconds between two probes of a link")),
        ("--out", str, "", "DIR", tr("folder of the result")),
    ):  # fmt: skip
        parser.add_argument(option, type=kind, default=default, metavar=metavar, help=text,
                            required=option == "--profile")  # fmt: skip
    for option, metavar, text in (
        ("--follow", "IN=OUT[:TYPE,...]", tr("what one link takes in must come out of another")),
        ("--probe", "LINK=FILE", tr("message of the probes of a link, with {hole}", hole="{id}")),
    ):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=text)
    parser.add_argument("--active", action="store_true",
                        help=tr("send marked probes too; production needs the permit"))  # fmt: skip


def _watch(args: argparse.Namespace) -> int:
    from harness.contract.command import pairs  # noqa: PLC0415 - only where it is needed
    from harness.watch import command  # noqa: PLC0415 - only where it is needed
    from harness.watch.window import Options  # noqa: PLC0415 - only where it is needed

    for option in ("minutes", "late", "every", "weeks", "outage_max"):
        value = getattr(args, option)
        if value is not None and (value < 0 or (option == "every" and not value)):
            name = f"--{option.replace('_', '-')}"
            raise InputError(tr("{option} cannot be {value}", option=name, value=value))
    options = Options(
        active=args.active, every_s=args.every, late_s=args.late,
        follows=command.follows(args.follow), weeks=args.weeks, run=int(time.time()),
        templates={name: Path(one) for name, one in pairs(args.probe, "--probe").items()},
    )  # fmt: skip
    return command.watch(
        command.Request(
            profile=args.profile, options=options, seconds=60 * args.minutes,
            outage_max_s=args.outage_max, out=Path(args.out or "watch-out"), json=args.json,
        ),
        os.environ,
    )  # fmt: skip
