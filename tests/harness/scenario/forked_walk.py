"""Walks of ``Forked`` in a process of one thread, as a program has it; prints what came of each.

Each walk is ten pieces in three workers. What they are does not matter to ``Forked``: a piece is a
function, and a report is a pair.
"""

import json
import os
import signal
import time
from types import SimpleNamespace

from harness.errors import HarnessError
from harness.scenario import forked

BEGUN, BEGINS = os.pipe()


def report_of(item):
    item.hook.pytest_runtest_logreport(report=(item.nodeid, os.getpid()))


def dies(item):
    os._exit(9)


def stops_the_run(item):
    for _ in range(2):
        os.read(BEGUN, 1)  # the other two play: who has not begun has nothing to stop
    os.kill(item.controller, signal.SIGINT)
    waits(item)


def waits(item):
    os.write(BEGINS, b".")
    time.sleep(600)  # until Ctrl-C ends it


def begins(item):
    os.write(BEGINS, b".")
    report_of(item)


def session_of(walk):
    plugin = forked.Forked(3)
    seen = []

    def logreport(report):
        plugin.pytest_runtest_logreport(report)
        if os.getpid() == controller:
            seen.append(report)

    hook = SimpleNamespace(
        pytest_report_to_serializable=lambda config, report: list(report),
        pytest_report_from_serializable=lambda config, data: tuple(data),
        pytest_runtest_logreport=logreport,
        pytest_runtest_protocol=lambda item, nextitem: item.play(item),
    )
    controller = os.getpid()
    config = SimpleNamespace(hook=hook, option=SimpleNamespace(collectonly=False))
    items = [
        SimpleNamespace(nodeid=f"piece {number}", hook=hook, controller=controller, play=report_of)
        for number in range(10)
    ]
    if walk in {"lost", "stopped"}:
        items[1].play = dies if walk == "lost" else stops_the_run
    if walk == "stopped":
        items[0].play, items[-1].play = waits, begins
    return plugin, seen, SimpleNamespace(config=config, items=items, testsfailed=0)


def came_of(walk):
    stopped, stops = os.pipe()  # a byte for each worker that stopped its systems

    def ended(config):
        os.write(stops, b".")
        return "left over: a thread" if walk == "left" else ""

    forked.ended = ended
    plugin, seen, session = session_of(walk)
    told = {"trouble": ""}
    try:
        told["played"] = plugin.pytest_runtestloop(session)
    except (HarnessError, KeyboardInterrupt) as error:
        told["trouble"] = f"{type(error).__name__} {error}"
    told["pieces"] = sorted(name for name, _ in seen)
    told["workers"] = len({pid for _, pid in seen} - {os.getpid()})
    told["still"] = [one.pid for one in plugin._workers]
    os.close(stops)
    told["stopped"] = len(os.read(stopped, 100))
    return told


if __name__ == "__main__":
    assert forked.possible()
    print(json.dumps({walk: came_of(walk) for walk in ("played", "lost", "stopped", "left")}))
