"""What runs left behind: report, compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness import i18n
from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``report`` and ``compare``."""
    _add_report(commands)
    _add_compare(commands)


def _add_report(commands: Any) -> None:
    parser = common.add(commands, "report", _report, tr("render a run folder again"))
    parser.add_argument("folder", metavar="RUN", help=tr("folder that a run wrote"))


def _report(args: argparse.Namespace) -> int:
    from harness.evidence.verdict import EXIT_CODES  # noqa: PLC0415 - only where it is needed
    from harness.report import run as report  # noqa: PLC0415 - only where it is needed
    from harness.scenario import command, progress  # noqa: PLC0415 - pytest is slow to import

    folder = Path(args.folder)
    if not any((folder / name).is_file() for name in ("plan.json", "run.json")):
        raise InputError(tr("not a run folder: {folder}", folder=folder), where=str(folder))
    model = report.write(folder, lang=i18n.current())
    print(progress.verdict_table(model, folder))
    code = EXIT_CODES[model.verdict]
    if args.json:
        common.print_json(command.result(model, folder, code))
    return code


def _add_compare(commands: Any) -> None:
    parser = common.add(
        commands, "compare", _compare, tr("compare the run before an upgrade with the one after")
    )
    parser.add_argument("before", metavar="BEFORE", help=tr("run folder before"))
    parser.add_argument("after", metavar="AFTER", help=tr("run folder after"))
    parser.add_argument(
        "--noise",
        action="append",
        default=[],
        metavar="RUN",
        help=tr("a further run before: what differs there is new in each run"),
    )
    parser.add_argument(
        "--approved", default="", metavar="PATH", help=tr("approvals: TOML file or folder")
    )
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))


def _compare(args: argparse.Namespace) -> int:
    from harness.upgrade import command  # noqa: PLC0415 - only where it is needed

    request = command.Request(
        before=Path(args.before),
        after=Path(args.after),
        noise=tuple(Path(one) for one in args.noise),
        approved=Path(args.approved) if args.approved else None,
        out=Path(args.out or "compare-out"),
        json=args.json,
    )
    return command.compare(request)
