"""The options of ``medharness mapping``, apart from what carries it out: no database is loaded."""

from __future__ import annotations

import argparse

from harness.i18n import tr


def add(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add ``lint`` and ``compare`` to the mapping command; gives their parsers."""
    commands = parser.add_subparsers(dest="mapping", required=True, metavar="COMMAND")
    first = commands.add_parser("lint", help=tr("check the HIS catalogue against the centre's"))
    first.add_argument("--his", required=True, metavar="FILE", help=tr("HIS catalogue"))
    first.add_argument(
        "--matches", required=True, metavar="FILE", help=tr("own matches, rows of 1317 or 3301")
    )
    first.add_argument("--catalogue", metavar="FILE", help=tr("rows of 1316"))
    first.add_argument("--limits", metavar="FILE", help=tr("price limits, rows of 1318"))
    first.add_argument("--ratios", metavar="FILE", help=tr("self-pay ratios, rows of 1319"))
    first.add_argument("--on", metavar="DAY", help=tr("the day that counts, today by default"))
    second = commands.add_parser("compare", help=tr("compare the matches before and after"))
    second.add_argument("--before", required=True, metavar="FILE", help=tr("matches before"))
    second.add_argument("--after", required=True, metavar="FILE", help=tr("matches after"))
    for one in (first, second):
        one.add_argument("--bills", metavar="FILE", help=tr("fee lines, for the effect in yuan"))
        one.add_argument("--out", metavar="DIR", help=tr("folder for mapping.xlsx, mapping.json"))
    return [first, second]
