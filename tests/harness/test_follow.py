"""Processes of a pool end with the process that they work for, also where that one is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

OWNER = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from harness import follow

def beat(place):
    for number in range(500):  # ten seconds: what nobody ends must not stay
        Path(place).write_text(str(number), encoding="ascii")
        time.sleep(0.02)
    os._exit(1)

if __name__ == "__main__":
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=follow.parent if FOLLOWS else None
    ) as pool:
        pool.submit(beat, sys.argv[1]).result()
"""
WITHIN_S = 20.0


def said(place: Path) -> str:
    return place.read_text(encoding="ascii") if place.is_file() else ""


def changes(place: Path, within_s: float) -> bool:
    before, until = said(place), time.monotonic() + within_s
    while time.monotonic() < until:
        if said(place) not in {before, ""}:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("follows", [True, False])
def test_who_works_for_a_process_that_is_killed_ends(tmp_path: Path, follows: bool) -> None:
    """Without following it goes on: else this would show nothing."""
    place, script = tmp_path / "beat", tmp_path / "owner.py"
    script.write_text(OWNER.replace("FOLLOWS", str(follows)), encoding="utf-8")
    argv = [sys.executable, str(script), str(place)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as owner:
        assert changes(place, WITHIN_S)
        owner.kill()
    until = time.monotonic() + WITHIN_S
    while follows and changes(place, 0.5):
        assert time.monotonic() < until
    if not follows:
        assert changes(place, 2.0)


def test_who_was_started_by_nobody_goes_on() -> None:
    told = "from harness import follow; follow.parent(); print('here')"
    found = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=WITHIN_S
    )
    assert found.stdout == "here\n"
