"""Ctrl-C is not lost where a callback of a C library swallows it."""

import signal
import sqlite3
import threading

import pytest

from harness.errors import InputError
from harness.scenario import interrupt


@pytest.fixture(autouse=True)
def _heard():
    """As at a terminal; a shell that starts something behind it has Ctrl-C ignored there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def swallow_one():
    """Ctrl-C inside SQLite's progress handler: the library turns it into an error of its own."""
    db = sqlite3.connect(":memory:")

    def pressed():
        signal.raise_signal(signal.SIGINT)
        return 0

    db.set_progress_handler(pressed, 1)
    with pytest.raises(sqlite3.OperationalError):
        db.execute("SELECT 1").fetchall()
    db.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_swallowed_wish_is_kept():
    with interrupt.kept():
        interrupt.check()
        swallow_one()

        with pytest.raises(KeyboardInterrupt):
            interrupt.check()

    interrupt.check()


def test_an_ordinary_wish_is_raised_where_it_comes():
    with interrupt.kept(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    interrupt.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_system_that_ends_by_it_is_not_told_in_its_place():
    def start():
        swallow_one()
        raise InputError("HIS did not start: KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt), interrupt.kept():
        start()

    assert not interrupt.wished()


def test_an_error_without_a_wish_is_told_as_it_is():
    with pytest.raises(InputError), interrupt.kept():
        raise InputError("HIS did not start")


def test_elsewhere_than_in_the_main_thread_nothing_is_touched():
    seen = []

    def other():
        with interrupt.kept():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()

    assert seen == [signal.default_int_handler]


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupt.kept():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
