"""``decode``: a capture of an instrument, read back with everything that is wrong with it."""

from __future__ import annotations

import argparse
from typing import Any

from harness.captures.command import PROTOCOLS, run
from harness.captures.sources import FORMS
from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``decode``."""
    text = tr("read a capture of an instrument: records, findings, and what nothing could read")
    parser = common.add(commands, "decode", _decode, text)
    parser.add_argument("paths", nargs="+", metavar="FILE",
                        help=tr("raw bytes, a hex dump, a log of a serial line, pcap"))  # fmt: skip
    parser.add_argument("--protocol", choices=PROTOCOLS, default="auto",
                        help=tr("what the instrument speaks"))  # fmt: skip
    parser.add_argument("--form", choices=("auto", *FORMS), default="auto",
                        help=tr("how the capture is written down"))  # fmt: skip
    parser.add_argument("--port", type=int, default=0, metavar="N",
                        help=tr("of a network capture only what has this port"))  # fmt: skip
    parser.add_argument("--model", default="", metavar="NAME",
                        help=tr("analyzer model that the capture is held against"))  # fmt: skip
    parser.add_argument("--encoding", default="", metavar="NAME",
                        help=tr("character set of the records; default: the model's"))  # fmt: skip


def _decode(args: argparse.Namespace) -> int:
    return run(
        args.paths,
        protocol=args.protocol,
        form="" if args.form == "auto" else args.form,
        model=args.model,
        encoding=args.encoding,
        port=args.port,
        as_json=args.json,
    )
