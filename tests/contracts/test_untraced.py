"""What is marked untraced runs without the coverage tracer, and the next test has it again."""

import os
import sys

import pytest

pytestmark = pytest.mark.xdist_group("untraced")

_before: dict[str, object] = {}


def coverage():
    """Names by which a process that is started learns that lines are counted."""
    return sorted(name for name in os.environ if name.startswith("COVERAGE_"))


def test_first():
    _before.update(tracer=type(sys.gettrace()), names=coverage())


@pytest.mark.untraced
def test_nothing_is_counted_here():
    assert sys.gettrace() is None
    assert coverage() == []


def test_and_again_afterwards():
    assert _before == {"tracer": type(sys.gettrace()), "names": coverage()}
