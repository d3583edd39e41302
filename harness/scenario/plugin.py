"""The pytest plugin: collects ``.feature`` files and runs each scenario as a test.

Opt-in: ``pytest -p harness.scenario.plugin scenarios/``. It uses the public API of pytest only, so
selection by ``-k``, path or ``file.feature:LINE``, and xdist, work as for any test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, InputErrors
from harness.evidence.verdict import Verdict
from harness.scenario.binding import BoundScenario, bind
from harness.scenario.gherkin import read_features
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries

_LINE = re.compile(r"(.+\.feature):(\d+)$")

OUTCOME = "medharness"
"""Name under which a report carries the verdict of its scenario."""

_session_key = pytest.StashKey[RunSession]()
_lines_key = pytest.StashKey[dict[str, list[int]]]()


class ScenarioNotPassed(Exception):  # noqa: N818 - a verdict, shown by pytest as its message
    """A scenario whose verdict is not pass."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run; ``medharness run`` sets them."""
    group = parser.getgroup("medharness")
    group.addoption("--medharness-profile", default="builtin", help="site profile")
    group.addoption("--medharness-seed", type=int, default=1, help="seed of the run")
    group.addoption("--medharness-out", default="", help="run folder")
    group.addoption("--medharness-label", default="", help="label of the run")
    group.addoption("--medharness-lang", default="zh-CN", help="language of texts")
    group.addoption("--medharness-tags", default="", help="tag expression, such as '@冒烟'")
    group.addoption("--medharness-command", default="", help="how the run was asked for")
    group.addoption(
        "--medharness-defect", action="append", default=[], help="defect to switch on"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Take the line off ``file.feature:LINE``; pytest itself knows no such address."""
    lines: dict[str, list[int]] = {}
    for index, arg in enumerate(args):
        match = _LINE.match(arg)
        if match:
            args[index] = match[1]
            lines.setdefault(str(Path(match[1]).resolve()), []).append(int(match[2]))
    early_config.stash[_lines_key] = lines


def pytest_configure(config: pytest.Config) -> None:
    """Open the session; a worker of xdist gets the folder and the lines from its controller."""
    options = SessionOptions.of(config.option)
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        options = options.at(Path(worker["medharness_folder"]))
        config.stash[_lines_key] = worker["medharness_lines"]
    config.stash[_session_key] = RunSession(options, worker="" if worker is None else "worker")


class XdistHooks:
    """Hooks that exist only where xdist is active."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what the controller decided."""
        config: pytest.Config = node.config
        node.workerinput["medharness_folder"] = str(config.stash[_session_key].options.folder)
        node.workerinput["medharness_lines"] = config.stash.get(_lines_key, {})


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Join in with xdist once it is there."""
    if manager.get_canonical_name(plugin) == "xdist" or (
        type(plugin).__name__ == "DSession" and not manager.has_plugin("medharness-xdist")
    ):
        if not manager.has_plugin("medharness-xdist"):
            manager.register(XdistHooks(), "medharness-xdist")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Every ``.feature`` file."""
    if file_path.suffix == ".feature":
        return FeatureFile.from_parent(parent, path=file_path)
    return None


class FeatureFile(pytest.File):
    """One feature file: read and bound as a whole, all its problems at once."""

    def collect(self) -> Iterable[pytest.Item]:
        """Its scenarios."""
        try:
            features = read_features([self.path])
            bound = bind(features, load_libraries())
        except HarnessError as error:
            raise self.CollectError(str(error)) from error
        for one in bound:
            scenario = one.scenario
            item: ScenarioItem = ScenarioItem.from_parent(
                self, name=f"{scenario.name}:{scenario.line}", bound=one
            )
            yield item


class ScenarioItem(pytest.Item):
    """One scenario as a test."""

    def __init__(self, *, bound: BoundScenario, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bound = bound
        self.extra_keyword_matches.update(bound.scenario.tags)
        self.extra_keyword_matches.update(tag.lstrip("@") for tag in bound.scenario.tags)

    def runtest(self) -> None:
        """Run it and turn the verdict into what pytest knows."""
        session = self.config.stash[_session_key]
        conclusion = session.run(self.bound)
        self.user_properties.append(
            (OUTCOME, {"id": self.bound.scenario.id, "verdict": conclusion.verdict.value})
        )
        if conclusion.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip("; ".join(conclusion.reasons))
        if conclusion.verdict is not Verdict.PASS:
            lines = [f"{one.place}: {one.expected} ≠ {one.actual}" for one in conclusion.findings]
            raise ScenarioNotPassed(
                "\n".join([conclusion.verdict.value, *conclusion.reasons, *lines])
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """A verdict needs no Python traceback."""
        if isinstance(excinfo.value, ScenarioNotPassed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, self.bound.scenario.line - 1, self.bound.scenario.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose by line and by tags; refuse ids that stand twice in the tree."""
    session = config.stash[_session_key]
    lines = config.stash.get(_lines_key, {})
    chosen, left = [], []
    for item in items:
        wanted = isinstance(item, ScenarioItem) and (
            _at_line(item, lines) and session.wants(item.bound.scenario.tags)
        )
        (chosen if wanted or not isinstance(item, ScenarioItem) else left).append(item)
    _refuse_duplicates([one.bound for one in chosen if isinstance(one, ScenarioItem)])
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = chosen


def _at_line(item: ScenarioItem, lines: dict[str, list[int]]) -> bool:
    """The scenario in which the line lies: the last one that begins at or before it."""
    wanted = lines.get(str(item.path.resolve()))
    if not wanted:
        return True
    begin, end = item.bound.scenario.line, item.bound.last_line
    return any(begin <= line <= end for line in wanted)


def _refuse_duplicates(bound: Sequence[BoundScenario]) -> None:
    seen: dict[str, BoundScenario] = {}
    for one in bound:
        first = seen.setdefault(one.scenario.id, one)
        if first is not one:
            raise pytest.UsageError(
                f"{one.scenario.file}:{one.scenario.line}: the id {one.scenario.id} stands twice,"
                f" also at {first.scenario.file}:{first.scenario.line}"
            )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down what is going to run, before it does."""
    items = [item.bound for item in session.items if isinstance(item, ScenarioItem)]
    if items and not session.config.option.collectonly:
        session.config.stash[_session_key].plan([one.scenario for one in items])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the systems."""
    try:
        session.config.stash[_session_key].stop()
    except InputErrors as error:
        raise pytest.UsageError(str(error)) from error
