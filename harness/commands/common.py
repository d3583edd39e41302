"""Options that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from harness import i18n
from harness.i18n import tr

Command = Callable[[argparse.Namespace], int]
"""Carries one command out; returns the exit code."""


def add(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    """A command with the options that every one has."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help=tr("language of all texts"))
    parser.add_argument("--json", action="store_true", help=tr("last line is one JSON object"))
    parser.add_argument("-v", "--verbose", action="count", default=0, help=tr("say more"))
    parser.set_defaults(run=run)
    return parser


def inner(parser: argparse.ArgumentParser) -> None:
    """The same options behind a sub-command; what is not said here keeps what was said before."""
    keep = argparse.SUPPRESS
    text = tr("language of all texts")
    parser.add_argument("--lang", choices=i18n.LANGUAGES, default=keep, help=text)
    text = tr("last line is one JSON object")
    parser.add_argument("--json", action="store_true", default=keep, help=text)
    parser.add_argument("-v", "--verbose", action="count", default=keep, help=tr("say more"))


def paths(parser: argparse.ArgumentParser) -> None:
    """Which scenarios."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help=tr("feature file, folder or FILE:LINE; default: all that ship"),
    )


def defects(parser: argparse.ArgumentParser) -> None:
    """Defects of the built-in hospital."""
    parser.add_argument(
        "--defect",
        action="append",
        default=[],
        metavar="ID",
        help=tr("switch a defect of the built-in hospital on"),
    )


def seed(parser: argparse.ArgumentParser) -> None:
    """Where everything generated comes from."""
    text = tr("seed of everything generated")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help=text)


def profile(parser: argparse.ArgumentParser) -> None:
    """Which site."""
    text = tr("site profile: file or name")
    parser.add_argument("--profile", default="builtin", metavar="P", help=text)


def print_json(value: dict[str, Any]) -> None:
    """The last line of a command with ``--json``."""
    print(json.dumps(value, ensure_ascii=False))
