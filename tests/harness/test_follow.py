"""Processes of a pool end with the process that they work for, also where that one is killed."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import follow
from harness.selfcheck import flake, progress
from simulators.exploration import explore

ROOT = Path(__file__).parents[2]
FOLLOWING = {"follow.parent", "progress.join", "_begin"}
"""With what pools are begun; the last one is that of ``simulators.exploration``."""

POOLS = {"harness/ledger/pool.py", "harness/selfcheck/crew.py", "simulators/exploration/explore.py"}

OWNER = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from harness import follow

def beat(place):
    for number in range(BEATS):  # what nobody ends must not stay for good
        Path(place).write_text(str(number), encoding="ascii")
        time.sleep(0.02)  # a sign of life now and then
    os._exit(1)

if __name__ == "__main__":
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=follow.parent if FOLLOWS else None
    ) as pool:
        pool.submit(beat, sys.argv[1]).result()
"""
WITHIN_S = 20.0
BEATS = 500


def said(place: Path) -> str:
    return place.read_text(encoding="ascii") if place.is_file() else ""


def changes(place: Path, within_s: float) -> bool:
    before, until = said(place), time.monotonic() + within_s
    while time.monotonic() < until:
        if said(place) not in {before, ""}:
            return True
        time.sleep(0.02)  # as often as it beats
    return False


@pytest.mark.parametrize("follows", [True, False])
def test_who_works_for_a_process_that_is_killed_ends(tmp_path: Path, follows: bool) -> None:
    """Without following it goes on: else this would show nothing."""
    place, script = tmp_path / "beat", tmp_path / "owner.py"
    script.write_text(
        OWNER.replace("FOLLOWS", str(follows)).replace("BEATS", str(BEATS)), encoding="utf-8"
    )
    argv = [sys.executable, str(script), str(place)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as owner:
        assert changes(place, WITHIN_S)
        owner.kill()
    until = time.monotonic() + WITHIN_S
    while follows and changes(place, 0.5):
        assert time.monotonic() < until
    if follows:
        assert int(said(place)) < BEATS - 1, "it ended by itself"
    else:
        assert changes(place, 2.0)


def test_every_pool_is_begun_with_something_that_follows() -> None:
    where = set()
    for path in [*(ROOT / "harness").rglob("*.py"), *(ROOT / "simulators").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "ProcessPoolExecutor" in ast.unparse(node.func):
                begun = {one.arg: ast.unparse(one.value) for one in node.keywords}
                assert begun.get("initializer") in FOLLOWING, path
                where.add(path.relative_to(ROOT).as_posix())
    assert where >= POOLS, "what looks for them finds those that there are"


def test_what_begins_a_pool_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FollowedError(Exception):
        pass

    def followed() -> None:
        raise FollowedError

    monkeypatch.setattr(follow, "parent", followed)
    for begin in (lambda: progress.join(None), flake._burn,
                  lambda: explore._begin(str(tmp_path), 1, frozenset())):  # fmt: skip
        with pytest.raises(FollowedError):
            begin()


def test_who_was_started_by_nobody_goes_on() -> None:
    told = "from harness import follow; follow.parent(); print('here')"
    found = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=WITHIN_S
    )
    assert found.stdout == "here\n"
