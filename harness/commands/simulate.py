"""One simulator in the foreground."""

from __future__ import annotations

import argparse
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from harness.commands import common
from harness.errors import InputError
from harness.i18n import tr


def add(commands: Any) -> None:
    """``simulate``."""
    parser = common.add(commands, "simulate", _simulate, tr("run one simulator until Ctrl-C"))
    parser.add_argument("kind", metavar="KIND", help=", ".join(_kinds()) or "-")
    parser.add_argument("--host", default="127.0.0.1", help=tr("address to listen on"))
    parser.add_argument("--port", type=int, default=0, help=tr("port to listen on"))
    common.defects(parser)
    parser.add_argument(
        "--driver",
        metavar="MODEL",
        action="append",
        default=[],
        help=tr("analyzer model that the built-in LIS is set up for; may be given again"),
    )
    parser.add_argument("--answer", default="AA", help=tr("acknowledgement code of a feed"))
    parser.add_argument(
        "--link",
        default="",
        metavar="URL",
        help=tr(
            "where an analyzer connects: tcp://HOST:PORT, serial://COM3?baud=9600,"
            " socket://HOST:PORT or rfc2217://HOST:PORT"
        ),
    )
    parser.add_argument(
        "--model", default="haematology", help=tr("analyzer model, or 'list' to see all of them")
    )
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help=tr("specimens that an analyzer uploads")
    )
    parser.add_argument(
        "--query",
        default="",
        metavar="BARCODE",
        help=tr("an analyzer asks for the orders of this tube and uploads what is ordered"),
    )
    parser.add_argument(
        "--listen",
        action="store_true",
        help=tr("an analyzer that the LIS connects to, at --host and --port"),
    )
    parser.add_argument(
        "--expose", action="store_true", help=tr("allow addresses beyond this machine")
    )
    _centre(parser)
    _bridge(parser)
    parser.add_argument(
        "--pacs", default="", metavar="AET@HOST:PORT", help=tr("where a modality stores")
    )
    parser.add_argument(
        "--ris", default="", metavar="AET@HOST:PORT", help=tr("where a modality gets its worklist")
    )
    parser.add_argument(
        "--drop",
        default="",
        metavar="FOLDER",
        help=tr("a modality stores the JPEG files of this folder in place of its own images"),
    )
    common.seed(parser)


def _centre(parser: argparse.ArgumentParser) -> None:
    """What only a centre takes."""
    parser.add_argument(
        "--province", default="", metavar="P", help=tr("province of a centre: name or TOML file")
    )
    parser.add_argument(
        "--profile",
        default="",
        metavar="P",
        help=tr("site profile of a centre: its signed test patients are let in; or a province"),
    )
    parser.add_argument(
        "--spec",
        default="",
        metavar="V",
        help=tr("version of the interface that a centre speaks, or its JSON file"),
    )
    parser.add_argument(
        "--ledger", default="", metavar="URL", help=tr("ledger of a centre: file or postgresql://")
    )
    parser.add_argument(
        "--tls-cert",
        default="",
        metavar="FILE",
        help=tr("certificate of a centre: it then speaks TLS"),
    )
    parser.add_argument("--tls-key", default="", metavar="FILE", help=tr("key of that certificate"))


def _bridge(parser: argparse.ArgumentParser) -> None:
    """What only a local bridge takes."""
    parser.add_argument(
        "--centre",
        default="",
        metavar="URL",
        help=tr("centre that a bridge calls, on this machine"),
    )
    parser.add_argument(
        "--retry",
        default="none",
        metavar="HOW",
        help=tr("what a bridge does without an answer: none, same or new"),
    )
    parser.add_argument(
        "--answer-timeout",
        type=float,
        default=20.0,
        metavar="S",
        help=tr("a bridge's patience with the centre, in seconds"),
    )
    parser.add_argument(
        "--tls-ca", default="", metavar="FILE", help=tr("authority that a bridge trusts")
    )


_SIMULATE = "simulate-"
"""An entry point of ``medharness.simulators`` so named runs one simulator in the foreground."""


def _kinds() -> dict[str, EntryPoint]:
    found = entry_points(group="medharness.simulators")
    return {
        entry.name.removeprefix(_SIMULATE): entry
        for entry in found
        if entry.name.startswith(_SIMULATE)
    }


def _simulate(args: argparse.Namespace) -> int:
    kinds = _kinds()
    if args.kind not in kinds:
        raise InputError(
            tr("no simulator {kind} is installed", kind=args.kind), remedy=" ".join(kinds)
        )
    return int(kinds[args.kind].load()(args))
