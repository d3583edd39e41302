"""The harness's own quality: selfcheck."""

from __future__ import annotations

import argparse
from typing import Any

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``selfcheck``."""
    parser = common.add(commands, "selfcheck", _selfcheck, tr("measure the harness itself"))
    parser.add_argument(
        "part",
        nargs="?",
        choices=("settlement", "imaging", "upgrade"),
        help=tr(
            "only this: settlement explores every message, fault and power cut;"
            " imaging plays PACS and RIS over TCP, clean and with each defect;"
            " upgrade compares release 1 of the built-in hospital with release 2"
        ),
    )
    parser.add_argument("--quick", action="store_true", help=tr("a slice, for every commit"))
    common.seed(parser)
    common.defects(parser)
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))
    parser.add_argument(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help=tr("processes that play; 0: one a processor, for settlement one alone"),
    )
    parser.add_argument(
        "--page", default="", metavar="FILE", help=tr("write the table of imaging as a page too")
    )


def _selfcheck(args: argparse.Namespace) -> int:
    if args.part == "settlement":
        from harness.selfcheck.settlement import settlement  # noqa: PLC0415 - as below

        return settlement(
            quick=args.quick,
            seed=args.seed,
            defects=args.defect,
            out=args.out,
            as_json=args.json,
            jobs=args.jobs or 1,
        )
    if args.part == "imaging":
        from harness.selfcheck.imaging import imaging  # noqa: PLC0415 - as below

        return imaging(
            quick=args.quick,
            seed=args.seed,
            defects=args.defect,
            out=args.out,
            page_to=args.page,
            as_json=args.json,
        )
    if args.part == "upgrade":
        from harness.selfcheck.upgrade import upgrade  # noqa: PLC0415 - as below

        return upgrade(
            quick=args.quick,
            seed=args.seed,
            defects=args.defect,
            out=args.out,
            as_json=args.json,
        )
    from harness.selfcheck.whole import selfcheck  # noqa: PLC0415 - only where it is needed

    if args.jobs < 0:
        raise InputError(tr("--jobs takes 0 or more"))
    return selfcheck(
        quick=args.quick, seed=args.seed, out=args.out, as_json=args.json, jobs=args.jobs
    )
