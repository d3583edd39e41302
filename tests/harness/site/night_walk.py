"""``make rehearse-night``: the whole plan walked through, with two simulated operators.

A HIS that has nothing but screens is played beside the harness. The walk writes the plan of the
night, starts ``medharness run --night``, lets two operators work at the cards over the page's
HTTP, breaks off after the smoke scenarios as a telephone call would, reads the point of decision,
goes on with ``--resume``, takes back what was left, and reads the conclusion before and after.

Every step says what it saw; the first that is not as it must be ends the walk with exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "scenario", HERE.parents[2]):
    sys.path.insert(0, str(folder))

from hands import Operators, double, profile_text  # noqa: E402 - tests are no package

from harness.evidence.trace import read  # noqa: E402 - as above

FEATURE = """# language: zh-CN
@接口-LIS-ASTM
功能: 彩排 {ident}
  负责人: 测试组

  @REQ-LAB-001 @id-{ident} {tags}
  场景: 彩排 {ident}
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 |
      | K    | 4.10 |
    那么 10秒内LIS中标本“管1”的结果应为:
      | 项目 | 患者 | 结果 |
      | K    | 甲   | 4.10 |
"""

SCENARIOS = {"night-rest": "", "night-last": "", "night-identity": "", "night-smoke": "@冒烟"}
"""In the order of their files, which is not that of a night."""

NIGHT = ["night-smoke", "night-identity", "night-rest", "night-last"]
"""The order of the night."""

WAIT_S = 300.0
"""Longer than any step takes on a slow machine; nothing waits for it to pass."""

ADDRESS = re.compile(r"http://(127\.0\.0\.1:[0-9]+)/")


class WalkError(Exception):
    """A step of the night was not as it must be."""


def must(held: object, what: str, seen: object = "") -> None:
    """Say what was seen; end the walk where it does not hold."""
    print(f"{'✔' if held else '✘'} {what}{f': {seen}' if seen != '' else ''}", flush=True)
    if not held:
        raise WalkError(what)


@dataclass(slots=True)
class Crew:
    """Two operators, each at the workstations that are theirs.

    Attributes:
        screens: of the HIS.
        done: who did which card.
        resting: they stopped working: the telephone rang.
    """

    screens: Any
    done: list[tuple[str, str]] = field(default_factory=list)
    resting: threading.Event = field(default_factory=threading.Event)

    def work(self, address: str, stop: threading.Event) -> list[threading.Thread]:
        """Start both; they go when the page is gone."""
        duties = {"张工": ("路由核实", "入院登记"), "李医生": ("医生站",)}
        threads = [
            threading.Thread(target=self._one, args=(address, stop, name, places), daemon=True)
            for name, places in duties.items()
        ]
        for thread in threads:
            thread.start()
        return threads

    def _one(self, address: str, stop: threading.Event, name: str, places: Sequence[str]) -> None:
        board, finished = Operators(address), set()
        while not stop.wait(0.05):
            try:
                if not self.resting.is_set():
                    self._look(board, name, places, finished)
            except OSError as error:
                # The page is gone with its run, or a call was lost: look again, as a person does.
                if not stop.wait(1.0):
                    print(f"  {name}: {error}", flush=True)

    def _look(self, board: Operators, name: str, places: Sequence[str], finished: set[int]) -> None:
        for card in board.cards():
            mine = card["workstation"] in places and card["number"] not in finished
            # An order without the number of its admission would find an earlier one by name.
            ready = mine and not card["seen"] and not card["first"]
            if ready and self._do(board, card, name):
                finished.add(card["number"])
                self.done.append((name, card["workstation"]))

    def _do(self, board: Operators, card: Mapping[str, Any], name: str) -> bool:
        board.post("/take", card=card["number"], operator=name)
        fields = dict(card["fields"])
        if card["workstation"] == "路由核实":
            return "已" in self.screens.enter("接口自检")
        page = "入院登记" if card["workstation"] == "入院登记" else "检验申请"
        return "已" in self.screens.enter(page, **fields)


def ended(folder: Path, ident: str) -> str:
    """The verdict that a scenario was sealed with; empty while it has not ended."""
    path = folder / "traces" / f"{ident}.jsonl"
    if not path.is_file():
        return ""
    with contextlib.suppress(Exception):  # it is being written
        sealed = read(path)
        return str(sealed.verdict) if sealed.sealed else ""
    return ""


def rows_of(path: Path) -> list[dict[str, str]]:
    """A table of the plan, or of what was left."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def decide(plan: Path, stage: str, verdicts: Mapping[str, str], by: str) -> str:
    """What is decided after a stage, by its criterion, and written where it belongs.

    Smoke goes on only if every scenario of it passed; money and identity only if none failed or is
    open; the rest never stops a night by itself.
    """
    order = [one for one in rows_of(plan / "night.csv") if one["stage"] == stage]
    seen = [verdicts.get(one["scenario"], "") for one in order if one["fits"] == "yes"]
    go_on = bool(seen) and (stage == "rest" or all(one == "pass" for one in seen))
    decision = "go on" if go_on else "go back"
    points = rows_of(plan / "decisions.csv")
    for one in points:
        if one["after"] == stage:
            one["decided_by"], one["decision"] = by, decision
    with (plan / "decisions.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(points[0]))
        writer.writeheader()
        writer.writerows(points)
    return decision


@dataclass(slots=True)
class Command:
    """A command of medharness in a process of its own, whose lines are read as they come."""

    words: Sequence[str]
    heard: Callable[[str], None] = lambda _: None
    lines: list[str] = field(default_factory=list)
    process: Any = None
    _reader: Any = None

    def start(self) -> Command:
        """Begin."""
        made = [sys.executable, "-u", "-m", "harness", *self.words, "--lang", "zh-CN"]
        environ = os.environ | {"PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            made, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
            env=environ, cwd=HERE.parents[2],
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self.heard(line)

    def end(self) -> int:
        """Wait for it."""
        try:
            code = int(self.process.wait(WAIT_S))
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise WalkError(f"medharness {self.words[0]} did not end") from None
        self._reader.join(WAIT_S)
        return code


def until(held: Callable[[], bool], what: str) -> None:
    """Wait for something; a limit that only a broken night reaches."""
    over = time.monotonic() + WAIT_S
    while not held():
        if time.monotonic() > over:
            raise WalkError(f"not seen: {what}")
        time.sleep(0.05)


def walked(work: Path) -> None:
    """The night from its plan to its conclusion."""
    features = [work / f"{ident}.feature" for ident in SCENARIOS]
    for path, (ident, tags) in zip(features, SCENARIOS.items(), strict=True):
        path.write_text(FEATURE.format(ident=ident, tags=tags).replace(" \n", "\n"), "utf-8")
    with double(work) as (screens, port):
        site = work / "site.toml"
        site.write_text(profile_text(screens, port, operator=f"wait_s = {WAIT_S}"), "utf-8")
        plan = work / "plan"
        made = Command(["plan", *map(str, features), "--profile", str(site), "--budget", "90m",
                        "--out", str(plan)]).start()  # fmt: skip
        must(made.end() == 0, "the night is planned", plan)
        order = [one["scenario"] for one in rows_of(plan / "night.csv")]
        must(order == NIGHT, "smoke first, then identity, then the rest", order)
        lists = [(one["workstation"], one["cards"], one["scenarios"])
                 for one in rows_of(plan / "batches.csv")]  # fmt: skip
        must(lists == [(place, "2", "night-rest night-last") for place in ("入院登记", "医生站")],
             "the cards of the rest come together, at two workstations", lists)  # fmt: skip
        wires = [(one["endpoint"], one["setting"], one["during"])
                 for one in rows_of(plan / "wiring.csv")]  # fmt: skip
        must(any(str(port) in during for _, _, during in wires), "the wiring sheet", wires)
        crew, run = Crew(screens), work / "run"
        broken_off(crew, plan, site, run, order)
        verdicts = {ident: ended(run, ident) for ident in order}
        must(decide(plan, "smoke", verdicts, "王主任") == "go on", "decision after smoke", "go on")
        resumed(crew, site, run, order)
        verdicts = {ident: ended(run, ident) for ident in order}
        must(decide(plan, "money and identity", verdicts, "王主任") == "go on",
             "decision after money and identity", "go on")  # fmt: skip
        must(decide(plan, "rest", verdicts, "王主任") == "go on", "decision at the end", "go on")
        taken_back(run)
        must(len({name for name, _ in crew.done}) == 2, "both operators worked", crew.done)


def _played(crew: Crew, words: Sequence[str], while_it_runs: Callable[[Command], None]) -> Command:
    stop, threads = threading.Event(), []

    def heard(line: str) -> None:
        found = ADDRESS.search(line)
        if found and not threads:
            threads.extend(crew.work(found[1], stop))

    command = Command(words, heard).start()
    try:
        while_it_runs(command)
        return command
    finally:
        stop.set()
        if command.process.poll() is None:
            command.process.kill()
        for thread in threads:
            thread.join(30)


def broken_off(crew: Crew, plan: Path, site: Path, run: Path, order: list[str]) -> None:
    """The first part: after smoke nobody works any more, and the run is stopped."""
    smoke, *later = order

    def call(command: Command) -> None:
        until(lambda: bool(ended(run, smoke)) or command.process.poll() is not None, "smoke")
        crew.resting.set()
        until((run / "traces" / f"{later[0]}.jsonl").is_file, "the next scenario")
        command.process.send_signal(signal.SIGINT)
        code = command.end()
        must(code == 130, "broken off with Ctrl-C", f"exit code {code}")

    _played(crew, ["run", "--night", str(plan), "--profile", str(site), "--out", str(run)], call)
    planned = json.loads((run / "plan.json").read_text("utf-8"))["scenarios"]
    must([one["id"] for one in planned] == order, "the run has the order of the plan", order)
    must(ended(run, smoke) == "pass", "smoke passed before", ended(run, smoke))
    must(not any(ended(run, one) == "pass" for one in later), "the others are still to do", later)
    crew.resting.clear()


def resumed(crew: Crew, site: Path, run: Path, order: list[str]) -> None:
    """The second part: what is left, in the same folder; what passed is not done again."""
    before = (run / "traces" / f"{order[0]}.jsonl").read_bytes()
    codes: list[int] = []
    words = ["run", "--resume", str(run), "--rerun-failed", "--profile", str(site), "--json"]
    command = _played(crew, words, lambda one: codes.append(one.end()))
    must(codes == [0], "resumed, and everything passed", codes)
    must((run / "traces" / f"{order[0]}.jsonl").read_bytes() == before, "smoke was not run again")
    lists = [line for line in command.lines if line.startswith("▶▶")]
    must(len(lists) == 2, "each operator had one list for both scenarios of the rest", lists)
    verdicts = {ident: ended(run, ident) for ident in order}
    must(set(verdicts.values()) == {"pass"}, "every scenario", verdicts)
    told = json.loads(command.lines[-1])
    must(told["conditional"] and told["cleanup_open"], "the conclusion is conditional",
         f"{told['cleanup_open']} open")  # fmt: skip
    attempts = sorted(path.name for path in (run / "attempts").rglob("*.jsonl"))
    must(attempts, "the attempt that was broken off is kept", attempts)


def taken_back(run: Path) -> None:
    """Somebody voids each entry and signs for it; the report is rendered again."""
    rows = rows_of(run / "cleanup.csv")
    for one in rows:
        one["done_by"], one["done_at"] = "张工", "2026-11-22"
    with (run / "cleanup.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    made = Command(["report", str(run), "--json"]).start()
    must(made.end() == 0, "the report is rendered again")
    told = json.loads(made.lines[-1])
    must(not told["conditional"], "taken back by name, the conclusion has no condition", len(rows))


def main(given: Sequence[str] | None = None) -> int:
    """Walk; 0 if every step was as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="", help="keep what was written here")
    args = parser.parse_args(given)
    with contextlib.ExitStack() as stack:
        work = Path(args.out or stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if any(work.iterdir()):
            print(f"✘ {work} is not empty")
            return 2
        try:
            walked(work)
        except WalkError as error:
            print(f"✘ the night ended: {error}")
            return 1
    print("✔ the night was walked through")
    return 0


if __name__ == "__main__":
    sys.exit(main())
