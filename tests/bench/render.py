"""Renders ``docs/performance.md`` from ``docs/figures.json``; nobody writes a figure by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parents[2] / "docs"
FIGURES: Final = DOCS / "figures.json"
PAGE: Final = DOCS / "performance.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure with the line that it must keep.

    Attributes:
        name: where it stands in the file, ``group.figure``.
        text: what it is.
        digits: after the decimal point.
        limit: the line.
        least: the figure must be at least that; otherwise at most.
    """

    name: str
    text: str
    digits: int
    limit: float
    least: bool = False


TARGETS: Final = (
    Target(
        name="ratio_1.of_echo",
        text="MLLP, 1 connection: ours / bare echo",
        digits=2,
        limit=0.6,
        least=True,
    ),
    Target(
        name="ratio_50.of_echo",
        text="MLLP, 50 connections: ours / bare echo",
        digits=2,
        limit=0.6,
        least=True,
    ),
    Target(
        name="ratio_1.of_hl7",
        text="MLLP, 1 connection: ours / PyPI `hl7`",
        digits=1,
        limit=20,
        least=True,
    ),
    Target(
        name="ratio_50.of_hl7",
        text="MLLP, 50 connections: ours / PyPI `hl7`",
        digits=1,
        limit=20,
        least=True,
    ),
    Target(name="codec.header_us", text="header of a report, µs", digits=1, limit=15),
    Target(name="codec.index_us", text="every value of a report, µs", digits=0, limit=400),
    Target(name="codec.large_s", text="one value of 20 MB, s", digits=2, limit=0.5),
    Target(name="binding.bind_s", text="500 scenarios bound to 150 steps, s", digits=2, limit=2),
)

LEDGER: Final = (
    ("parquet_rows", "rows a side, Parquet", 0),
    ("parquet_s", "all stages and the proof, s", 2),
    ("join_s", "DuckDB: read both, one full outer join, s", 2),
    ("parquet_of_join", "ratio (aim: at most 4 at 10,000,000 rows)", 1),
    ("capped_1gb_s", "all stages and the proof with 1 GB of memory, s", 2),
    ("csv_rows", "rows a side, CSV", 0),
    ("csv_s", "the whole command with all reports, s", 2),
    ("csv_scan_s", "DuckDB: scan both CSV files, s", 2),
    ("csv_of_scan", "ratio", 1),
    ("peer_rows", "rows a side, beside others", 0),
    ("peer_ours_s", "all stages and the proof, s", 2),
    ("pandas_s", "pandas: one outer merge, s", 2),
    ("datacompy_s", "datacompy: one comparison, s", 2),
)

ROWS: Final = (
    ("ours", "ours"),
    ("receiver", "our receiver, bare sender"),
    ("echo", "bare asyncio echo"),
    ("hl7", "PyPI `hl7`"),
)

HOW: Final = """\
The round trips: one laboratory report of 20 OBX (3.7 kB) out, the acknowledgement back, one message
outstanding on each connection. Sender and receiver are processes of their own, over loopback; with
50 connections each is kept to a core of its own, where the system allows it.
*Ours* is the built-in receiver with its default policy and a sender that checks each answer, both
with the journal of a load run on: every byte and message stands in a file before anything that it
led to leaves, and `harness.evidence.capture.expand` makes the ordinary trace of it afterwards. One
thread a side reads all connections; it looks for 0.1 ms before it sleeps, which is what makes it
faster than the echo over one connection. The *bare echo* is an `asyncio.Protocol` that sends each
frame back and keeps nothing; it is what asyncio costs at the least. `hl7` is its asyncio server
with the bare sender.
The kinds take turns within each round; a ratio is taken within its round, and everything is
the median of the rounds.

The codec: the control id by `Hl7Message.parse(...).header`; every value by `leaves()`; and one
OBX-5 of 20 MB, parsed and read. The scenarios: 500 of nine sentences in 20 files, read and bound to
150 steps that are registered anew each time.
"""


def page(figures: Mapping[str, Any]) -> str:
    """The page as it must stand."""
    machine = figures["machine"]
    lines = [
        "# Performance",
        "",
        "Written by `make bench` from `figures.json`; do not edit.",
        "",
        f"Taken on {figures['date']} at commit `{figures['commit']}` with",
        f"`{figures['command']}`: {figures['rounds']} rounds, {figures['seconds']:g} s each.",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']},",
        f"Python {machine['python']}; load average before the first round {machine['load']:.1f}.",
        "",
        "| figure | measured | target | |",
        "|---|---:|---:|---|",
        *(_target(target, figures["figures"]) for target in TARGETS),
        "",
        "## Round trips",
        "",
        "| | 1 connection, /s | p50 ms | p99 ms | 50 connections, /s | p50 ms | p99 ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(kind, text, figures["figures"]) for kind, text in ROWS),
        "",
        *_ledger(figures["figures"]),
        "## What was measured",
        "",
        HOW,
    ]
    return "\n".join(lines)


def _target(target: Target, figures: Mapping[str, Any]) -> str:
    group, _, name = target.name.partition(".")
    value: float = figures[group][name]
    kept = value >= target.limit if target.least else value <= target.limit
    sign = "≥" if target.least else "≤"
    words = "kept" if kept else "**not kept**"
    return f"| {target.text} | {value:.{target.digits}f} | {sign} {target.limit:g} | {words} |"


def _ledger(figures: Mapping[str, Any]) -> list[str]:
    """Reconciliation; nothing where a run of before had no such figures."""
    found = figures.get("ledger")
    if found is None:
        return []
    rows = [f"| {text} | {found[name]:,.{digits}f} |" for name, text, digits in LEDGER]
    return ["## Reconciliation", "", "| figure | |", "|---|---:|", *rows, ""]


def _row(kind: str, text: str, figures: Mapping[str, Any]) -> str:
    cells = [text]
    for connections in (1, 50):
        one = figures[f"{kind}_{connections}"]
        cells += [f"{one['rate']:,.0f}", f"{one['p50_ms']:.2f}", f"{one['p99_ms']:.2f}"]
    return f"| {' | '.join(cells)} |"
