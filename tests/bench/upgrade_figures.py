"""How long a comparison of two runs takes, and how much memory it holds.

Two run folders are written by the harness's own journal: scenarios of result messages with their
acknowledgements, with new times and control ids in each run, and nothing else that differs.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.clock import VirtualClock
from harness.evidence.line import pack
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.report import evidence_zip
from harness.report.model import Profile, Run, ScenarioRun, System
from harness.upgrade import compare as comparing
from harness.upgrade.observe import RunFolder

SCENARIOS: Final = 500
MESSAGES: Final = 50_000
"""Of each run, acknowledgements included."""


def write_run(folder: Path, label: str, scenarios: int, messages: int) -> RunFolder:
    """One run folder."""
    runs = []
    systems = [{"role": role, "mode": "simulated"} for role in ("LIS", "HIS")]
    for number in range(scenarios):
        name = f"traces/s{number}.jsonl"
        trace = Trace(VirtualClock(), folder / name, keep=False)
        trace.add("open", format=1, systems=systems, transport="memory", seed=1)
        for each in range(messages // scenarios // 2):
            control = f"{label}{number:04}{each:04}"
            for sender, kind, raw in _turn(control, number, each):
                fields = {"link": "lis-his", "interface": "LIS-ORU", "conn": "lis-his#1",
                          "frm": sender, "raw": pack(raw)}  # fmt: skip
                trace.add("bytes", **fields)
                trace.add("message", **fields, protocol="hl7", type=kind, id=control, corr={})
        trace.seal("pass")
        runs.append(
            ScenarioRun(
                id=f"s{number}", name="", feature="", file="", line=1, tags=(), requirement="R",
                interface="LIS-ORU", owner="", seed=1, verdict=Verdict.PASS, seconds=0.0,
                reasons=(), findings=(), faults=(), trace=name,
            )
        )  # fmt: skip
    run = Run(
        format=1, harness_version="bench", started="", seconds=0.0, seed=1, label=label,
        profile=Profile(), systems=(System(role="LIS", mode="simulated"),), verdict=Verdict.PASS,
        counts={}, scenarios=tuple(runs),
    )  # fmt: skip
    (folder / "run.json").write_text(run.text(), encoding="utf-8")
    evidence_zip.pack(folder)  # a folder without it is not trusted
    return RunFolder(path=folder, run=run)


def _turn(control: str, number: int, each: int) -> tuple[tuple[str, str, bytes], ...]:
    stamp = "20260105" if control.startswith("B") else "20260203"
    obx = "".join(f"OBX|{n}|NM|I{n}||{number % 9}.{each % 9}|mmol/L||N|||F\r" for n in range(1, 11))
    oru = (
        f"MSH|^~\\&|LIS|H|HIS|H|{stamp}080000||ORU^R01|{control}|P|2.4||||||GB 18030-2000\r"
        f"PID|1||P{number}^^^^MR||张三\rOBR|1|O{number}|S{number}\r{obx}"
    )
    ack = (
        f"MSH|^~\\&|HIS|H|LIS|H|{stamp}080001||ACK^R01|A{control}|P|2.4||||||GB 18030-2000\r"
        f"MSA|AA|{control}\r"
    )
    return ("LIS", "ORU^R01", oru.encode("gb18030")), ("HIS", "ACK^R01", ack.encode("gb18030"))


def _compare(before: RunFolder, after: RunFolder) -> comparing.Comparison:
    found = comparing.run(
        before, after, [], [], today=date(2026, 1, 5), say=lambda _: None
    )  # fmt: skip
    if found.signatures or found.verdict is not Verdict.PASS:
        raise SystemExit("the runs are equal, and the comparison says otherwise")
    return found


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Medians of the rounds; ``seconds`` scales the runs, 1.0 is the whole size.

    Memory is the most that a process held which did nothing but compare.
    """
    share = min(1.0, seconds)
    scenarios, messages = max(1, int(SCENARIOS * share)), int(MESSAGES * share)
    with tempfile.TemporaryDirectory() as place:
        sides = [write_run(Path(place) / label, label, scenarios, messages) for label in ("B", "A")]
        taken, cpu = [], []
        for _ in range(rounds):
            begun, used = time.perf_counter(), time.process_time()
            found = _compare(*sides)
            taken.append(time.perf_counter() - begun)
            cpu.append(time.process_time() - used)
        words = [sys.executable, __file__, *(str(one.path) for one in sides)]
        held = int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return {
        "scenarios": scenarios,
        "messages": found.observations[0],
        "compare_s": round(statistics.median(taken), 2),
        "compare_cpu_s": round(statistics.median(cpu), 2),
        "peak_mb": round(held * 1024 / 1e6, 1),
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        _compare(*(RunFolder.open(Path(one)) for one in sys.argv[1:]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # KiB on Linux: getrusage(2)
    else:
        print(json.dumps(measure(1, 1.0), indent=2))
