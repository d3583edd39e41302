"""Options of ``reconcile`` that cut the ledgers: by hospital, batch, receipts, time.

Imports nothing heavy: every command builds the parser.
"""

from __future__ import annotations

import argparse

from harness.i18n import tr


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the reconcile command."""
    parser.add_argument(
        "--by-hospital",
        default="",
        metavar="COLUMN",
        help=tr("column that names the hospital: rows of two hospitals are never paired"),
    )
    parser.add_argument(
        "--hospital-parts",
        default="",
        metavar="DIR",
        help=tr(
            "with --by-hospital: write both ledgers as a Parquet data set by hospital into DIR,"
            " and reconcile one hospital after another from it"
        ),
    )
    parser.add_argument(
        "--his-time",
        nargs=2,
        metavar=("FROM", "TO"),
        help=tr("judge only HIS rows settled from FROM to TO (day or moment, both included)"),
    )
    parser.add_argument(
        "--his-batch",
        action="append",
        default=[],
        metavar="NO",
        help=tr("judge only HIS rows of this day-close batch; may be given several times"),
    )
    parser.add_argument(
        "--his-receipts",
        nargs=2,
        metavar=("FROM", "TO"),
        help=tr("judge only HIS rows with receipt numbers from FROM to TO, both included"),
    )
