"""What each group of figures must keep, what stands beside it, and how it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure with the line that it must keep.

    Attributes:
        name: where it stands among the figures of its group, parts joined by a dot.
        text: what it is.
        digits: after the decimal point.
        limit: the line.
        least: the figure must be at least that; otherwise at most.
        size: name and least value of the figure without which it says nothing: the number of rows.
    """

    name: str
    text: str
    digits: int
    limit: float
    least: bool = False
    size: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure without a line."""

    name: str
    text: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Figures that are taken together.

    Attributes:
        title: of its part of the page.
        targets: what must be kept.
        shown: what stands beside that.
        how: how it was measured.
    """

    title: str
    targets: tuple[Target, ...]
    shown: tuple[Shown, ...] = ()
    how: str


ENGINE: Final = Group(
    title="Engine",
    targets=(
        Target(name="ratio_1.of_echo", text="MLLP, 1 connection: ours / bare echo",
               digits=2, limit=0.6, least=True),
        Target(name="ratio_50.of_echo", text="MLLP, 50 connections: ours / bare echo",
               digits=2, limit=0.6, least=True),
        Target(name="ratio_1.of_hl7", text="MLLP, 1 connection: ours / PyPI `hl7`",
               digits=1, limit=20, least=True),
        Target(name="ratio_50.of_hl7", text="MLLP, 50 connections: ours / PyPI `hl7`",
               digits=1, limit=20, least=True),
        Target(name="codec.header_us", text="header of a report, µs", digits=1, limit=15),
        Target(name="codec.index_us", text="every value of a report, µs", digits=0, limit=400),
        Target(name="codec.large_s", text="one value of 20 MB, s", digits=2, limit=0.5),
        Target(name="binding.bind_s", text="500 scenarios bound to 150 steps, s",
               digits=2, limit=2),
    ),
    how="""\
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
""",
)  # fmt: skip

LAB: Final = Group(
    title="Laboratory link",
    targets=(
        Target(name="records_of_bare", digits=2, limit=0.6, least=True,
               text="one connection, one record a frame: our receiver / bare responder"),
        Target(name="ours_of_astm_anew", digits=1, limit=3, least=True,
               text="connecting anew: our receiver / PyPI `astm`"),
        Target(name="ours_of_labmcp-astm-lis_anew", digits=1, limit=3, least=True,
               text="connecting anew: our receiver / PyPI `labmcp-astm-lis`"),
        Target(name="our_sender_anew_of_astm", digits=1, limit=3, least=True,
               text="connecting anew: our sender / PyPI `astm`"),
    ),
    shown=(
        Shown("cut_of_bare", "one connection, cut at 240: our receiver / bare responder", 2),
        Shown("whole_of_bare", "one connection, one frame: our receiver / bare responder", 2),
        Shown("our_sender_of_bare", "one connection: our sender / bare sender", 2),
        Shown("bare_of_astm_anew", "connecting anew: bare responder / PyPI `astm`", 1),
        Shown("ours_of_bare_anew", "connecting anew: our receiver / bare responder", 2),
        Shown("bare_records_per_s", "bare responder, one record a frame, messages/s", 0),
        Shown("ours_records_per_s", "our receiver, one record a frame, messages/s", 0),
        Shown("ours_cut_per_s", "our receiver, cut at 240, messages/s", 0),
        Shown("ours_whole_per_s", "our receiver, one frame, messages/s", 0),
        Shown("ours_anew_per_s", "our receiver, connecting anew, messages/s", 0),
        Shown("bare_anew_per_s", "bare responder, connecting anew, messages/s", 0),
        Shown("astm_anew_per_s", "PyPI `astm`, connecting anew, messages/s", 0),
        Shown("our_sender_persistent_per_s", "our sender, one connection, messages/s", 0),
        Shown("our_sender_anew_per_s", "our sender, connecting anew, messages/s", 0),
        Shown("receiver_frame_us", "CPU of our receiver for one frame, µs", 1),
        Shown("bare_frame_us", "CPU of the bare responder for one frame, µs", 1),
        Shown("core_frame_us", "of ours: the LIS01-A2 core, µs", 1),
        Shown("journal_frame_us", "of ours: the journal, written, µs", 1),
    ),
    how="""\
One message of ten results (H, P, O, 10 R, L; 0.5 kB) over LIS01-A2, each frame acknowledged before
the next one leaves. Three ways to cut it: one record a frame, as most analyzer models do it (15
round trips, ENQ among them); the text cut at 240 characters; and all of it in one frame. Receivers
get the same bare blocking sender, senders the same bare blocking responder; every end is a process
of its own, over loopback. *Our receiver* is the core of LIS01-A2 under an actor that takes whole
messages, with the journal of a load run on. The *bare responder* is one thread that answers ACK to
whatever comes: no frame is looked at, nothing is kept. The open peers are run as their
documentation has it; what they do with a message is theirs.
The bare responder shows what connecting anew costs at the least: beside a peer that it is not three
times as fast as, no receiver can be.
The CPU of a frame is taken in one thread that plays both ends, so that no wait is in it; what the
sender costs is taken off.
""",
)  # fmt: skip

SERIAL: Final = Group(
    title="Serial lines",
    targets=(
        Target(name="analyzers", text="analyzers at a time, 9600 baud", digits=0, limit=100,
               least=True),
        Target(name="seconds", text="seconds", digits=0, limit=60, least=True),
        Target(name="lost", text="messages or bytes lost", digits=0, limit=0),
        Target(name="not_delivered", text="messages not delivered", digits=0, limit=0),
        Target(name="timing_error_percent", text="timing error, %", digits=2, limit=5),
        Target(name="peak_mib", text="memory of both processes, MiB", digits=0, limit=200),
        Target(name="timer_15_s.real_ms", text="an unanswered ENQ is given up (15 s), real ms",
               digits=1, limit=50),
        Target(name="timer_30_s.real_ms", text="a receiver that waits in vain (30 s), real ms",
               digits=1, limit=50),
    ),
    shown=(
        Shown("messages", "messages of ten results", 0),
        Shown("frames", "frames timed", 0),
        Shown("timing_error_p99_percent", "timing error that 99 in 100 frames keep, %", 2),
        Shown("actor_to_actor_percent", "from actor to actor, %", 2),
        Shown("timer_15_s.virtual_s", "an unanswered ENQ is given up, virtual s", 0),
        Shown("timer_30_s.virtual_s", "a receiver that waits in vain, virtual s", 0),
    ),
    how="""\
Each analyzer sends one message of ten results after the other over a pseudo-terminal that passes
bytes at the speed of the line; a process of its own plays the cables. A frame is timed from the
moment when it enters the line until its last byte is handed over, against its bits at 9600 baud.
The timers run over memory and the virtual clock.
""",
)  # fmt: skip

_MILLIONS: Final = ("ledger_rows", 10_000_000)

SETTLEMENT: Final = Group(
    title="Settlement centre",
    targets=(
        Target(name="flow_50_per_s", text="2204, 2206, 2207 by 50 windows, transactions/s",
               digits=0, limit=2000, least=True),
        Target(name="totals_s", text="3201 over a month of 10,000,000 settlements, s", digits=2,
               limit=2, size=_MILLIONS),
        Target(name="details_s", text="3202 with a file of 100,000 rows, s", digits=2, limit=10,
               size=_MILLIONS),
    ),
    shown=(
        Shown("flow_1_per_s", "by one window, transactions/s", 0),
        Shown("empty_1_per_s", "empty handler, one window, requests/s", 0),
        Shown("empty_50_per_s", "empty handler, 50 windows, requests/s", 0),
        Shown("flow_1_of_empty", "one window: ours / empty handler", 2),
        Shown("flow_50_of_empty", "50 windows: ours / empty handler", 2),
        Shown("flow_1_p99_ms", "one window, p99 ms", 1),
        Shown("flow_50_p99_ms", "50 windows, p99 ms", 1),
        Shown("bare_fsync_per_s", "bare waits for the disk/s", 0),
        Shown("commits_50_a_sync", "50 windows: settlements a wait for the disk", 1),
        Shown("ledger_syncs", "waits for the disk, as the ledger counts", 0),
        Shown("system_syncs", "waits for the disk, as the system counts", 0),
        Shown("ledger_rows", "settlements in the ledger", 0),
        Shown("ledger_gb", "size of the ledger, GB", 1),
        Shown("file_rows", "rows of the 3202 file", 0),
    ),
    how="""\
Signed requests over HTTP, each settlement on the disk (`synchronous=FULL`) before its answer
leaves; answers that came together share one wait. Registration is not timed. The *empty handler*
is the same server that does nothing with a request. After each round every settlement that was
answered is looked up in the ledger.
""",
)  # fmt: skip

LEDGER: Final = Group(
    title="Reconciliation",
    targets=(
        Target(name="parquet_of_join", text="Parquet, all stages: ours / one bare join", digits=1,
               limit=4, size=("parquet_rows", 10_000_000)),
        Target(name="csv_of_scan", text="CSV, everything: ours / bare scan", digits=1, limit=5,
               size=("csv_rows", 1_000_000)),
        Target(name="csv_s", text="CSV, the whole command with all reports, s", digits=1,
               limit=10, size=("csv_rows", 1_000_000)),
    ),
    shown=(
        Shown("parquet_rows", "rows a side, Parquet", 0),
        Shown("parquet_s", "all stages and the proof, s", 2),
        Shown("join_s", "DuckDB: read both, one full outer join, s", 2),
        Shown("capped_1gb_s", "all stages and the proof with 1 GB of memory, s", 2),
        Shown("csv_rows", "rows a side, CSV", 0),
        Shown("csv_scan_s", "DuckDB: scan both CSV files, s", 2),
        Shown("peer_rows", "rows a side, beside others", 0),
        Shown("peer_ours_s", "all stages and the proof, s", 2),
        Shown("pandas_s", "pandas: one outer merge, s", 2),
        Shown("datacompy_s", "datacompy: one comparison, s", 2),
    ),
    how="""\
Two ledgers with one row in a thousand missing on each side and one in another category. From
Parquet all stages and the proof of conservation, beside DuckDB that reads both files and joins them
once; from CSV the whole command with its reports, beside DuckDB that scans both files.
""",
)  # fmt: skip

GROUPS: Final = {
    "engine": ENGINE,
    "lab": LAB,
    "serial": SERIAL,
    "settlement": SETTLEMENT,
    "ledger": LEDGER,
}
"""In the order of the page."""
