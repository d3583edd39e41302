"""``simulate centre`` as a person starts it, and a hospital beside it; not a test module."""

from __future__ import annotations

import itertools
import re
import signal
import threading
from argparse import Namespace
from datetime import datetime

import httpx

from harness import resources
from harness.clock import CHINA
from simulators import foreground
from simulators.centre import simulate
from tests.simulators.centre.hospital import members


class Line:
    """The hospital's line to the centre: one client, its own envelope."""

    def __init__(self, url, client, told, **envelope):
        self.url, self.client, self.told, self.more = url, client, told, envelope
        self.numbers = itertools.count(1)

    def ask(self, infno, nodes, **more):
        at = datetime.now(CHINA)
        body = members(infno, nodes, next(self.numbers), at, **self.more | more)
        return self.client.post(self.url, json=body).json()


def province_file(folder, *, policy=""):
    """The province that ships, without a gateway in front, and with more policy."""
    text = resources.fixture("centre", "provinces", "hunan.toml").read_text("utf-8")
    text = text.replace('family = "csb"', 'family = "none"').replace(
        "[policy]", f"[policy]\n{policy}"
    )
    path = folder / "site-province.toml"
    path.write_text(text, encoding="utf-8")
    return path


def beside(monkeypatch, ledger, province, work, profile="", **envelope):
    """Run ``work(line)`` in a thread while the centre serves; returns what the centre said."""
    told, trouble, ready = [], [], threading.Event()

    def say(line):
        told.append(line)
        ready.set()

    def hospital():
        try:
            assert ready.wait(60), "the centre did not get ready"
            url = re.fullmatch(r"ready centre (http://\S+)", told[0])[1]
            with httpx.Client(trust_env=False, timeout=30) as client:
                work(Line(url, client, told, **envelope))
        except BaseException as error:  # noqa: BLE001 - shown where the test fails
            trouble.append(error)
        finally:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(foreground, "say", say)
    thread = threading.Thread(target=hospital)
    thread.start()
    known = {"host": "127.0.0.1", "port": 0, "json": False, "expose": False, "seed": 1}
    try:
        simulate.centre(
            Namespace(**known, province=str(province), ledger=str(ledger), profile=profile)
        )
    finally:
        thread.join(60)
    if trouble:
        raise trouble[0]
    return told
