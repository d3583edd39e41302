"""What a run left behind: report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness import i18n
from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``report``."""
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
