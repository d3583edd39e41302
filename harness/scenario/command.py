"""``medharness run``, ``lint`` and ``steps``: drives pytest, then reads the run folder."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness import resources
from harness.errors import HarnessError, InputError, InputErrors
from harness.evidence.verdict import EXIT_CODES
from harness.i18n import tr
from harness.link import nursery
from harness.profile import Transport
from harness.report import attempts
from harness.report import run as report
from harness.report.model import Run
from harness.scenario import catalogue, counts, files, forked, heap, interrupt, nightly
from harness.scenario.gherkin import gather
from harness.scenario.lint import lint as lint_paths
from harness.scenario.progress import Progress, verdict_table
from harness.scenario.resume import resumed
from harness.scenario.session import RunSession, SessionOptions, run_folder
from harness.scenario.steps import load_libraries
from harness.site import at_rest, cleanup
from harness.site.cards import read_forms

JOBS_MAX = 64
"""Workers; each runs a hospital of its own."""

EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 + SIGINT."""

EXIT_INTERNAL = 70
"""The harness itself failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked ``medharness run`` for."""

    paths: Sequence[str] = ()
    profile: str = "builtin"
    tags: str = ""
    seed: int = 1
    defects: Sequence[str] = ()
    release: int = 1
    jobs: int = 1
    label: str = ""
    out: str = ""
    lang: str = "zh-CN"
    json: bool = False
    verbose: int = 0
    resume: str = ""
    rerun_failed: bool = False
    night: str = ""
    order: Sequence[str] = ()

    def options(self) -> SessionOptions:
        """For the session of the run."""
        return SessionOptions(
            profile=self.profile,
            seed=self.seed,
            folder=run_folder(self.out),
            label=self.label,
            lang=self.lang,
            tags=self.tags,
            command=self.command(),
            defects=tuple(self.defects),
            release=self.release,
            resume=bool(self.resume),
            order=tuple(self.order),
        )

    def going_on(self) -> tuple[Request, Sequence[str]]:
        """The request for what is left of the run to be resumed, and the ids of that.

        Raises:
            InputError: it cannot go on, or was asked for together with another choice.
        """
        if not self.resume:
            if self.rerun_failed:
                raise InputError(tr("--rerun-failed needs --resume DIR"))
            return self._of_night(), ()
        if self.paths or self.out or self.tags or self.night:
            raise InputError(
                tr("--resume DIR goes on with that run alone"),
                remedy=tr("leave PATH, --tags, --night and --out out"),
            )
        left = resumed(Path(self.resume), self.profile, rerun_failed=self.rerun_failed)
        asked = replace(
            self,
            paths=tuple(left.paths),
            out=str(left.folder),
            seed=int(left.plan["seed"]),
            label=str(left.plan["label"]),
            defects=tuple(left.plan["defects"]),
            order=tuple(left.idents),
        )
        return asked, left.idents

    def _of_night(self) -> Request:
        """The request for the scenarios of a night's list, in its order.

        Raises:
            InputError: the list cannot be run, or was asked for together with another choice.
        """
        if not self.night:
            return self
        if self.paths or self.tags:
            raise InputError(tr("--night DIR runs the scenarios of that plan alone"),
                             remedy=tr("leave PATH and --tags out"))  # fmt: skip
        if self.jobs > 1:
            raise InputError(tr("a night runs in its order"), remedy=tr("leave --jobs out"))
        found = nightly.chosen(Path(self.night))
        return replace(self, paths=found.paths, order=found.order)

    def command(self) -> list[str]:
        """The command that asks for the same run again, without a path of this machine."""
        words = ["medharness", "run"]
        words += ["--night", _portable(self.night)] if self.night else map(_portable, self.paths)
        words += ["--seed", str(self.seed), "--profile", _portable(self.profile)]
        for ident in self.defects:
            words += ["--defect", ident]
        if self.release != 1:
            words += ["--release", str(self.release)]
        if self.tags:
            words += ["--tags", self.tags]
        if self.label:
            words += ["--label", self.label]
        return words


def _portable(name: str) -> str:
    """A path as a report may show it; anything else as it is."""
    match = files.LINE.match(name)
    path = Path(match[1] if match else name)
    if not path.exists():
        return name
    return files.shown(path) + (f":{match[2]}" if match else "")


def run(request: Request) -> int:
    """Check everything that can be checked, run, report; returns the exit code.

    Raises:
        InputError: what was asked for cannot be run; nothing was.
        KeyboardInterrupt: Ctrl-C, before anything ran.
    """
    with interrupt.kept(), heap.settled():
        return _run(request)


def _run(request: Request) -> int:
    if not 1 <= request.jobs <= JOBS_MAX:
        raise InputError(tr("--jobs takes 1 to {most}", most=JOBS_MAX))
    request, again = request.going_on()
    options = request.options()
    session = RunSession(options)
    session.check()
    words = at_rest.words_of(session.profile)
    if request.jobs > 1 and not session.only_simulated:
        raise InputError(
            tr("real systems cannot be shared by several workers"), remedy=tr("leave --jobs out")
        )
    chosen = files.choose(request.paths)
    problems = lint_paths(list(chosen)).problems
    if problems:
        raise InputErrors(list(problems))
    chosen = _with_any(chosen, session)
    if again:
        attempts.put_aside(options.folder, list(again))
    progress = Progress(verbose=request.verbose > 0)
    code = _play(request, session, chosen, progress)
    if not (options.folder / "plan.json").is_file():
        return _nothing_ran(progress, code)
    try:
        told = _tell(request, options.folder, progress, code)
    finally:  # a report that cannot be written leaves no trace plain
        open_still = not _closed(options.folder, words)
    return EXIT_INTERNAL if open_still else told


def _closed(folder: Path, words: str) -> bool:
    """Encrypt the run, where there is a passphrase; whether it lies as it should."""
    if not words:
        return True
    trouble = at_rest.close(folder, words)
    if trouble:
        print(tr("it could not be encrypted and is plain: {why}; medharness seal {folder}",
                 why=trouble, folder=folder), file=sys.stderr)  # fmt: skip
    else:
        print(tr("the run is encrypted; medharness unseal opens it"), file=sys.stderr)
    return not trouble


def _play(request: Request, session: RunSession, chosen: files.Chosen, progress: Progress) -> int:
    """Hand everything to pytest; returns what it ended with. Ctrl-C stands in ``progress``."""
    plugins: list[object] = [progress, _Quiet()]
    forks = request.jobs > 1 and forked.possible() and not _followed()
    if forks:
        plugins.append(forked.Forked(request.jobs))
    try:
        with _own_environment(), _systems_kept(session):
            arguments = _arguments(request, session, chosen, forks=forks)
            code = int(pytest.main(arguments, plugins=plugins))
    except KeyboardInterrupt:  # where pytest itself no longer, or not yet, takes it
        progress.interrupted, code = True, int(pytest.ExitCode.INTERRUPTED)
    progress.interrupted = progress.interrupted or interrupt.wished()
    return code


def _with_any(chosen: files.Chosen, session: RunSession) -> files.Chosen:
    """The files in which the tags take a scenario: every worker would read the others in vain.

    Where they take none at all, all files stay, and the run says so as it always does.
    """
    kept = {
        path: lines
        for path, lines in chosen.items()
        for feature in gather([path])[0]
        if lines or any(session.wants(one.tags) for one in feature.scenarios)
    }
    return kept or chosen


def _nothing_ran(progress: Progress, code: int) -> int:
    if progress.interrupted:
        raise KeyboardInterrupt
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise InputError(tr("no scenario was chosen"), remedy=tr("look at --tags and PATH"))
    why = "\n".join(progress.problems) or tr("pytest ended with {code}", code=code)
    raise HarnessError(why)


def _tell(request: Request, folder: Path, progress: Progress, code: int) -> int:
    """Report what ran, also after Ctrl-C and after a failure of our own."""
    with heap.settled():
        trouble = write_left(folder)
        model = report.write(folder, lang=request.lang)
    print(verdict_table(model, folder))
    if trouble:
        print(trouble)
    for problem in progress.problems:
        print(problem)
    exit_code = EXIT_CODES[model.verdict]
    if progress.interrupted:
        print(tr("stopped by the user"))
        exit_code = EXIT_INTERRUPTED
    elif progress.problems or code == pytest.ExitCode.INTERNAL_ERROR:
        print(tr("the harness itself failed; the traces are in {folder}", folder=folder / "traces"))
        exit_code = EXIT_INTERNAL
    if request.json:
        print(json.dumps(result(model, folder, exit_code), ensure_ascii=False))
    return exit_code


def write_left(folder: Path) -> str:
    """Write what real systems still hold of the run, before its report counts it.

    Returns why the table could not be written; the report then says that nobody can tell.
    """
    try:
        cleanup.write(folder, read_forms())
    except InputError as error:
        return str(error)
    except OSError as error:  # open in a spreadsheet, which locks it
        return tr("{file} cannot be written: {why}", file=cleanup.NAME, why=error)
    return ""


def result(model: Run, folder: Path, exit_code: int) -> dict[str, Any]:
    """What ``--json`` says of a run; of its condition where real systems took part."""
    left = model.cleanup.rows or model.cleanup.problem
    condition = {"conditional": model.conditional, "cleanup_open": model.cleanup.open}
    told = {
        "verdict": model.verdict.value,
        "counts": {name: count for name, count in model.counts.items() if count},
        "out": str(folder),
        "exit_code": exit_code,
    }
    return told | (condition if left else {})


def _systems_kept(session: RunSession) -> AbstractContextManager[None]:
    """Where all systems are ours and are processes, they come out of one that has read them in."""
    in_memory = session.profile.transport is Transport.MEMORY
    alone = in_memory or not session.only_simulated or _followed()
    return nullcontext() if alone else nursery.kept()


def _followed() -> bool:
    """Whether coverage.py counts lines in every process: it follows those that start, no forks."""
    return "COVERAGE_PROCESS_CONFIG" in os.environ


class _Quiet:
    """Takes pytest's own terminal report away: ours says what a hospital engineer needs."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Once all plugins are there."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)


_OWN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}


@contextmanager
def _own_environment() -> Iterator[None]:
    """No plugin and no option that happens to be on this machine has a say in a verdict."""
    before = {name: os.environ.get(name) for name in _OWN}
    os.environ.update(_OWN)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _arguments(
    request: Request, session: RunSession, chosen: files.Chosen, *, forks: bool
) -> list[str]:
    """For pytest; files by name, because it has own ideas about which folders to look into."""
    options = session.options
    arguments = [
        f"{path}:{line}" if line else str(path)
        for path, lines in chosen.items()
        for line in lines or (0,)
    ]
    arguments += [
        "-p",
        "harness.scenario.plugin",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "-c",
        str(resources.pytest_configuration()),
        f"--rootdir={Path.cwd()}",
        f"--medharness-profile={options.profile}",
        f"--medharness-seed={options.seed}",
        f"--medharness-out={options.folder}",
        f"--medharness-label={options.label}",
        f"--medharness-lang={options.lang}",
        f"--medharness-tags={options.tags}",
        f"--medharness-command={shlex.join(options.command)}",
        *(f"--medharness-defect={ident}" for ident in options.defects),
        f"--medharness-release={options.release}",
    ]
    if options.order:
        arguments += [f"--medharness-order={' '.join(options.order)}"]
    if options.resume:
        arguments += ["--medharness-resume"]
    if forks or not session.only_simulated:
        # Cards for persons must be seen while a scenario runs; forked workers would share one file.
        arguments += ["-s"]
    if request.jobs > 1 and not forks:
        arguments += ["-p", "xdist", "-n", str(request.jobs)]
    return arguments


def lint(given: Sequence[str], *, count: bool, as_json: bool) -> int:
    """Check scenarios without running them."""
    checked = lint_paths(list(files.choose(given)))
    for problem in checked.problems:
        print(problem)
    for warning in checked.warnings:
        print(warning)
    code = 2 if checked.problems else 0
    told: dict[str, Any] = {"scenarios": checked.scenarios, "problems": len(checked.problems)}
    print(tr("{scenarios} scenarios, {problems} problems", **told))
    if count:
        told = counts.counts(checked.by_pillar)
        print(counts.table(told))
    if as_json:
        print(json.dumps(told | {"exit_code": code}, ensure_ascii=False))
    return code


def steps(*, as_json: bool) -> int:
    """Print the catalogue of sentences."""
    registry = load_libraries()
    if as_json:
        print(json.dumps(catalogue.data(registry) | {"exit_code": 0}, ensure_ascii=False))
    else:
        print(catalogue.markdown(registry))
    return 0
