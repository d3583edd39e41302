"""What a run says on the terminal: a line a scenario while it runs, a table at the end."""

from __future__ import annotations

import sys
import time
import unicodedata
from pathlib import Path
from typing import Any, TextIO

import pytest

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report import words
from harness.report.model import Run
from harness.report.overview import condition
from harness.report.words import verdict_name
from harness.scenario.plugin import OUTCOME

MARKS = {
    Verdict.PASS: "✔",
    Verdict.FAIL: "✘",
    Verdict.ERROR: "‼",
    Verdict.INCONCLUSIVE: "?",
    Verdict.BLOCKED: "■",
    Verdict.NOT_APPLICABLE: "-",
}

FINDINGS_SHOWN_MAX = 5
"""Findings of one scenario on the terminal; the report has all."""


class Progress:
    """A pytest plugin of the controller: one line when a scenario ends.

    Args:
        out: where the lines go; standard output where left out.
        verbose: reasons and findings below each line, as they come.
    """

    def __init__(self, out: TextIO | None = None, *, verbose: bool = False) -> None:
        self._out = out or sys.stdout
        self._verbose = verbose
        self._total = 0
        self._done = 0
        self._started = time.monotonic()
        self.problems: list[str] = []
        self.interrupted = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many there are to run."""
        self._expect(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(
        self,
        node: Any,
        ids: list[str],
    ) -> None:
        """The same with workers: each of them collects everything."""
        if not self._total:
            self._expect(len(ids))

    def _expect(self, total: int) -> None:
        self._total = total
        self._say(tr("{total} scenarios", total=total))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read."""
        if report.failed:
            self.problems.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A scenario ended."""
        found = dict(report.user_properties).get(OUTCOME)
        if report.when == "call" and isinstance(found, dict):
            self._done += 1
            verdict = Verdict(found["verdict"])
            seconds = time.monotonic() - self._started
            width = len(str(self._total))
            self._say(
                f"[{self._done:{width}}/{self._total}] {seconds:5.1f}s "
                f"{MARKS[verdict]} {verdict_name(verdict)}  {found['name']}"
            )
            for line in found["lines"] if self._verbose else ():
                self._say(f"    {words.reason(line)}")
        elif report.failed and not found:
            self.problems.append(f"{report.nodeid}: {report.longrepr}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C; pytest also comes here where it gives up collecting."""
        self.interrupted = self.interrupted or excinfo.type is KeyboardInterrupt

    def pytest_internalerror(self, excrepr: object) -> None:
        """Our own failure outside of any scenario."""
        self.problems.append(str(excrepr))

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def verdict_table(run: Run, folder: Path) -> str:
    """The end of a run: what failed and where, counts, and where to read on."""
    lines = ["", tr("Result by interface:")]
    interfaces = dict.fromkeys(one.interface for one in run.scenarios)
    width = max([_width(name) for name in interfaces] or [0])
    for name in interfaces:
        verdicts = [one.verdict for one in run.scenarios if one.interface == name]
        counts = "  ".join(
            f"{MARKS[verdict]} {verdict_name(verdict)} {verdicts.count(verdict)}"
            for verdict in Verdict
            if verdict in verdicts
        )
        lines.append(f"  {name}{' ' * (width - _width(name))}  {counts}")
    for one in run.scenarios:
        if one.verdict in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
            continue
        lines += ["", f"{MARKS[one.verdict]} {one.name}  ({one.file}:{one.line})"]
        for finding in one.findings[:FINDINGS_SHOWN_MAX]:
            lines.append(
                tr(
                    "    {place}: expected {expected}, got {actual} ({message})",
                    place=finding.place,
                    expected=words.finding_word(finding.expected),
                    actual=words.finding_word(finding.actual),
                    message=words.finding_word(finding.message),
                )
            )
        lines += [f"    {words.reason(reason)}" for reason in one.reasons[:FINDINGS_SHOWN_MAX]]
    lines += [
        "",
        tr("Verdict: {verdict}", verdict=f"{MARKS[run.verdict]} {verdict_name(run.verdict)}"),
        *([condition(run)] if run.conditional else []),
        tr("Report: {path}", path=folder / "report.html"),
    ]
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
