"""``objects``: DICOM files checked without a network."""

from __future__ import annotations

import argparse
from typing import Any

from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """One command."""
    text = tr("check DICOM objects offline: modules, values, pixels, one against another")
    parser = common.add(commands, "objects", _objects, text)
    parser.add_argument("paths", nargs="+", metavar="PATH", help=tr("files or folders"))
    parser.add_argument("--worklist", default="", metavar="FILE",
                        help=tr("JSON with the values that the worklist gave"))  # fmt: skip
    parser.add_argument("--no-second-opinion", action="store_true",
                        help=tr("do not ask dciodvfy, where it is installed"))  # fmt: skip


def _objects(args: argparse.Namespace) -> int:
    from harness.dicomcheck import command, second  # noqa: PLC0415 - only where it is needed

    asked = None if args.no_second_opinion else second.installed()
    return command.run(args.paths, args.worklist, as_json=args.json, second=asked)
