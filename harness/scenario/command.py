"""``medharness run``, ``lint`` and ``steps``: drives pytest, then reads the run folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import resources
from harness.clock import RealClock
from harness.errors import InputError, InputErrors
from harness.evidence.verdict import EXIT_CODES
from harness.i18n import tr
from harness.permit import Permit
from harness.profile import load_profile
from harness.report import run as report
from harness.scenario import catalogue, tags
from harness.scenario.lint import LintResult
from harness.scenario.lint import lint as lint_paths
from harness.scenario.progress import Progress, verdict_table
from harness.scenario.steps import load_libraries
from harness.scenario.systems import built_in

JOBS_MAX = 64
"""Workers; each runs a hospital of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked ``medharness run`` for."""

    paths: Sequence[str]
    profile: str
    tags: str
    seed: int
    defects: Sequence[str]
    jobs: int
    label: str
    out: str
    lang: str
    json: bool
    verbose: int


def run(request: Request) -> int:
    """Check everything that can be checked, run, report; returns the exit code."""
    folder = _folder(request)
    paths = [str(path) for path in _paths(request.paths)]
    profile = load_profile(request.profile)
    tags.parse(request.tags)
    built_in().check_defects(request.defects)
    if request.defects:
        Permit(profile, RealClock().wall).require_fault()
    if not 1 <= request.jobs <= JOBS_MAX:
        raise InputError(tr("--jobs takes 1 to {most}", most=JOBS_MAX))
    _refuse_problems(lint_paths([Path(path) for path in _files(paths)]))
    progress = Progress()
    code = pytest.main(_arguments(request, paths, folder), plugins=[progress, _Quiet()])
    if not (folder / "plan.json").is_file():
        problems = "\n".join(progress.problems)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise InputError(tr("no scenario was chosen"), remedy=tr("look at --tags and PATH"))
        raise InputError(problems or tr("pytest ended with {code}", code=int(code)))
    model = report.write(folder, lang=request.lang)
    print(verdict_table(model, folder))
    for problem in progress.problems:
        print(problem)
    exit_code = 70 if progress.problems else EXIT_CODES[model.verdict]
    if request.json:
        counts = {name: count for name, count in model.counts.items() if count}
        result = {
            "verdict": model.verdict.value,
            "counts": counts,
            "out": str(folder),
            "exit_code": exit_code,
        }
        print(json.dumps(result, ensure_ascii=False))
    return exit_code


def _refuse_problems(result: LintResult) -> None:
    """Nothing runs while anything is wrong: all problems at once."""
    if result.problems:
        raise InputErrors(list(result.problems))


class _Quiet:
    """Takes pytest's own terminal report away: ours says what a hospital engineer needs."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Once all plugins are there."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)


def _folder(request: Request) -> Path:
    """An empty run folder: results of two runs must never mix."""
    name = RealClock().wall().strftime("%Y%m%d-%H%M%S")
    folder = Path(request.out) if request.out else Path("runs") / name
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            tr("the run folder is not empty: {folder}", folder=folder),
            remedy=tr("choose another with --out"),
        )
    return folder


def _paths(given: Sequence[str]) -> list[str]:
    if not given:
        return [str(resources.scenarios_folder())]
    for path in given:
        plain = Path(re.sub(r"(\.feature):\d+$", r"\1", path))
        if not plain.exists():
            raise InputError(tr("no such file or folder: {path}", path=plain), where=str(plain))
    return list(given)


def _files(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        plain = Path(re.sub(r"(\.feature):\d+$", r"\1", path))
        found += sorted(plain.rglob("*.feature")) if plain.is_dir() else [plain]
    return list(dict.fromkeys(found))


def _arguments(request: Request, paths: Sequence[str], folder: Path) -> list[str]:
    arguments = [
        *paths,
        "-p",
        "harness.scenario.plugin",
        "-p",
        "no:cacheprovider",
        "-c",
        str(resources.pytest_configuration()),
        "--rootdir",
        str(folder.parent),
        f"--medharness-profile={request.profile}",
        f"--medharness-seed={request.seed}",
        f"--medharness-out={folder}",
        f"--medharness-label={request.label}",
        f"--medharness-lang={request.lang}",
        f"--medharness-tags={request.tags}",
        f"--medharness-command={_command_line(request)}",
        *(f"--medharness-defect={ident}" for ident in request.defects),
    ]
    if request.jobs > 1:
        arguments += ["-p", "xdist", "-n", str(request.jobs)]
    return arguments


def _command_line(request: Request) -> str:
    """The command that asks for the same run again."""
    words = ["medharness", "run", *request.paths, "--seed", str(request.seed)]
    words += ["--profile", request.profile]
    for ident in request.defects:
        words += ["--defect", ident]
    if request.tags:
        words += ["--tags", request.tags]
    return shlex.join(words)


def lint(given: Sequence[str], *, counts: bool, as_json: bool) -> int:
    """Check scenarios without running them."""
    result = lint_paths([Path(path) for path in _paths(given)])
    for problem in result.problems:
        print(problem)
    for warning in result.warnings:
        print(warning)
    summary = {"scenarios": result.scenarios, "problems": len(result.problems)}
    print(tr("{scenarios} scenarios, {problems} problems", **summary))
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    return 2 if result.problems else 0


def steps(*, as_json: bool) -> int:
    """Print the catalogue of sentences."""
    registry = load_libraries()
    if as_json:
        print(json.dumps(catalogue.data(registry), ensure_ascii=False))
    else:
        print(catalogue.markdown(registry))
    return 0
