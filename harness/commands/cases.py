"""``case take`` and ``case make``, ``deidentify``, ``replay``, ``minimise``."""

from __future__ import annotations

import argparse
from typing import Any

from harness.cases import command, make
from harness.cases.minimise import BUDGET_S
from harness.cases.replay import NEEDED, TIMES
from harness.cases.stage import Manner
from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``case``, ``deidentify``, ``replay``, ``minimise``."""
    text = tr("take a reported fault out of a recording, without the persons in it")
    parser = common.add(commands, "case", _take, text)
    actions = parser.add_subparsers(dest="case", required=True, metavar="COMMAND")
    take = actions.add_parser("take", help=text, description=text)
    common.inner(take)
    _taking(take)
    _taking(common.add(commands, "deidentify", _take, text))
    text = tr("from a recording to a minimised case that fails: take, replay, minimise, keep")
    whole = actions.add_parser("make", help=text, description=text)
    common.inner(whole)
    whole.set_defaults(run=_make)
    _taking(whole)
    _trying(whole)
    _searching(whole)
    text = tr("play a case against a system: does its fault show?")
    again = common.add(commands, "replay", _replay, text)
    again.add_argument("folder", metavar="CASE", help=tr("folder of the case"))
    again.add_argument("--keep", action="store_true",
                       help=tr("write what was seen into the case"))  # fmt: skip
    _trying(again)
    _judging(again)
    text = tr("make a case as small as still shows its fault")
    least = common.add(commands, "minimise", _minimise, text)
    least.add_argument("folder", metavar="CASE", help=tr("folder of the case"))
    _trying(least)
    _judging(least)
    _searching(least)


def _taking(take: argparse.ArgumentParser) -> None:
    take.add_argument("paths", nargs="+", metavar="FILE",
                      help=tr("traces, network captures, captures of a serial line"))  # fmt: skip
    take.add_argument("--about", default="", metavar="TEXT",
                      help=tr("barcode, patient, visit, settlement or control number"))  # fmt: skip
    take.add_argument("--from", default="", metavar="TIME", dest="begin",
                      help=tr("only what was recorded from then on; without an offset civil time"
                              " in China"))  # fmt: skip
    take.add_argument("--to", default="", metavar="TIME", dest="until",
                      help=tr("only what was recorded until then; a day alone: until its"
                              " end"))  # fmt: skip
    take.add_argument("--out", required=True, metavar="DIR", help=tr("folder of the case"))
    take.add_argument("--port", type=int, default=0, metavar="N",
                      help=tr("of a network capture only what has this port"))  # fmt: skip
    take.add_argument("--framing", action="store_true",
                      help=tr("take ASTM sessions, and HL7 whose framing is not as it should"
                              " be, byte for byte"))  # fmt: skip
    take.add_argument("--model", default="", metavar="NAME|FILE",
                      help=tr("model of an instrument with a framing of its own: its lines are"
                              " taken byte for byte"))  # fmt: skip
    take.add_argument("--end", action="append", default=[], metavar="ADDRESS=ROLE",
                      help=tr("which role stands at an address; may be repeated"))  # fmt: skip
    take.add_argument("--identity", default="", metavar="FILE",
                      help=tr("further places where persons stand, TOML"))  # fmt: skip
    take.add_argument("--key-env", default="", metavar="NAME",
                      help=tr("environment variable with the secret of the case"))  # fmt: skip
    take.add_argument("--symptom", default="", metavar="TEXT", help=tr("what was reported"))
    take.add_argument("--approver", default="", metavar="TEXT",
                      help=tr("who lets the case leave the site"))  # fmt: skip
    take.add_argument("--system", action="append", default=[], metavar="NAME=VERSION",
                      help=tr("a system and its version; may be repeated"))  # fmt: skip
    _judging(take)


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fault", action="append", default=[], metavar="TEXT", dest="faults",
                        help=tr("what should stand where: 'LIS ORU^R01 OBX[3=K]-6 = mmol/L';"
                                " may be repeated"))  # fmt: skip


def _trying(parser: argparse.ArgumentParser) -> None:
    common.profile(parser)
    parser.add_argument("--role", default="", metavar="ROLE",
                        help=tr("system under test; default: that of the fault"))  # fmt: skip
    parser.add_argument("--times", type=int, default=TIMES, metavar="N",
                        help=tr("how often it is played"))  # fmt: skip
    parser.add_argument("--needed", type=int, default=NEEDED, metavar="K",
                        help=tr("how often the fault must show"))  # fmt: skip
    parser.add_argument("--timed", type=float, default=0.0, metavar="SCALE",
                        help=tr("keep the recorded gaps, times this; default: go on as soon as the"
                                " system has answered"))  # fmt: skip
    parser.add_argument("--wait", type=float, default=0.0, metavar="S",
                        help=tr("how long a message of the system is waited for"))  # fmt: skip
    parser.add_argument("--release", type=int, default=1, metavar="N",
                        help=tr("release of the built-in hospital"))  # fmt: skip
    common.defects(parser)
    parser.add_argument("--province", default="", metavar="NAME|FILE",
                        help=tr("whose interface requests over HTTP are written and signed"
                                " for"))  # fmt: skip
    parser.add_argument("--path", default="", metavar="PATH",
                        help=tr("post requests over HTTP there as they are, to a bridge that signs"
                                " them; {infno} stands for the transaction"))  # fmt: skip
    parser.add_argument("--slot", action="append", default=[], metavar="RECORDED=VALUE",
                        help=tr("what stands at this site for a value of the case, such as a test"
                                " person's number; may be repeated"))  # fmt: skip
    parser.add_argument("--number", default="", metavar="TEXT",
                        help=tr("number of the fault; writes a scenario with it"))  # fmt: skip
    parser.add_argument("--requirement", default="", metavar="REQ",
                        help=tr("requirement that the fault breaks, for the scenario; default: the"
                                " first of its interface"))  # fmt: skip


def _searching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", default="", metavar="P",
                        help=tr("profile whose system does not have the fault"))  # fmt: skip
    parser.add_argument("--budget", type=float, default=BUDGET_S, metavar="S",
                        help=tr("time for minimising"))  # fmt: skip


def _options(args: argparse.Namespace, faults: list[str]) -> command.Options:
    return command.Options(
        paths=args.paths,
        about=args.about,
        begin=args.begin,
        until=args.until,
        out=args.out,
        port=args.port,
        identity=args.identity,
        key_env=args.key_env,
        symptom=args.symptom,
        approver=args.approver,
        systems=args.system,
        ends=args.end,
        faults=faults,
        framing=args.framing,
        model=args.model,
        as_json=args.json,
    )


def _trial(args: argparse.Namespace) -> make.Trial:
    manner = Manner(
        timed=args.timed, wait_s=args.wait, defects=tuple(args.defect), release=args.release,
        province=args.province, path=args.path, given=_slots(args.slot),
    )  # fmt: skip
    return make.Trial(
        profile=args.profile,
        system=args.role,
        faults=args.faults if hasattr(args, "folder") else (),
        manner=manner,
        times=args.times,
        needed=args.needed,
        reference=getattr(args, "reference", ""),
        budget_s=getattr(args, "budget", BUDGET_S),
        number=args.number,
        requirement=args.requirement,
        keep=getattr(args, "keep", False),
        as_json=args.json,
    )


def _slots(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    wrong = [one for one, pair in zip(given, pairs, strict=True) if not all(pair)]
    if wrong:
        raise InputError(tr("a slot needs its value: {text}", text=wrong[0]),
                         remedy="--slot RECORDED=VALUE")  # fmt: skip
    return {recorded: value for recorded, _, value in pairs}


def _take(args: argparse.Namespace) -> int:
    return command.run(_options(args, args.faults))


def _make(args: argparse.Namespace) -> int:
    return make.run_make(_options(args, args.faults), _trial(args))


def _replay(args: argparse.Namespace) -> int:
    return make.run_replay(args.folder, _trial(args))


def _minimise(args: argparse.Namespace) -> int:
    return make.run_minimise(args.folder, _trial(args))
