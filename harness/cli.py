"""All commands: the composition root of the harness."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NoReturn

from harness import __version__, i18n
from harness.errors import HarnessError, InputError
from harness.i18n import tr

Command = Callable[[argparse.Namespace], int]

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
        parser = build_parser()
        args = parser.parse_args(words)
        command: Command | None = getattr(args, "run", None)
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
        _print_json({"error": text, "exit_code": code})
    return code


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


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

    def __init__(self, *, prog: str, description: str, **rest: Any) -> None:
        # An abbreviated option would change its meaning when another one is added.
        own: dict[str, Any] = {"formatter_class": _Help, "add_help": False, "allow_abbrev": False}
        super().__init__(prog=prog, description=description, **(rest | own))
        self._positionals.title = tr("arguments")
        self._optionals.title = tr("options")
        self.add_argument("-h", "--help", action="help", help=tr("show this help"))

    def error(self, message: str) -> NoReturn:
        """Exit code 2, with the usage."""
        raise InputError(message, remedy=self.format_usage().strip())


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
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
    _add_run(commands)
    _add_language_tools(commands)
    _add_site_tools(commands)
    _add_simulate(commands)
    _add_report(commands)
    _add_selfcheck(commands)
    return parser


def _add(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help=tr("language of all texts"))
    parser.add_argument("--json", action="store_true", help=tr("last line is one JSON object"))
    parser.add_argument("-v", "--verbose", action="count", default=0, help=tr("say more"))
    parser.set_defaults(run=run)
    return parser


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help=tr("feature file, folder or FILE:LINE; default: all that ship"),
    )


def _defects(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--defect",
        action="append",
        default=[],
        metavar="ID",
        help=tr("switch a defect of the built-in hospital on"),
    )


def _seed(parser: argparse.ArgumentParser) -> None:
    text = tr("seed of everything generated")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help=text)


def _profile(parser: argparse.ArgumentParser) -> None:
    text = tr("site profile: file or name")
    parser.add_argument("--profile", default="builtin", metavar="P", help=text)


def _add_run(commands: Any) -> None:
    parser = _add(commands, "run", _run, tr("run scenarios and write a run folder"))
    _paths(parser)
    _profile(parser)
    parser.add_argument(
        "--tags", default="", metavar="EXPR", help=tr("tag expression, such as '@冒烟'")
    )
    _seed(parser)
    _defects(parser)
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help=tr("workers, each with own systems")
    )
    parser.add_argument(
        "--label", default="", metavar="L", help=tr("label of the run, such as before")
    )
    parser.add_argument(
        "--out", default="", metavar="DIR", help=tr("run folder; default: runs/TIME")
    )


def _run(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    request = command.Request(
        paths=tuple(args.paths),
        profile=args.profile,
        tags=args.tags,
        seed=args.seed,
        defects=tuple(args.defect),
        jobs=args.jobs,
        label=args.label,
        out=args.out,
        lang=i18n.current(),
        json=args.json,
        verbose=args.verbose,
    )
    return command.run(request)


def _add_language_tools(commands: Any) -> None:
    lint = _add(commands, "lint", _lint, tr("check scenarios without running them"))
    _paths(lint)
    lint.add_argument("--counts", action="store_true", help=tr("count what counts"))
    _add(commands, "steps", _steps, tr("print the catalogue of sentences"))


def _lint(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    return command.lint(args.paths, count=args.counts, as_json=args.json)


def _steps(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415 - pytest is slow to import

    return command.steps(as_json=args.json)


def _add_site_tools(commands: Any) -> None:
    init = _add(commands, "init", _init, tr("write a commented site profile"))
    init.add_argument("file", metavar="FILE", help=tr("where to write it"))
    doctor = _add(commands, "doctor", _doctor, tr("check a profile's endpoints, read-only"))
    _profile(doctor)


def _init(args: argparse.Namespace) -> int:
    from harness.init import write_template  # noqa: PLC0415 - only where it is needed

    path = write_template(Path(args.file))
    print(tr("written: {path}", path=path))
    if args.json:
        _print_json({"written": str(path), "exit_code": 0})
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from harness import doctor, profile  # noqa: PLC0415 - only where it is needed

    loaded = profile.load_profile(args.profile)
    checks = doctor.examine(loaded, announce=print)
    for check in checks:
        print(f"{check.status:8} {check.name:32} {check.place:32} {check.detail}")
        if check.remedy and check.status in {"warn", "fail"}:
            print(f"{'':8} → {check.remedy}")
    code = 1 if any(check.status == "fail" for check in checks) else 0
    if args.json:
        names = ("name", "place", "status", "detail", "remedy")
        rows = [{name: str(getattr(check, name)) for name in names} for check in checks]
        _print_json({"checks": rows, "exit_code": code})
    return code


def _add_simulate(commands: Any) -> None:
    parser = _add(commands, "simulate", _simulate, tr("run one simulator until Ctrl-C"))
    parser.add_argument("kind", metavar="KIND", help=", ".join(_kinds()) or "-")
    parser.add_argument("--host", default="127.0.0.1", help=tr("address to listen on"))
    parser.add_argument("--port", type=int, default=0, help=tr("port to listen on"))
    _defects(parser)
    parser.add_argument("--answer", default="AA", help=tr("acknowledgement code of a feed"))
    parser.add_argument(
        "--link", default="", help=tr("where an analyzer connects: tcp://HOST:PORT")
    )
    parser.add_argument("--model", default="haematology", help=tr("analyzer model"))
    parser.add_argument(
        "--expose", action="store_true", help=tr("allow addresses beyond this machine")
    )
    _seed(parser)


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


def _add_report(commands: Any) -> None:
    parser = _add(commands, "report", _report, tr("render a run folder again"))
    parser.add_argument("folder", metavar="RUN", help=tr("folder that a run wrote"))


def _report(args: argparse.Namespace) -> int:
    from harness.evidence.verdict import EXIT_CODES  # noqa: PLC0415 - only where it is needed
    from harness.report import run as report  # noqa: PLC0415 - only where it is needed
    from harness.scenario import command, progress  # noqa: PLC0415 - pytest is slow to import

    folder = Path(args.folder)
    if not any((folder / name).is_file() for name in ("plan.json", "run.json")):
        raise InputError(tr("not a run folder: {folder}", folder=folder), where=str(folder))
    model = report.write(folder, lang=i18n.current())
    print(progress.verdict_table(model, folder))
    code = EXIT_CODES[model.verdict]
    if args.json:
        _print_json(command.result(model, folder, code))
    return code


def _add_selfcheck(commands: Any) -> None:
    parser = _add(commands, "selfcheck", _selfcheck, tr("measure the harness itself"))
    parser.add_argument("--quick", action="store_true", help=tr("a slice, for every commit"))
    _seed(parser)
    parser.add_argument("--out", default="", metavar="DIR", help=tr("folder of the result"))


def _selfcheck(args: argparse.Namespace) -> int:
    from harness.selfcheck.command import selfcheck  # noqa: PLC0415 - only where it is needed

    return selfcheck(quick=args.quick, seed=args.seed, out=args.out, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
