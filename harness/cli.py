"""All commands: the composition root of the harness."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from harness import __version__, i18n
from harness.commands import common
from harness.errors import HarnessError, InputError
from harness.i18n import tr

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "scenarios": ("run", "lint", "steps"),
    "site": ("init", "doctor"),
    "simulate": ("simulate",),
    "load": ("load",),
    "results": ("report", "compare"),
    "quality": ("selfcheck",),
    "reconcile": ("reconcile",),
    "tables": ("mapping", "labmap"),
    "feeds": ("fingerprint", "dialect"),
    "captures": ("decode",),
    "record": ("record",),
    "cases": ("case", "deidentify", "replay", "minimise"),
    "documents": ("documents",),
    "centre": ("centre",),
    "spec": ("spec",),
    "contract": ("contract",),
    "signoff": ("sign",),
    "matrix": ("matrix",),
    "objects": ("objects",),
    "watch": ("watch",),
    "inline": ("relay",),
    "night": ("plan", "purge", "seal", "unseal"),
}
"""Modules of ``harness.commands`` and the commands of each, in the order of ``--help``.

A module imports what its commands do, so only that of the command which was asked for is imported:
the others would cost more than half of the time that a command needs to start.
"""

EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 + SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that ``docs/reference/commands.md`` lists."""
    _utf8()
    words = list(sys.argv[1:] if argv is None else argv)
    i18n.use(_early_language(words))
    as_json = "--json" in words
    try:
        parser = build_parser(words)
        args = parser.parse_args(words)
        command: common.Command | None = getattr(args, "run", None)
        if command is None:
            parser.print_help()
            raise InputError(tr("say which command"))
        return command(args)
    except HarnessError as error:
        return _say_error(str(error), error.exit_code, as_json=as_json)
    except KeyboardInterrupt:
        return _say_error(tr("stopped by the user"), EXIT_INTERRUPTED, as_json=as_json)
    except Exception:  # noqa: BLE001 - the last resort: exit code 70 says that it is our fault
        return _say_error(traceback.format_exc(), EXIT_INTERNAL, as_json=as_json)


def _utf8() -> None:
    """A Windows console of code page 936 must not make a Chinese report fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _early_language(argv: list[str]) -> str:
    """``--lang`` is needed before the parser exists, because it has texts itself."""
    for index, arg in enumerate(argv):
        if arg.startswith("--lang="):
            value = arg.partition("=")[2]
        elif arg == "--lang" and index + 1 < len(argv):
            value = argv[index + 1]
        else:
            continue
        return value if value in i18n.LANGUAGES else i18n.from_locale()
    return i18n.from_locale()


def _say_error(text: str, code: int, *, as_json: bool) -> int:
    print(tr("error: {text}", text=text), file=sys.stderr)
    if as_json:
        common.print_json({"error": text, "exit_code": code})
    return code


class _Help(argparse.HelpFormatter):
    """Usage in the language in use."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """Only the word in front differs."""
        super().add_usage(usage, actions, groups, tr("usage: ") if prefix is None else prefix)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as every other error is said, and helps in the language in use."""

    def __init__(self, *, prog: str, description: str = "", **rest: Any) -> None:
        # An abbreviated option would change its meaning when another one is added.
        own: dict[str, Any] = {"formatter_class": _Help, "add_help": False, "allow_abbrev": False}
        super().__init__(prog=prog, description=description, **(rest | own))
        self._positionals.title = tr("arguments")
        self._optionals.title = tr("options")
        self.add_argument("-h", "--help", action="help", help=tr("show this help"))

    def error(self, message: str) -> NoReturn:
        """Exit code 2, with the usage."""
        raise InputError(message, remedy=self.format_usage().strip())


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The command line: that of the command in front of ``words``; the whole where it is none."""
    parser = _Parser(
        prog="medharness",
        description=tr("Integration test harness for hospital interfaces."),
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"medharness {__version__}",
        help=tr("show the version"),
    )
    commands = parser.add_subparsers(title=tr("commands"), metavar="COMMAND", parser_class=_Parser)
    asked = [group for group, names in GROUPS.items() if words and words[0] in names]
    for group in asked or GROUPS:
        importlib.import_module(f"harness.commands.{group}").add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
