"""``record``: stand in line at a site and write down what passes."""

from __future__ import annotations

import argparse
from typing import Any

from harness.cases.record import run
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``record``."""
    text = tr("stand in line between the systems of a site and write down what passes, unchanged")
    parser = common.add(commands, "record", _record, text)
    parser.add_argument("--profile", required=True, metavar="P",
                        help=tr("site profile: file or name"))  # fmt: skip
    parser.add_argument("--out", required=True, metavar="DIR",
                        help=tr("folder of the recording"))  # fmt: skip
    parser.add_argument("--durable", action="store_true",
                        help=tr("every piece is on the disk before it goes on"))  # fmt: skip


def _record(args: argparse.Namespace) -> int:
    return run(args.profile, args.out, durable=args.durable, as_json=args.json)
