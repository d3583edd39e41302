"""Most of what is slow runs without the coverage tracer, and what comes next has it again."""

import os
import sys

import pytest


def coverage():
    """Names by which a process that is started learns that lines are counted."""
    return sorted(name for name in os.environ if name.startswith("COVERAGE_"))


@pytest.mark.parametrize(
    "_", [pytest.param(0, marks=pytest.mark.untraced), pytest.param(1, marks=pytest.mark.slow)]
)
def test_nothing_is_counted_here(_):
    assert sys.gettrace() is None
    assert coverage() == []


class Marked:
    """A test as the hook sees it."""

    def __init__(self, mark, nodeid):
        self.mark, self.nodeid = mark, nodeid

    def get_closest_marker(self, name):
        return name == self.mark


@pytest.mark.parametrize(
    ("mark", "nodeid", "traced"),
    [
        ("untraced", "tests/harness/ledger/test_a.py::test_b", False),
        ("slow", "tests/peers/test_a.py::test_b", False),
        ("slow", "tests/harness/ledger/test_a.py::test_b", True),
        ("peer", "tests/peers/test_a.py::test_b", True),
    ],
)
def test_and_again_afterwards(request, monkeypatch, mark, nodeid, traced):
    monkeypatch.delenv("MEDHARNESS_TESTS", raising=False)
    for name in coverage():
        monkeypatch.delenv(name)
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "kept")
    (hook,) = {
        plugin.pytest_runtest_protocol
        for _, plugin in request.config.pluginmanager.list_name_plugin()
        if getattr(plugin, "__file__", "") == str(request.config.rootpath / "tests/conftest.py")
    }
    before, own = sys.gettrace(), lambda *_: None
    sys.settrace(own)
    try:
        around = hook(Marked(mark, nodeid))
        next(around)
        during = sys.gettrace(), coverage()
        with pytest.raises(StopIteration):
            around.send(None)
        after = sys.gettrace(), os.environ["COVERAGE_PROCESS_CONFIG"]
    finally:
        sys.settrace(before)

    assert during == ((own, ["COVERAGE_PROCESS_CONFIG"]) if traced else (None, []))
    assert after == (own, "kept")
