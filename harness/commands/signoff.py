"""What is signed: sign."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``sign``."""
    parser = common.add(
        commands, "sign", _sign, tr("write the report that is signed after an upgrade")
    )
    parser.add_argument("run_folder", metavar="RUN", help=tr("run folder after"))
    for option, metavar, text in (
        ("--before", "RUN", tr("run folder before")),
        ("--compared", "DIR", tr("result of compare")),
        ("--contract", "DIR", tr("result of contract compare")),
        ("--facts", "FILE", tr("TOML file: site, operators, checks by eye, reservation")),
        ("--watched", "DIR", tr("result of watch")),
        ("--doctor", "FILE", tr("output of doctor --json")),
        ("--template", "FILE", tr("the hospital's own form: DOCX with placeholders")),
        ("--out", "DIR", tr("folder of the result")),
    ):
        parser.add_argument(option, default="", metavar=metavar, help=text)
    parser.add_argument("--reconciled", action="append", default=[], metavar="DIR",
                        help=tr("result of reconcile"))  # fmt: skip


def _sign(args: argparse.Namespace) -> int:
    from harness.signoff import command  # noqa: PLC0415 - only where it is needed

    def path(text: str) -> Path | None:
        return Path(text) if text else None

    return command.sign(
        command.Request(
            run=Path(args.run_folder), before=path(args.before), comparison=path(args.compared),
            reconciled=tuple(Path(one) for one in args.reconciled), contract=path(args.contract),
            facts=path(args.facts), watched=path(args.watched), doctor=path(args.doctor),
            template=path(args.template), out=Path(args.out or "signoff-out"), json=args.json,
        )
    )  # fmt: skip
