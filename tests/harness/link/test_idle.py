"""Letting time pass: nothing that happens meanwhile wakes anybody, an error does."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.errors import HarnessError
from harness.link.pump import Pump
from harness.link.threads import Threads
from tests.harness.link.test_threads import dial, echo, serving


def test_who_lets_time_pass_is_not_woken_by_what_happens():
    runtime = Threads()
    woken = []
    bell = runtime._answered
    # Sleeps as the real one does where nobody rings, and counts how often it came to that.
    bell._condition.wait = lambda left: (woken.append(left), time.sleep(left))
    _, address = serving(runtime, echo())
    begun = runtime.clock.now()
    with dial(address) as sock, ThreadPoolExecutor(1) as other:

        def talk():
            for _ in range(20):
                sock.sendall(b"x")
                assert sock.recv(1) == b"x"

        talking = other.submit(talk)
        runtime.idle(begun + 0.3)
        talking.result()
    assert runtime.clock.now() >= begun + 0.3
    assert len(woken) == 1
    assert runtime.stop() == []


def test_an_error_ends_it_at_once():
    runtime = Threads()
    with ThreadPoolExecutor(1) as other:
        # Later than the wait below begins: an error that stands already would prove nothing.
        other.submit(lambda: (time.sleep(0.1), runtime.failed(HarnessError("broken"))))
        begun = runtime.clock.now()
        with pytest.raises(HarnessError, match="broken"):
            runtime.idle(begun + 30)
    assert runtime.clock.now() < begun + 20
    assert runtime.stop() == []


def test_over_virtual_time_what_is_due_happens_meanwhile():
    pump, came = Pump(), []
    pump.schedule(pump.clock.now() + 1, lambda: came.append(pump.clock.now()))
    pump.idle(pump.clock.now() + 5)
    assert came == [1]
    assert pump.clock.now() == 5
