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
    parser.add_argument(
        "--for",
        dest="audience",
        choices=("internal", "external"),
        default="",
        help=tr("internal: nothing is hidden; external: masked, and searched for what leaked"),
    )
    parser.add_argument(
        "--profile",
        default="",
        metavar="P",
        help=tr("whose signed test patients are searched for, too; default: that of the run"),
    )


def _report(args: argparse.Namespace) -> int:
    from harness.evidence.verdict import EXIT_CODES  # noqa: PLC0415 - only where it is needed
    from harness.report import leaks  # noqa: PLC0415 - only where it is needed
    from harness.report import run as report  # noqa: PLC0415 - only where it is needed
    from harness.scenario import command, progress  # noqa: PLC0415 - pytest is slow to import
    from harness.site import vault  # noqa: PLC0415 - only where it is needed

    folder = Path(args.folder)
    if not any((folder / name).is_file() for name in ("plan.json", "run.json")):
        raise InputError(tr("not a run folder: {folder}", folder=folder), where=str(folder))
    vault.refuse_sealed(folder)
    outside = args.audience == "external"
    subjects = leaks.signed_of(folder, args.profile) if outside else ()  # before a page is there
    trouble = command.write_left(folder)
    model = report.write(
        folder,
        lang=i18n.current(),
        masked=True if outside else None,
        internal=args.audience == "internal",
        people=subjects or (),
    )
    if outside:
        leaks.check(folder, subjects or ())
        if subjects is None and model.masked:
            print(tr("the page was not searched for signed test patients: the profile of the run"
                     " is not here, or was changed; name it with --profile"))  # fmt: skip
    print(progress.verdict_table(model, folder))
    if trouble:
        print(trouble)
    code = EXIT_CODES[model.verdict]
    if args.json:
        common.print_json(command.result(model, folder, code))
    return code


def _add_compare(commands: Any) -> None:
    parser = common.add(
        commands, "compare", _compare, tr("compare the run before an upgrade with the one after")
    )
    parser.add_argument("before", nargs="?", metavar="BEFORE", help=tr("run folder before"))
    parser.add_argument("after", nargs="?", metavar="AFTER", help=tr("run folder after"))
    parser.add_argument(
        "--rehearsal", nargs=2, default=[], metavar=("BEFORE", "AFTER"),
        help=tr("run folders of a rehearsal; with --production"),
    )  # fmt: skip
    parser.add_argument(
        "--production", default="", metavar="RUN",
        help=tr("a run in production: tells what the version changes from what is configuration"),
    )  # fmt: skip
    parser.add_argument(
        "--day", default="", metavar="PATH",
        help=tr("recorded traffic of an ordinary working day in place of the run before"),
    )  # fmt: skip
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
    parser.add_argument(
        "--severity", default="", metavar="FILE", help=tr("grades by interface: TOML file")
    )
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))


def _compare(args: argparse.Namespace) -> int:
    from harness.upgrade import command  # noqa: PLC0415 - only where it is needed

    if args.rehearsal or args.production:
        return _rehearse(args)
    if args.day:
        return _day(args)
    if not (args.before and args.after):
        raise InputError(tr("compare needs BEFORE and AFTER"))
    request = command.Request(
        before=Path(args.before),
        after=Path(args.after),
        noise=tuple(Path(one) for one in args.noise),
        approved=Path(args.approved) if args.approved else None,
        severity=Path(args.severity) if args.severity else None,
        out=Path(args.out or "compare-out"),
        json=args.json,
    )
    return command.compare(request)


def _rehearse(args: argparse.Namespace) -> int:
    from harness.rehearsal import rehearse  # noqa: PLC0415 - only where it is needed

    if not (args.rehearsal and args.production) or args.before or args.day:
        raise InputError(
            tr("--rehearsal BEFORE AFTER and --production RUN belong together, and alone")
        )
    before, after = args.rehearsal
    return rehearse.rehearse(
        rehearse.Request(
            before=Path(before),
            after=Path(after),
            production=Path(args.production),
            severity=Path(args.severity) if args.severity else None,
            noise=tuple(Path(one) for one in args.noise),
            approved=Path(args.approved) if args.approved else None,
            out=Path(args.out or "compare-out"),
            json=args.json,
        )
    )


def _day(args: argparse.Namespace) -> int:
    from harness.rehearsal.command import compare_day  # noqa: PLC0415 - only where it is needed

    if not args.before or args.after or args.noise:
        raise InputError(tr("--day PATH takes the run or the day after, and no further run"))
    return compare_day(
        Path(args.day),
        Path(args.before),
        Path(args.approved) if args.approved else None,
        Path(args.out or "compare-out"),
        as_json=args.json,
        graded=Path(args.severity) if args.severity else None,
    )
