"""Options of ``reconcile`` for what is uploaded beside settlements.

Imports nothing heavy: every command builds the parser.
"""

from __future__ import annotations

import argparse

from harness.i18n import tr


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the reconcile command."""
    for name, his, centre in (
        ("visits", tr("registrations that HIS holds"), tr("the centre's registrations (5201)")),
        ("boxes", tr("trace codes that HIS dispensed"), tr("the centre's trace codes (3513)")),
        ("lists", tr("settlement lists that HIS sent"), tr("the centre's lists (4103)")),
    ):
        for side, text in (("his", his), ("centre", centre)):
            parser.add_argument(f"--{side}-{name}", default="", metavar="SRC", help=text)
            parser.add_argument(
                f"--{side}-{name}-query",
                default="",
                metavar="SQL",
                help=tr("SELECT for a database URL"),
            )
