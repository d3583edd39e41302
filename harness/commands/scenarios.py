"""Scenarios: run, lint, steps."""

from __future__ import annotations

import argparse
from typing import Any

from harness import i18n
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``run``, ``lint`` and ``steps``."""
    _add_run(commands)
    _add_language_tools(commands)


def _add_run(commands: Any) -> None:
    parser = common.add(commands, "run", _run, tr("run scenarios and write a run folder"))
    common.paths(parser)
    common.profile(parser)
    parser.add_argument(
        "--tags", default="", metavar="EXPR", help=tr("tag expression, such as '@冒烟'")
    )
    common.seed(parser)
    common.defects(parser)
    parser.add_argument(
        "--release",
        type=int,
        default=1,
        choices=(1, 2),
        metavar="N",
        help=tr("release of the built-in hospital: 1, or 2 with what an upgrade changes"),
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help=tr("workers, each with own systems")
    )
    parser.add_argument(
        "--label", default="", metavar="L", help=tr("label of the run, such as before")
    )
    parser.add_argument(
        "--out", default="", metavar="DIR", help=tr("run folder; default: runs/TIME")
    )
    parser.add_argument(
        "--night", default="", metavar="DIR",
        help=tr("run what fits of a plan of medharness plan, in its order"),
    )  # fmt: skip
    parser.add_argument(
        "--resume", default="", metavar="DIR", help=tr("go on with a run that did not end")
    )
    parser.add_argument(
        "--rerun-failed",
        action="store_true",
        help=tr("with --resume: also run again what did not pass; every attempt stays visible"),
    )


def _run(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    request = command.Request(
        paths=tuple(args.paths),
        profile=args.profile,
        tags=args.tags,
        seed=args.seed,
        defects=tuple(args.defect),
        release=args.release,
        jobs=args.jobs,
        label=args.label,
        out=args.out,
        lang=i18n.current(),
        json=args.json,
        verbose=args.verbose,
        resume=args.resume,
        rerun_failed=args.rerun_failed,
        night=args.night,
    )
    return command.run(request)


def _add_language_tools(commands: Any) -> None:
    lint = common.add(commands, "lint", _lint, tr("check scenarios without running them"))
    common.paths(lint)
    lint.add_argument("--counts", action="store_true", help=tr("count what counts"))
    common.add(commands, "steps", _steps, tr("print the catalogue of sentences"))


def _lint(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    return command.lint(args.paths, count=args.counts, as_json=args.json)


def _steps(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    return command.steps(as_json=args.json)
