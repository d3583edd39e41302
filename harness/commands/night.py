"""The night of an upgrade and what remains of it: plan, purge, seal, unseal."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr

_UNITS = {"m": 60.0, "h": 3600.0, "": 60.0}


def add(commands: Any) -> None:
    """``plan``, ``purge``, ``seal`` and ``unseal``."""
    parser = common.add(commands, "plan", _plan, tr("order the scenarios of a night"))
    common.paths(parser)
    common.profile(parser)
    parser.add_argument("--budget", default="90m", metavar="TIME", help=tr("such as 90m or 2h"))
    parser.add_argument(
        "--rollback", default="30m", metavar="TIME", help=tr("what going back takes")
    )
    parser.add_argument(
        "--tags", default="", metavar="EXPR", help=tr("tag expression, such as '@冒烟'")
    )
    parser.add_argument(
        "--measured", default="", metavar="RUN", help=tr("run folder that tells how long each took")
    )
    parser.add_argument("--out", default="night", metavar="DIR", help=tr("folder of the tables"))
    purge = common.add(
        commands,
        "purge",
        _purge,
        tr("remove runs and recordings that are older than they may be kept"),
    )
    purge.add_argument(
        "folder", metavar="DIR", help=tr("folder that holds run folders and recordings")
    )
    common.profile(purge)
    purge.add_argument(
        "--yes", action="store_true", help=tr("remove them; without it they are only listed")
    )
    _add_vault(commands)


def _add_vault(commands: Any) -> None:
    for name, run, text in (
        ("seal", _seal, tr("encrypt what a run, or record, wrote")),
        ("unseal", _unseal, tr("open an encrypted run folder or recording")),
    ):
        parser = common.add(commands, name, run, text)
        parser.add_argument("folder", metavar="RUN", help=tr("folder that a run, or record, wrote"))
        common.profile(parser)


def seconds(text: str) -> float:
    """``90m``, ``2h`` or plain minutes.

    Raises:
        InputError: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,4})([mh]?)", text)
    if match is None or not int(match[1]):
        raise InputError(tr("“{text}” is no time", text=text), remedy=tr("write 90m or 2h"))
    return int(match[1]) * _UNITS[match[2]]


def _plan(args: argparse.Namespace) -> int:
    from harness import profile  # noqa: PLC0415 - only where it is needed
    from harness.night import plan as night  # noqa: PLC0415 - only where it is needed
    from harness.scenario import files, tags  # noqa: PLC0415 - only where it is needed
    from harness.scenario.binding import load  # noqa: PLC0415 - only where it is needed
    from harness.scenario.steps import load_libraries  # noqa: PLC0415 - only where it is needed

    budget_s, rollback_s = seconds(args.budget), seconds(args.rollback)
    wanted = tags.parse(args.tags)
    chosen = files.choose(args.paths)
    bound = [
        one
        for one in load(list(chosen), load_libraries())
        if wanted(one.scenario.tags) and _at(one.scenario, chosen[one.scenario.file.resolve()])
    ]
    made = night.plan(
        bound,
        profile.load_profile(args.profile),
        budget_s,
        measured=night.measured_of(Path(args.measured)) if args.measured else None,
        rollback_s=rollback_s,
    )
    written = night.write(made, Path(args.out))
    fits = [one for one in made.items if one.fits]
    names = night.stage_names()
    for stage in names:
        own = [one for one in fits if one.stage == stage]
        total = round(sum(one.seconds for one in own) / 60)
        print(tr("{stage}: {count} scenarios, {minutes} min", stage=names[stage], count=len(own),
                 minutes=total))  # fmt: skip
    for point in made.decisions:
        print(tr("decide at minute {minute}: {criterion}", minute=point.minute,
                 criterion=point.criterion))  # fmt: skip
    out = [one for one in made.items if not one.fits]
    print(tr("{count} scenarios do not fit, {apart} concern no interface of this site",
             count=len(out), apart=len(made.apart)))  # fmt: skip
    for one in made.batches:
        print(tr("together at {workstation}: {cards} cards of {count} scenarios, about {minutes}"
                 " min less on the way", workstation=one.workstation, cards=one.cards,
                 count=len(one.scenarios), minutes=round(one.saved_s / 60)))  # fmt: skip
    print(tr("needed: {people}", people=", ".join(made.people)))
    for path in written:
        print(tr("written: {path}", path=path))
    if args.json:
        common.print_json({"fits": len(fits), "left_out": [one.ident for one in out],
                           "apart": len(made.apart),
                           "batches": [{"batch": one.number, "workstation": one.workstation,
                                        "cards": one.cards, "scenarios": list(one.scenarios),
                                        "saved_s": one.saved_s} for one in made.batches],
                           "people": list(made.people),
                           "written": [str(one) for one in written], "exit_code": 0})  # fmt: skip
    return 0


def _at(scenario: Any, lines: tuple[int, ...]) -> bool:
    return not lines or any(scenario.line <= line <= scenario.last_line for line in lines)


def _purge(args: argparse.Namespace) -> int:
    from harness import profile  # noqa: PLC0415 - only where it is needed
    from harness.night.purge import purge  # noqa: PLC0415 - only where it is needed
    from harness.site import retention  # noqa: PLC0415 - only where it is needed

    site = profile.load_profile(args.profile)
    base, days = Path(args.folder), site.privacy.retention_days
    runs = purge(base, days, really=args.yes)
    recordings = retention.recordings(base, days)
    carried = retention.carried(site, days)
    if args.yes:
        retention.remove(recordings, carried)
    for path in (*runs, *recordings, *carried):
        print(tr("removed: {path}", path=path) if args.yes else tr("old: {path}", path=path))
    print(tr("{count} run folders are older than {days} days", count=len(runs), days=days))
    print(tr("{count} recordings are older than {days} days", count=len(recordings), days=days))
    print(tr("{count} files of hand-carried probes are older than {days} days",
             count=len(carried), days=days))  # fmt: skip
    if args.json:
        common.print_json({"folders": [str(one) for one in runs],
                           "recordings": [str(one) for one in recordings],
                           "carried": [str(one) for one in carried], "removed": args.yes,
                           "exit_code": 0})  # fmt: skip
    return 0


def _seal(args: argparse.Namespace) -> int:
    from harness.site import vault  # noqa: PLC0415 - only where it is needed

    done = vault.seal(Path(args.folder), _words(args))
    return _told_files(tr("{count} files are encrypted", count=len(done)), done, args)


def _unseal(args: argparse.Namespace) -> int:
    from harness.site import vault  # noqa: PLC0415 - only where it is needed

    done = vault.unseal(Path(args.folder), _words(args))
    return _told_files(tr("{count} files are open", count=len(done)), done, args)


def _words(args: argparse.Namespace) -> str:
    from harness import profile  # noqa: PLC0415 - only where it is needed
    from harness.site import vault  # noqa: PLC0415 - only where it is needed

    variable = profile.load_profile(args.profile).privacy.key_env
    if not variable:
        raise InputError(
            tr("the profile names no passphrase"),
            where=args.profile,
            remedy=tr('write key_env = "MEDHARNESS_KEY" under [privacy]'),
        )
    return vault.passphrase(variable)


def _told_files(text: str, files: list[Path], args: argparse.Namespace) -> int:
    print(text)
    if args.json:
        common.print_json({"files": [str(one) for one in files], "exit_code": 0})
    return 0
