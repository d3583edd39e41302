"""HL7 feeds without a run: ``fingerprint`` (where each field lands) and ``dialect``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from harness.clock import RealClock
from harness.commands import common
from harness.digits import whole_number
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``fingerprint`` and ``dialect``, each with its own sub-commands."""
    text = tr("follow every field of an HL7 message through a system")
    parser = common.add(commands, "fingerprint", _fingerprint, text)
    for one in _fingerprint_commands(parser):
        common.inner(one)
    text = tr("learn how senders write HL7, and check new traffic")
    parser = common.add(commands, "dialect", _dialect, text)
    for one in _dialect_commands(parser):
        common.inner(one)


def _fingerprint_commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    inner = parser.add_subparsers(dest="fingerprint", required=True, metavar="COMMAND")
    make = inner.add_parser("make", help=tr("write a message with a token in every field"))
    make.add_argument("type", metavar="TYPE", help=tr("type and event, such as ORU^R01"))
    make.add_argument("--version", default="2.4", metavar="V", help=tr("HL7 version"))
    make.add_argument("--charset", default="GB 18030-2000", metavar="C", help="MSH-18")
    make.add_argument("--sender", default="MEDHARNESS", metavar="S", help="MSH-3")
    make.add_argument("--receiver", default="", metavar="R", help="MSH-5")
    for option, hole, text in (
        ("--repeat", "SEG=N", tr("how often a segment stands")),
        ("--set", "PATH=VALUE", tr("a value that must be real, such as PID-3=P1")),
        ("--leave", "SEG", tr("leave a segment out")),
    ):
        make.add_argument(option, action="append", default=[], metavar=hole, help=text)
    make.add_argument("--ascii", action="store_true", help=tr("tokens without Chinese characters"))
    make.add_argument("--out", required=True, metavar="NAME",
                      help=tr("NAME.hl7 and NAME.json are written"))  # fmt: skip
    common.seed(make)
    search = inner.add_parser("search", help=tr("find the tokens in what a system shows"))
    search.add_argument("sheet", metavar="SHEET", help=tr("the JSON file of make"))
    search.add_argument("paths", nargs="*", metavar="PATH",
                        help=tr("traces, messages, tables, JSON, texts, folders"))  # fmt: skip
    for option, hole, text in (
        ("--sql", "NAME=URL", tr("a database to search: a SQLite file, postgresql://..., or"
                                 " env:VARIABLE")),
        ("--query", "NAME=SELECT", tr("the one SELECT of that database")),
        ("--http", "NAME=URL", tr("an address to search with one GET: a page or JSON")),
    ):  # fmt: skip
        search.add_argument(option, action="append", default=[], metavar=hole, help=text)
    search.add_argument("--out", required=True, metavar="MAP", help=tr("JSON file of the map"))
    compare = inner.add_parser("compare", help=tr("compare two maps"))
    compare.add_argument("before", metavar="BEFORE", help=tr("map before"))
    compare.add_argument("after", metavar="AFTER", help=tr("map after"))
    return [make, search, compare]


def _dialect_commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    inner = parser.add_subparsers(dest="dialect", required=True, metavar="COMMAND")
    traffic = tr("traces, captures, files of messages, folders")
    learn = inner.add_parser("learn", help=tr("write down how senders write"))
    learn.add_argument("paths", nargs="+", metavar="PATH", help=traffic)
    learn.add_argument("--out", required=True, metavar="FILE", help=tr("TOML file of the dialect"))
    check = inner.add_parser("check", help=tr("say what new traffic has otherwise"))
    check.add_argument("dialect_file", metavar="FILE", help=tr("TOML file of the dialect"))
    check.add_argument("paths", nargs="+", metavar="PATH", help=traffic)
    return [learn, check]


def _fingerprint(args: argparse.Namespace) -> int:
    from harness.fingerprint import command  # noqa: PLC0415 - only where it is needed
    from harness.fingerprint.live import live_outlets  # noqa: PLC0415 - only where it is needed
    from harness.fingerprint.make import Request  # noqa: PLC0415 - only where it is needed

    if args.fingerprint == "search":
        live = live_outlets(
            _pairs("--sql", args.sql), _pairs("--query", args.query), _pairs("--http", args.http)
        )
        return command.run_search(args.sheet, args.paths, args.out, live=live, as_json=args.json)
    if args.fingerprint == "compare":
        return command.run_compare(args.before, args.after, as_json=args.json)
    request = Request(
        type=args.type,
        version=args.version,
        seed=args.seed,
        charset=args.charset,
        time=RealClock().wall().strftime("%Y%m%d%H%M%S"),
        repeats={name: _count(name, text) for name, text in _pairs("--repeat", args.repeat)},
        fixed=dict(_pairs("--set", args.set)),
        leave=frozenset(args.leave),
        chinese=not args.ascii,
        sender=args.sender,
        receiver=args.receiver,
    )
    return command.run_make(request, args.out, as_json=args.json)


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    wrong = [
        text for text, (name, sign, _) in zip(texts, pairs, strict=True) if not name or not sign
    ]
    if wrong:
        raise InputError(tr("{option} {text} has no value", option=option, text=wrong[0]),
                         remedy=f"{option} NAME=VALUE")  # fmt: skip
    return [(name, value) for name, _, value in pairs]


def _count(name: str, text: str) -> int:
    count = whole_number(text)
    if not count:
        raise InputError(tr("{text} is no number of {name} segments", text=text, name=name))
    return count


def _dialect(args: argparse.Namespace) -> int:
    from harness.dialect import command  # noqa: PLC0415 - only where it is needed

    if args.dialect == "learn":
        return command.run_learn(args.paths, args.out, as_json=args.json)
    return command.run_check(args.dialect_file, args.paths, as_json=args.json)
