"""A folder that a command wrote for a later one, damaged: an answer or a clear refusal, never 70.

Cases, states of a reconciliation, plans of a night, half a run and a day's traffic are kept for
weeks and travel by hand. One file of each is damaged by seed before the later command reads it.
"""

from __future__ import annotations

import os
import random
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from edits import bent
from test_damaged_runs import OURS, damaged

from harness import cli, resources

COUNT: Final = 300 if os.environ.get("MEDHARNESS_FUZZ") == "nightly" else 12

FEATURE: Final = "scenarios/feeds/orders.feature"
ONE: Final = "feed-order-items.jsonl"
DEMO: Final = resources.fixture("ledger", "demo")
RECONCILE: Final = (
    "reconcile", "--his", str(DEMO / "his.csv"), "--centre", str(DEMO / "centre.csv"),
)  # fmt: skip
MEMORY: Final = ("--profile", "memory")


def make_run(folder: Path) -> None:
    assert cli.main(["run", *MEMORY, "--out", str(folder), FEATURE]) == 0


def make_half_a_run(folder: Path) -> None:
    make_run(folder)
    for name in ("run.json", "report.html", "junit.xml", "evidence.zip", f"traces/{ONE}"):
        (folder / name).unlink()


def make_state(folder: Path) -> None:
    out = folder.with_name("reconciled")
    assert cli.main([*RECONCILE, "--out", str(out), "--state", str(folder)]) == 1


def make_night(folder: Path) -> None:
    planned = ["plan", *MEMORY, "--budget", "90m", "--out", str(folder), FEATURE]
    assert cli.main(planned) == 0


def make_case(folder: Path) -> None:
    """As somebody may hand it on: without the hash of its timeline, so that its parts are read."""
    shutil.copytree(resources.fixture("cases", "lab-unit-lost"), folder)
    manifest = folder / "manifest.toml"
    lines = manifest.read_text("utf-8").splitlines(keepends=True)
    manifest.write_text("".join(one for one in lines if "timeline_sha256" not in one), "utf-8")
    assert "timeline_sha256" not in tomllib.loads(manifest.read_text("utf-8"))


READ: Final[dict[str, tuple[Callable[[Path], None], tuple[tuple[str, ...], ...]]]] = {
    "case": (make_case, (
        ("replay", "{x}", "--times", "1", "--needed", "1"),
        ("minimise", "{x}", "--times", "1", "--needed", "1", "--budget", "1"),
    )),
    "state": (make_state, (
        (*RECONCILE, "--state", "{x}", "--out", "{out}"),
        (*RECONCILE, "--carry-from", "{x}", "--out", "{out}"),
    )),
    "night": (make_night, (("run", *MEMORY, "--night", "{x}", "--out", "{out}"),)),
    "half a run": (make_half_a_run, (("run", *MEMORY, "--resume", "{x}"),)),
    "run": (make_run, (
        ("run", *MEMORY, "--resume", "{x}", "--rerun-failed"),
        ("plan", *MEMORY, "--budget", "90m", "--measured", "{x}", "--out", "{out}", FEATURE),
        ("purge", "{parent}", "--yes"),
        ("unseal", "{x}"),
    )),
    "traffic": (make_run, (
        ("case", "take", "{x}/traces/" + ONE, "--from", "2020-01-01", "--out", "{out}"),
        ("dialect", "learn", "{x}/traces", "--out", "{out}.toml"),
        ("contract", "snapshot", "--traffic", "a={x}/traces", "--out", "{out}"),
        ("compare", "--day", "{x}/traces", "{good}", "--out", "{out}"),
    )),
}  # fmt: skip
"""What makes a folder, and the commands that read it."""


def hurt(path: Path, draw: random.Random) -> bytes:
    data = path.read_bytes()
    if path.suffix in {".json", ".jsonl"} and draw.random() < 0.75:
        return damaged(path.name, data, draw)
    return bent(data, draw)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(READ))
def test_a_damaged_folder_ends_no_command_in_an_error_of_ours(tmp_path: Path, kind: str) -> None:
    draw = random.Random(kind)
    make, commands = READ[kind]
    good, parent = tmp_path / "good", tmp_path / "kept"
    make(good)
    paths = {"good": good, "out": tmp_path / "out", "parent": parent, "x": parent / "x"}
    seen = set()
    for number in range(COUNT):
        for folder in (parent, tmp_path / "out"):
            shutil.rmtree(folder, ignore_errors=True)
        (tmp_path / "out.toml").unlink(missing_ok=True)
        shutil.copytree(good, parent / "x")
        path = draw.choice(sorted(one for one in parent.rglob("*") if one.is_file()))
        path.write_bytes(hurt(path, draw))
        asked = commands[number % len(commands)]
        code = cli.main([one.format_map(paths) for one in asked])
        assert code != OURS, (asked, path.relative_to(parent), path.read_bytes()[:2_000])
        seen.add(code)
    assert seen & {0, 1, 3}, "every command was refused: the folder itself was never read"
