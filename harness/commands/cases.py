"""``case take``: one matter out of a recording, without the persons in it."""

from __future__ import annotations

import argparse
from typing import Any

from harness.cases.command import Options, run
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``case``."""
    text = tr("take a reported fault out of a recording, without the persons in it")
    parser = common.add(commands, "case", _take, text)
    actions = parser.add_subparsers(dest="case", required=True, metavar="COMMAND")
    take = actions.add_parser("take", help=text, description=text)
    common.inner(take)
    take.add_argument("paths", nargs="+", metavar="FILE",
                      help=tr("traces, network captures, captures of a serial line"))  # fmt: skip
    take.add_argument("--about", required=True, metavar="TEXT",
                      help=tr("barcode, patient, visit, settlement or control number"))  # fmt: skip
    take.add_argument("--out", required=True, metavar="DIR", help=tr("folder of the case"))
    take.add_argument("--port", type=int, default=0, metavar="N",
                      help=tr("of a network capture only what has this port"))  # fmt: skip
    take.add_argument("--identity", default="", metavar="FILE",
                      help=tr("further places where persons stand, TOML"))  # fmt: skip
    take.add_argument("--key-env", default="", metavar="NAME",
                      help=tr("environment variable with the secret of the case"))  # fmt: skip
    take.add_argument("--symptom", default="", metavar="TEXT", help=tr("what was reported"))
    take.add_argument("--approver", default="", metavar="TEXT",
                      help=tr("who lets the case leave the site"))  # fmt: skip
    take.add_argument("--system", action="append", default=[], metavar="NAME=VERSION",
                      help=tr("a system and its version; may be repeated"))  # fmt: skip


def _take(args: argparse.Namespace) -> int:
    return run(
        Options(
            paths=args.paths,
            about=args.about,
            out=args.out,
            port=args.port,
            identity=args.identity,
            key_env=args.key_env,
            symptom=args.symptom,
            approver=args.approver,
            systems=args.system,
            as_json=args.json,
        )
    )
