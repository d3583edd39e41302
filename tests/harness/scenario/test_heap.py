"""What the collector of garbage need not look through."""

import gc

import pytest

from harness.scenario.heap import settled


def test_what_is_there_stays_and_is_let_go_after_that():
    before = gc.get_freeze_count()
    with pytest.raises(KeyboardInterrupt), settled():
        assert gc.get_freeze_count() > before
        raise KeyboardInterrupt
    assert gc.get_freeze_count() == 0
