"""What is marked untraced runs without the coverage tracer, and what comes next has it again."""

import os
import sys

import pytest


def coverage():
    """Names by which a process that is started learns that lines are counted."""
    return sorted(name for name in os.environ if name.startswith("COVERAGE_"))


@pytest.mark.untraced
def test_nothing_is_counted_here():
    assert sys.gettrace() is None
    assert coverage() == []


class Marked:
    """A test as the hook sees it."""

    @staticmethod
    def get_closest_marker(name):
        return name == "untraced"


def test_and_again_afterwards(request, monkeypatch):
    monkeypatch.delenv("MEDHARNESS_TESTS", raising=False)
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "kept")
    (hook,) = {
        plugin.pytest_runtest_protocol
        for _, plugin in request.config.pluginmanager.list_name_plugin()
        if getattr(plugin, "__file__", "") == str(request.config.rootpath / "tests/conftest.py")
    }
    before, own = sys.gettrace(), lambda *_: None
    sys.settrace(own)
    try:
        around = hook(Marked)
        next(around)
        during = sys.gettrace(), coverage()
        with pytest.raises(StopIteration):
            around.send(None)
        after = sys.gettrace(), os.environ["COVERAGE_PROCESS_CONFIG"]
    finally:
        sys.settrace(before)

    assert during == (None, [])
    assert after == (own, "kept")
