"""The pytest plugin: collects ``.feature`` files and runs each scenario as a test.

Opt-in: ``pytest -p harness.scenario.plugin scenarios/``. It uses the public API of pytest only, so
selection by ``-k``, path or ``file.feature:LINE``, and xdist, work as for any test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import i18n
from harness.errors import HarnessError, InputError, InputErrors
from harness.evidence.conclude import Conclusion
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.scenario import interrupt
from harness.scenario.binding import BoundScenario, load
from harness.scenario.lint import lint
from harness.scenario.selection import Lines
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries

OUTCOME = "medharness"
"""Name under which a report carries the verdict of its scenario."""

_session_key = pytest.StashKey[RunSession]()
_lines_key = pytest.StashKey[Lines]()


class ScenarioNotPassed(Exception):  # noqa: N818 - a verdict, shown by pytest as its message
    """A scenario whose verdict is not pass."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run; ``medharness run`` sets them."""
    group = parser.getgroup("medharness")
    group.addoption("--medharness-profile", default="builtin", help="site profile")
    group.addoption("--medharness-seed", type=int, default=1, help="seed of the run")
    group.addoption("--medharness-out", default="", help="run folder")
    group.addoption("--medharness-label", default="", help="label of the run")
    group.addoption(
        "--medharness-lang", default="zh-CN", choices=i18n.LANGUAGES, help="language of texts"
    )
    group.addoption("--medharness-tags", default="", help="tag expression, such as '@冒烟'")
    group.addoption("--medharness-command", default="", help="how the run was asked for")
    group.addoption("--medharness-defect", action="append", default=[], help="defect to switch on")
    group.addoption(
        "--medharness-resume", action="store_true", help="go on in a run folder that is used"
    )
    group.addoption("--medharness-order", default="", help="ids of what runs, in this order")
    group.addoption("--medharness-release", type=int, default=1, help="of the built-in hospital")


@contextmanager
def _as_usage() -> Iterator[None]:
    """What the user can mend is said by pytest without a traceback."""
    try:
        yield
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Take the line off ``file.feature:LINE``; pytest itself knows no such address."""
    early_config.stash[_lines_key] = Lines.take(args)


def pytest_configure(config: pytest.Config) -> None:
    """Open the session; a worker of xdist gets the folder and the lines from its controller."""
    i18n.use(config.option.medharness_lang)
    options = SessionOptions.of(config.option)
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        session = RunSession(options.at(Path(worker["medharness_folder"])))
        config.stash[_lines_key] = Lines(**worker["medharness_lines"])
    else:
        session = RunSession(options)
        config.stash.setdefault(_lines_key, Lines()).without(config.args)
        if not config.option.collectonly:
            with _as_usage():
                session.check()
                _refuse_plain(session)
    config.stash[_session_key] = session


def _refuse_plain(session: RunSession) -> None:
    """Pytest alone encrypts nothing at the end; only ``medharness run`` does, which names itself.

    Raises:
        InputError: the traces of real systems would stay plain against the profile.
    """
    if session.profile.theirs and not session.options.command and session.profile.privacy.key_env:
        raise InputError(tr("pytest does not encrypt what real systems say"),
                         remedy="medharness run")  # fmt: skip


class XdistHooks:
    """Hooks that exist only where xdist is active."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what the controller decided."""
        config: pytest.Config = node.config
        node.workerinput["medharness_folder"] = str(config.stash[_session_key].options.folder)
        node.workerinput["medharness_lines"] = config.stash[_lines_key].data()


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Join in with xdist once it is there."""
    ours = "medharness-xdist"
    xdist = manager.get_canonical_name(plugin) == "xdist" or type(plugin).__name__ == "DSession"
    if xdist and not manager.has_plugin(ours):
        manager.register(XdistHooks(), ours)


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Every ``.feature`` file."""
    if file_path.suffix == ".feature":
        return FeatureFile.from_parent(parent, path=file_path)
    return None


class FeatureFile(pytest.File):
    """One feature file: read, bound and checked as a whole, all its problems at once."""

    def collect(self) -> Iterable[pytest.Item]:
        """Its scenarios."""
        try:
            problems = lint([self.path]).problems
            if problems:
                raise InputErrors(list(problems))
            bound = load([self.path], load_libraries())
        except HarnessError as error:
            raise self.CollectError(str(error)) from error
        for one in bound:
            scenario = one.scenario
            item: ScenarioItem = ScenarioItem.from_parent(
                self, name=f"{scenario.name}:{scenario.row_line or scenario.line}", bound=one
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
        interrupt.check()
        conclusion = self.config.stash[_session_key].run(self.bound)
        lines = [*conclusion.reasons, *_findings(conclusion)]
        scenario = self.bound.scenario
        facts = {"id": scenario.id, "name": scenario.name, "verdict": conclusion.verdict.value}
        self.user_properties.append((OUTCOME, facts | {"lines": lines}))
        if conclusion.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip("; ".join(conclusion.reasons))
        if conclusion.verdict is not Verdict.PASS:
            raise ScenarioNotPassed("\n".join([conclusion.verdict.value, *lines]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """A verdict needs no Python traceback."""
        if isinstance(excinfo.value, ScenarioNotPassed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        scenario = self.bound.scenario
        return self.path, (scenario.row_line or scenario.line) - 1, scenario.name


def _findings(conclusion: Conclusion) -> list[str]:
    return [f"{one.place}: {one.expected} ≠ {one.actual}" for one in conclusion.findings]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose by line and by tags; refuse ids that stand twice in the tree."""
    session = config.stash[_session_key]
    ours = [item for item in items if isinstance(item, ScenarioItem)]
    _refuse_duplicates([item.bound for item in ours])
    order = {ident: number for number, ident in enumerate(session.options.order)}
    meant = config.stash[_lines_key].choose([item.bound.scenario for item in ours])
    with _as_usage():
        left: list[pytest.Item] = [
            item
            for item, at_line in zip(ours, meant, strict=True)
            if not (
                at_line
                and session.wants(item.bound.scenario.tags)
                and (not order or item.bound.scenario.id in order)
            )
        ]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    if order:
        items.sort(key=lambda one: _turn(one, order))


def _turn(item: pytest.Item, order: Mapping[str, int]) -> int:
    """Which one in a row it is."""
    return order[item.bound.scenario.id] if isinstance(item, ScenarioItem) else len(order)


def _refuse_duplicates(bound: Sequence[BoundScenario]) -> None:
    """Case does not tell two ids apart, because trace files are named by them."""
    seen: dict[str, BoundScenario] = {}
    for one in bound:
        first = seen.setdefault(one.scenario.id.lower(), one)
        if first is not one:
            message = tr(
                "the id {id} stands twice, also at {other}",
                id=one.scenario.id,
                other=first.scenario.where,
            )
            raise pytest.UsageError(f"{one.scenario.where}: {message}")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down what is going to run, before it does."""
    items = [item.bound for item in session.items if isinstance(item, ScenarioItem)]
    if items and not session.config.option.collectonly:
        with _as_usage():
            ours = session.config.stash[_session_key]
            ours.plan([one.scenario for one in items])
            ours.follow(items)


def ended(config: pytest.Config) -> str:
    """Stop the systems of this process; what went wrong in that, empty where nothing did."""
    try:
        left = config.stash[_session_key].stop()
    except Exception as error:  # noqa: BLE001 - told as a failure of ours
        return f"{type(error).__name__}: {error}"
    return f"left over: {', '.join(left)}" if left else ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the systems; what goes wrong in that is a failure of ours."""
    config = session.config
    try:
        left = config.stash[_session_key].stop()
        if left:
            raise HarnessError(f"left over: {', '.join(left)}")
    except Exception:  # noqa: BLE001 - told as pytest tells its own
        failure: pytest.ExceptionInfo[BaseException] = pytest.ExceptionInfo.from_current()
        excrepr = failure.getrepr(style="short")
        config.hook.pytest_internalerror(excrepr=excrepr, excinfo=failure)
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
