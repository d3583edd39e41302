"""Options of ``reconcile`` for fee lines and the period.

Imports nothing heavy: every command builds the parser.
"""

from __future__ import annotations

import argparse

from harness.i18n import tr


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the reconcile command."""
    parser.add_argument("--his-detail", metavar="FILE", help=tr("HIS fee lines"))
    parser.add_argument(
        "--centre-detail", metavar="FILE", help=tr("the centre's fee lines (5204, 2204, 2301)")
    )
    parser.add_argument(
        "--period", nargs=2, metavar=("FROM", "TO"), help=tr("first and last day, 2026-09-01")
    )
    parser.add_argument("--stated-his", metavar="YUAN", help=tr("HIS total as finance states it"))
    parser.add_argument(
        "--stated-centre", metavar="YUAN", help=tr("centre total as finance states it")
    )
