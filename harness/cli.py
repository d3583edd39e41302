"""All commands: the composition root of the harness."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness import __version__, i18n
from harness.errors import HarnessError, InputError
from harness.i18n import tr

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that ``docs/reference/commands.md`` lists."""
    _utf8()
    i18n.use(_early_language(list(argv if argv is not None else sys.argv[1:])))
    parser = build_parser()
    args = parser.parse_args(argv)
    command: Command | None = getattr(args, "run", None)
    if command is None:
        parser.print_help()
        return 2
    try:
        return command(args)
    except InputError as error:
        return _say_error(args, str(error), error.exit_code)
    except HarnessError as error:
        return _say_error(args, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _say_error(args, tr("stopped by the user"), 130)
    except Exception:  # noqa: BLE001 - the last resort: exit code 70 says that it is our fault
        return _say_error(args, traceback.format_exc(), 70)


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


def _say_error(args: argparse.Namespace, text: str, code: int) -> int:
    print(tr("error: {text}", text=text), file=sys.stderr)
    if getattr(args, "json", False):
        print(json.dumps({"error": text, "exit_code": code}, ensure_ascii=False))
    return code


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="medharness",
        description=tr("Integration test harness for hospital interfaces."),
    )
    parser.add_argument("--version", action="version", version=f"medharness {__version__}")
    common = _common()
    commands = parser.add_subparsers(title=tr("commands"), metavar="")
    _add_run(commands, common)
    _add_language_tools(commands, common)
    _add_site_tools(commands, common)
    _add_simulate(commands, common)
    _add_report(commands, common)
    _add_selfcheck(commands, common)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lang", choices=i18n.LANGUAGES, help=tr("language of all texts"))
    common.add_argument("--json", action="store_true", help=tr("last line is one JSON object"))
    common.add_argument("-v", "--verbose", action="count", default=0, help=tr("say more"))
    return common


def _add(
    commands: Any,
    name: str,
    run: Command,
    text: str,
    common: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, parents=[common]
    )
    parser.set_defaults(run=run)
    return parser


def _add_run(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = _add(commands, "run", _run, tr("run scenarios and write a run folder"), common)
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help=tr("feature file, folder or FILE:LINE; default: all that ship"),
    )
    parser.add_argument("--profile", default="builtin", help=tr("site profile: file or name"))
    parser.add_argument("--tags", default="", help=tr("tag expression, such as '@冒烟'"))
    parser.add_argument("--seed", type=int, default=1, help=tr("seed of everything generated"))
    parser.add_argument(
        "--defect",
        action="append",
        default=[],
        metavar="ID",
        help=tr("switch a defect of the built-in hospital on"),
    )
    parser.add_argument("--jobs", type=int, default=1, help=tr("workers, each with own systems"))
    parser.add_argument("--label", default="", help=tr("label of the run, such as before"))
    parser.add_argument("--out", default="", help=tr("run folder; default: runs/TIME"))


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


def _add_language_tools(commands: Any, common: argparse.ArgumentParser) -> None:
    lint = _add(commands, "lint", _lint, tr("check scenarios without running them"), common)
    lint.add_argument("paths", nargs="*", metavar="PATH")
    lint.add_argument("--counts", action="store_true", help=tr("count what counts"))
    _add(commands, "steps", _steps, tr("print the catalogue of sentences"), common)


def _lint(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415

    return command.lint(args.paths, counts=args.counts, as_json=args.json)


def _steps(args: argparse.Namespace) -> int:
    from harness.scenario import command  # noqa: PLC0415

    return command.steps(as_json=args.json)


def _add_site_tools(commands: Any, common: argparse.ArgumentParser) -> None:
    init = _add(commands, "init", _init, tr("write a commented site profile"), common)
    init.add_argument("file", metavar="FILE")
    doctor = _add(commands, "doctor", _doctor, tr("check a profile's endpoints, read-only"), common)
    doctor.add_argument("--profile", default="builtin", help=tr("site profile: file or name"))


def _init(args: argparse.Namespace) -> int:
    from harness.init import write_template  # noqa: PLC0415

    path = write_template(Path(args.file))
    print(tr("written: {path}", path=path))
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from harness import doctor, profile  # noqa: PLC0415

    loaded = profile.load_profile(args.profile)
    checks = doctor.examine(loaded, announce=lambda text: print(text))
    worst = 0
    for check in checks:
        print(f"{check.status:8} {check.name:32} {check.place:32} {check.detail}")
        if check.remedy and check.status in {"warn", "fail"}:
            print(f"{'':8} → {check.remedy}")
        worst = max(worst, {"fail": 1, "warn": 0, "skipped": 0, "ok": 0}[check.status])
    if args.json:
        rows = [
            {name: str(getattr(check, name)) for name in ("name", "place", "status", "detail")}
            for check in checks
        ]
        print(json.dumps({"checks": rows, "exit_code": worst}, ensure_ascii=False))
    return worst


def _add_simulate(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = _add(
        commands, "simulate", _simulate, tr("run one simulator until Ctrl-C"), common
    )
    parser.add_argument("kind", choices=["hospital", "feed", "analyzer"])
    parser.add_argument("--host", default="127.0.0.1", help=tr("address to listen on"))
    parser.add_argument("--port", type=int, default=0, help=tr("port to listen on"))
    parser.add_argument("--defect", action="append", default=[], metavar="ID")
    parser.add_argument("--answer", default="AA", help=tr("acknowledgement code of a feed"))
    parser.add_argument("--link", default="", help=tr("where an analyzer connects: tcp://HOST:PORT"))
    parser.add_argument("--model", default="haematology", help=tr("analyzer model"))
    parser.add_argument("--seed", type=int, default=1, help=tr("seed of everything generated"))


def _simulate(args: argparse.Namespace) -> int:
    from importlib.metadata import entry_points  # noqa: PLC0415

    for entry in entry_points(group="medharness.simulators"):
        if entry.name == f"simulate-{args.kind}":
            return int(entry.load()(args))
    raise InputError(tr("no simulator {kind} is installed", kind=args.kind))


def _add_report(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = _add(commands, "report", _report, tr("render a run folder again"), common)
    parser.add_argument("folder", metavar="RUN")


def _report(args: argparse.Namespace) -> int:
    from harness.evidence.verdict import EXIT_CODES  # noqa: PLC0415
    from harness.report import run as report  # noqa: PLC0415
    from harness.scenario.progress import verdict_table  # noqa: PLC0415

    folder = Path(args.folder)
    if not (folder / "plan.json").is_file():
        raise InputError(tr("not a run folder: {folder}", folder=folder), where=str(folder))
    model = report.write(folder, lang=i18n.current())
    print(verdict_table(model, folder))
    return EXIT_CODES[model.verdict]


def _add_selfcheck(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = _add(
        commands, "selfcheck", _selfcheck, tr("measure the harness itself"), common
    )
    parser.add_argument("--quick", action="store_true", help=tr("a slice, for every commit"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="", help=tr("folder of the result"))


def _selfcheck(args: argparse.Namespace) -> int:
    from harness.selfcheck import command  # noqa: PLC0415

    return command.selfcheck(quick=args.quick, seed=args.seed, out=args.out, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
