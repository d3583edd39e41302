"""Which versions were verified together: matrix."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``matrix``."""
    parser = common.add(
        commands, "matrix", _matrix, tr("which versions of which systems were verified together")
    )
    parser.add_argument("folders", nargs="+", metavar="RUN", help=tr("folders that runs wrote"))
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))


def _matrix(args: argparse.Namespace) -> int:
    from harness.signoff.matrix import matrix  # noqa: PLC0415 - only where it is needed

    folders = [Path(one) for one in args.folders]
    return matrix(folders, Path(args.out or "matrix-out"), as_json=args.json)
