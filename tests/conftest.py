"""What the whole test run must say at its end, and the one rule about skips.

A skip needs a reason from ``REASONS``: a test that silently does not run is the green that tested
nothing. With ``MEDHARNESS_REQUIRE_PEERS=1`` no peer may be missing at all.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from harness import i18n
from harness.faults.plan import keyed
from harness.selfcheck.revision import commit, slice_of

settings.register_profile("medharness", deadline=None)
settings.load_profile("medharness")
"""No example has a time limit of its own: on a busy machine that would be a coin toss."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and (
    threading.current_thread() is threading.main_thread()
):
    # A job in the background is begun so, and hands it on; here and in programs that the tests
    # start, somebody presses Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

REASONS = (
    r"chromium is not installed",
    r"the openssl command line is missing",
    r"PostgreSQL is not installed",
    r"peer \S+ is not installed",
    r"could not import 'psycopg'",
    r"this account may not make links",
    r"this machine has no IPv6 loopback",
    r"there is no SIGKILL on Windows",
)
"""Why a test may be skipped; anything else fails the run."""

WHOLE = "MEDHARNESS_TESTS"
"""``slice`` puts off most slow tests, as ``make test`` does; ``half`` every second one, as CI does;
``every`` runs them all; ``whole`` also plays all of what each commit plays a slice of, and counts
lines in every test."""

PARTS = {"slice": 8, "half": 2}
"""Of the slow tests one part in so many runs; which one, the commit decides."""

NEVER_PUT_OFF = ("tests/test_tidy.py",)
"""What a change anywhere may break, and takes seconds."""

COUNTED = (
    "tests/contracts/test_cited_records.py",
    "tests/harness/cases/",
    "tests/harness/ledger/",
    "tests/harness/link/",
    "tests/harness/selfcheck/",
    "tests/harness/upgrade/",
    "tests/simulators/load/",
    "tests/simulators/modality/",
)
"""Where slow tests reach what no fast test does: there lines are counted all the same."""

MINUTES = (
    "tests/harness/cases/test_dicom_persons.py::test_ten_thousand_people",
    "tests/harness/cases/test_lasting.py::test_a_huge_capture",
    "tests/peers/test_orthanc_suite.py::",
    "tests/peers/test_spark.py::",
)
"""What takes minutes by itself: never in a ``slice``."""

_skips: list[str] = []
_counts = {"run": 0, "slow": 0, "put off": 0}


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """Each test begins in the language that a program begins in, whatever ran before it."""
    i18n.use("zh-CN")
    yield
    i18n.use("zh-CN")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What a module starts once is started in one worker, and such modules begin first.

    Else each worker starts the same hospital, server or browser for its part of the tests; and a
    long piece that begins last leaves the other workers idle.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        """Hands out single tests, and the modules that share a start as a whole."""

        def _split_scope(self, nodeid: str) -> str:
            return piece_of(nodeid)

    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With workers, slow tests begin first: at the end short ones fill what is left to each.

    Without, tests stay as they stand, so that what a module starts is started once.
    """
    if (how := os.environ.get(WHOLE)) in PARTS:
        _put_off(config, items, PARTS[how])
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _put_off(config: pytest.Config, items: list[pytest.Item], parts: int) -> None:
    """Take away the slow tests of other commits' parts; how many is said at the end."""
    slow = [item.nodeid for item in items if item.get_closest_marker("slow")]
    left = sliced(slow, commit(), parts)
    off = [item for item in items if item.nodeid in left]
    items[:] = [item for item in items if item.nodeid not in left]
    config.hook.pytest_deselected(items=off)
    if hasattr(config, "workeroutput"):
        config.workeroutput["put off"] = len(off)
    _counts["put off"] = len(off)


def sliced(slow: list[str], revision: str, parts: int) -> set[str]:
    """Which of these slow tests a commit puts off; a module that shares a start goes as a whole."""
    part, never = slice_of(revision, parts), MINUTES if parts == PARTS["slice"] else ()
    return {
        one
        for one in slow
        if one.startswith(never)
        or (not one.startswith(NEVER_PUT_OFF) and int(keyed(piece_of(one)) * parts) != part)
    }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each worker put off the same tests."""
    _counts["put off"] = getattr(node, "workeroutput", {}).get("put off", 0)


def piece_of(nodeid: str) -> str:
    """What a test is handed out with: its module where that shares a start, else nothing."""
    module = nodeid.partition("::")[0]
    return module if _shares(module) else nodeid


@cache
def _shares(module: str) -> bool:
    """Whether a fixture of the module is made once for all of its tests."""
    path = Path(__file__).resolve().parents[1] / module
    return path.is_file() and 'fixture(scope="module"' in path.read_text(encoding="utf-8")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Most slow tests run without the coverage tracer, which makes them take twice to four times.

    They are about scale and about whole programs, several times the same; that enough lines are
    reached is shown by the others. ``MEDHARNESS_TESTS=whole`` traces them, too.
    """
    if _counted(item) or os.environ.get(WHOLE) == "whole":
        return (yield)
    tracer, threads = sys.gettrace(), threading.gettrace()
    told = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")}
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type] # None is what it begins with
    try:
        return (yield)
    finally:
        os.environ.update(told)
        threading.settrace(threads)  # type: ignore[arg-type] # as it was
        sys.settrace(tracer)


def _counted(item: pytest.Item) -> bool:
    """Whether lines are counted while a test runs."""
    if item.get_closest_marker("untraced"):
        return False
    return not item.get_closest_marker("slow") or item.nodeid.startswith(COUNTED)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what ran, and keep the reasons of what did not."""
    if report.when == "call" and not report.skipped:
        _counts["run"] += 1
        _counts["slow"] += "slow" in report.keywords
    if report.skipped and isinstance(report.longrepr, tuple):
        _skips.append(report.longrepr[2].removeprefix("Skipped: "))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skip without a listed reason fails; so does any where peers are required."""
    if hasattr(session.config, "workerinput"):
        return
    required = os.environ.get("MEDHARNESS_REQUIRE_PEERS") == "1"
    if exitstatus == 0 and _skips and (required or any(not _listed(one) for one in _skips)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _listed(reason: str) -> bool:
    return any(re.search(pattern, reason) for pattern in REASONS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Collected, run, skipped, slow: so that nobody takes a part for the whole."""
    off = _counts["put off"]
    deselected = max(off, len(terminalreporter.stats.get("deselected", ())))
    collected = _counts["run"] + len(_skips) + deselected
    terminalreporter.write_line(
        f"collected {collected}, run {_counts['run']} (slow {_counts['slow']}),"
        f" skipped {len(_skips)}, slow-not-run {off}, otherwise not run {deselected - off}"
    )
    for reason in sorted(set(_skips)):
        mark = "" if _listed(reason) else "  <- not a listed reason: the run fails"
        terminalreporter.write_line(f"skipped: {reason} ({_skips.count(reason)}){mark}")
