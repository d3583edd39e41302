"""Results that were cut, edited or hold what no peer should say end no command in an error of ours.

Run folders and results of other commands travel by hand between machines and days. Each is damaged
by seed, somewhere, and given to every command that reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from harness import cli
from harness.evidence.verdict import Verdict
from harness.report import run as report
from tests.harness.signoff.test_reports import CHECK, WATCHED
from tests.harness.signoff.test_signoff import CONTRACT, DIFFERS, LATENCY, TOTALS

COUNT: Final = 2_000 if os.environ.get("MEDHARNESS_FUZZ") == "nightly" else 60
OURS: Final = 70
"""The exit code that says that the harness itself failed."""

HOSTILE: Final = "\ud800\x0b\ufffe"
"""What neither UTF-8 nor XML can hold."""

ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1e999, "", [], {}, "x", HOSTILE, 10**400, [[]], {"a": 1},
    "2026-13-45T99:99:99", "../../etc", "9" * 5_000,
)  # fmt: skip

COMMANDS: Final = (
    ("report", "RUN"), ("report", "--for", "external", "RUN"),
    ("compare", "RUN", "GOOD", "--out", "OUT"), ("compare", "GOOD", "RUN", "--out", "OUT"),
    ("sign", "RUN", "--out", "OUT"), ("sign", "GOOD", "--before", "RUN", "--out", "OUT"),
    ("matrix", "RUN", "GOOD", "--out", "OUT"),
)  # fmt: skip

CHANGE: Final = {"cls": "removed", "part": "x", "item": "y", "old": "a", "new": ""}
SIDE: Final = {"started": "2026-11-21T08:00:00", "traces_sha256": ""}
COMPARED: Final = {
    "format": 2, "verdict": "fail", "before": SIDE, "after": SIDE,
    "compared": {"scenarios": 1, "volatile_places": 0},
    "groups": [DIFFERS | {"number": 1, "scenarios": 1, "signatures": ["abc"]}],
    "signatures": [DIFFERS], "latencies": [LATENCY], "coverage": ["x"], "approval_problems": [],
    "unstable": [{"scenario": "s", "verdicts": ["pass", "fail"]}],
}  # fmt: skip
RESULTS: Final = {
    "--compared": COMPARED, "--reconciled": TOTALS, "--watched": WATCHED,
    "--doctor": {"checks": [CHECK]}, "--contract": CONTRACT | {"changes": [CHANGE]},
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as it was written."""
    folder = tmp_path_factory.mktemp("run")
    cli.main(["run", "--profile", "memory", "--out", str(folder), "scenarios/feeds/orders.feature"])
    return folder


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value."""
    yield at
    parts = enumerate(data) if isinstance(data, list) else ()
    for key, value in data.items() if isinstance(data, dict) else parts:
        yield from places(value, (*at, key))


def changed(data: Any, draw: random.Random) -> Any:
    """The same with one odd value, or without one member."""
    path = draw.choice(list(places(data)))
    if not path:
        return draw.choice(ODD)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if isinstance(inner, dict) and draw.random() < 0.25:
        del inner[path[-1]]
    else:
        inner[path[-1]] = draw.choice(ODD)
    return data


def damaged(name: str, data: bytes, draw: random.Random) -> bytes:
    """Bytes of a file that something happened to."""
    if draw.random() < 0.25:
        return draw.choice([b"", data[: len(data) // 2], draw.randbytes(3_000), b"[" * 200_000])
    if name.endswith(".json"):
        return json.dumps(changed(json.loads(data), draw)).encode()
    if name.endswith(".jsonl"):
        lines = data.splitlines()
        at = draw.randrange(len(lines))
        lines[at] = json.dumps(changed(json.loads(lines[at]), draw)).encode()
        return b"\n".join(lines) + b"\n"
    return bytes(one if draw.random() > 0.01 else draw.randrange(256) for one in data)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_run_ends_no_command(good: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    words = {"GOOD": str(good), "OUT": str(tmp_path / "out"), "RUN": str(tmp_path / "run")}
    for _ in range(COUNT // 4):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(good, tmp_path / "run")
        traces = sorted((tmp_path / "run").rglob("*.jsonl"))
        files = [tmp_path / "run" / one for one in ("run.json", "plan.json", "evidence.zip")]
        path = draw.choice([*files, draw.choice(traces), draw.choice(traces)])
        path.write_bytes(damaged(path.name, path.read_bytes(), draw))
        command = [words.get(one, one) for one in draw.choice(COMMANDS)]
        assert cli.main(command) != OURS, (command, path.read_bytes()[:2_000])


@pytest.mark.slow
@pytest.mark.parametrize("option", sorted(RESULTS))
def test_sign_reads_no_damaged_result_as_a_good_one(
    good: Path, tmp_path: Path, option: str
) -> None:
    path, draw = tmp_path / "given.json", random.Random(option)
    command = ["sign", str(good), option, str(path), "--out", str(tmp_path / "out")]
    path.write_text(json.dumps(RESULTS[option]), "utf-8")
    usual = cli.main(command)
    assert usual in {1, 3}
    for _ in range(COUNT // 5):
        path.write_bytes(damaged(path.name, json.dumps(RESULTS[option]).encode(), draw))
        assert cli.main(command) in {1, 2, 3}, path.read_bytes()[:2_000]


def test_an_edited_record_is_damage_and_no_error_of_ours(good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "run")
    path = next((tmp_path / "run" / "traces").glob("*.jsonl"))
    lines = path.read_bytes().splitlines()
    head = json.loads(lines[0])
    for sentence in head["sentences"]:
        del sentence["line"]
    path.write_bytes(b"\n".join([json.dumps(head).encode(), *lines[1:]]) + b"\n")

    (one,) = [each for each in report.build(tmp_path / "run").scenarios if each.id == path.stem]
    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.reasons


def said_by_a_hostile_peer(data: Any) -> Any:
    """With what no file can hold behind every text that a page shows."""
    shown = {"text", "name", "product", "expected", "actual", "message", "type", "value"}
    if isinstance(data, list):
        return [said_by_a_hostile_peer(one) for one in data]
    if not isinstance(data, dict):
        return data
    return {
        key: value + HOSTILE
        if isinstance(value, str) and key in shown
        else said_by_a_hostile_peer(value)
        for key, value in data.items()
    }


def hostile(good: Path, run: Path) -> None:
    """The run as if its peers had said that, sealed anew."""
    shutil.copytree(good, run)
    for path in (run / "traces").glob("*.jsonl"):
        *lines, seal = [json.loads(line) for line in path.read_bytes().splitlines()]
        body = b"".join(json.dumps(said_by_a_hostile_peer(one)).encode() + b"\n" for one in lines)
        del seal["sha256"]
        body += json.dumps(seal, separators=(",", ":")).encode()[:-1]
        path.write_bytes(body + b',"sha256":"%s"}\n' % hashlib.sha256(body).hexdigest().encode())
    plan = run / "plan.json"
    plan.write_text(json.dumps(said_by_a_hostile_peer(json.loads(plan.read_bytes()))), "utf-8")


@pytest.mark.slow
def test_what_no_file_can_hold_is_written_as_its_escape(good: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    hostile(good, run)
    for command in COMMANDS:
        words = {"GOOD": str(good), "RUN": str(run), "OUT": str(out / command[0])}
        assert cli.main([words.get(one, one) for one in command]) in {0, 1, 3}, command
    written = [one for one in out.rglob("*") if one.suffix in {".json", ".html", ".csv"}]
    assert len(written) > 8
    for one in written:
        one.read_text(encoding="utf-8")
