"""What each group of figures must keep, what stands beside it, and how it was measured."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target
from targets_cases import CASES
from targets_functional import FUNCTIONAL
from targets_load import LOAD
from targets_relay import RELAY
from targets_soak import SOAK

__all__ = ["GROUPS", "Group", "Shown", "Target"]


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
    shown=(
        Shown("ratio_1.of_returning", "1 connection: ours / echo that gives memory back", 2),
        Shown("ratio_50.of_returning", "50 connections: ours / echo that gives memory back", 2),
    ),
    how="""\
The round trips: one laboratory report of 20 OBX (3.7 kB) out, the acknowledgement back, one message
outstanding on each connection. Sender and receiver are processes of their own, over loopback; with
50 connections each is kept to a core of its own, where the system allows it.
*Ours* is the built-in receiver with its default policy and a sender that checks each answer, both
with the journal of a load run on: every byte and message stands in a file before anything that it
led to leaves, and `harness.evidence.capture.expand` makes the ordinary trace of it afterwards. One
thread a side reads all connections; it looks for 0.1 ms before it sleeps. Over one connection that
decides the ratio: on a machine whose processors are slow to wake ours outruns the echo, and where
they wake at once, what counts is how much Python there is between a read and its answer. The *bare echo* is an `asyncio.Protocol` that sends each
frame back and keeps nothing; it is what asyncio costs at the least. `hl7` is its asyncio server
with the bare sender.
`asyncio` reads into a new buffer of 256 KiB each time, and whether the C library gives that back to
the system after each read depends on how the heap happens to lie: with the plain settings the same
echo made 40,000 or 120,000 round trips a second by the length of a path. So all kinds run with
memory that is kept, which is the faster echo; beside it stands the echo that gives memory back.
The kinds take turns within each round; a ratio is taken within its round, and everything is
the median of the rounds.

The codec: the control id by `Hl7Message.parse(...).header`; every value by `leaves()`; and one
OBX-5 of 20 MB, parsed and read. The scenarios: 500 of nine sentences in 20 files, read and bound to
150 steps that are registered anew each time.
""",
)  # fmt: skip

_ALL_MESSAGES: Final = ("messages", 1_000_000)
_ALL_LEARNED: Final = ("learned", 100_000)

FEEDS: Final = Group(
    title="HL7 feeds",
    targets=(
        Target(name="receiver_1_of_bare", text="receiver, 1 connection: ours / bare echo",
               digits=2, limit=0.7, least=True),
        Target(name="receiver_50_of_bare", text="receiver, 50 connections: ours / bare echo",
               digits=2, limit=0.7, least=True),
        Target(name="sender_1_of_bare", text="sender, 1 connection: ours / bare sender",
               digits=2, limit=0.7, least=True),
        Target(name="sender_50_of_bare", text="sender, 50 connections: ours / bare sender",
               digits=2, limit=0.7, least=True),
        Target(name="receiver_tls_1_of_bare", digits=2, limit=0.7, least=True,
               text="receiver over TLS, 1 connection: ours / bare TLS echo"),
        Target(name="receiver_tls_50_of_bare", digits=2, limit=0.7, least=True,
               text="receiver over TLS, 50 connections: ours / bare TLS echo"),
        Target(name="sender_tls_1_of_bare", digits=2, limit=0.7, least=True,
               text="sender over TLS, 1 connection: ours / bare TLS sender"),
        Target(name="sender_tls_50_of_bare", digits=2, limit=0.7, least=True,
               text="sender over TLS, 50 connections: ours / bare TLS sender"),
        Target(name="idle_mib", text="500 idle connections, MiB", digits=0, limit=200,
               size=("idle_connections", 500)),
        Target(name="memory_growth", digits=2, limit=1.1, size=_ALL_MESSAGES,
               text="memory after all messages / after a tenth of them"),
        Target(name="large_s", text="an OBX of 20 MB received, answered and read, s", digits=2,
               limit=0.5),
        Target(name="large_growth", digits=2, limit=1.5,
               text="a byte of 20 MB / a byte of 5 MB, beside a bare pass"),
        Target(name="fingerprint_s", text="fingerprint of an ORU of 20 OBX and its comparison, s",
               digits=2, limit=1),
        Target(name="learn_s", text="a dialect from 100,000 messages, s", digits=0, limit=60,
               size=_ALL_LEARNED),
    ),
    shown=(
        Shown("receiver_1_per_s", "our receiver, 1 connection, messages/s", 0),
        Shown("receiver_50_per_s", "our receiver, 50 connections, messages/s", 0),
        Shown("sender_1_per_s", "our sender, 1 connection, messages/s", 0),
        Shown("sender_50_per_s", "our sender, 50 connections, messages/s", 0),
        Shown("receiver_tls_50_per_s", "our receiver over TLS, 50 connections, messages/s", 0),
        Shown("echo_50_per_s", "bare echo, 50 connections, messages/s", 0),
        Shown("idle_connections", "idle connections", 0),
        Shown("messages", "messages while the memory was watched", 0),
        Shown("memory_mib", "memory of the receiver, at most, MiB", 0),
        Shown("learned", "messages that the dialect was learned from", 0),
        Shown("fingerprint_leaves", "leaves of the fingerprint", 0),
    ),
    how="""\
One laboratory report of 20 OBX (3.7 kB) out, the acknowledgement back, one message outstanding on
each connection; every end is a process of its own, over loopback. The receiver cuts frames, reads
the header, writes a real acknowledgement and keeps its journal; beside it an asyncio echo that
sends each frame back, with the same bare sender. The sender checks each answer and keeps its
journal; beside it a bare asyncio sender, with the same bare receiver of fixed answers. Over TLS all
of them use the same certificate. The kinds take turns within each round; a ratio is taken within
its round, and everything is the median of the rounds.

Each idle connection has sent a message, stands still, and answers once more at the end. While the
memory is watched, 50 messages are under way at a time, with the journal on. The report of 20 MB
comes in reads of 64 KiB; the bare pass puts the same reads together and decodes the value.
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
get the same bare sender, which looks for each answer for 0.2 ms before it sleeps: to wake a sender
that sleeps costs more than many a receiver does. Senders get the same bare blocking responder. Every end
is a process of its own, over loopback. *Our receiver* is the core of LIS01-A2 under an actor that takes whole
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
        Shown("explored_points", "points explored: message, fault, power cut", 0),
        Shown("nothing_to_do_points", "points where the fault found nothing to do", 0),
        Shown("explored_s", "seconds that this took", 0),
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
        Target(name="parquet_of_join_all", text="Parquet, all stages: ours / read both, one join",
               digits=1, limit=4, size=("parquet_rows", 10_000_000)),
        Target(name="parquet_gb", text="Parquet, memory at the most, GB", digits=1, limit=4,
               size=("parquet_rows", 10_000_000)),
        Target(name="csv_stages_of_scan", text="CSV, stages and proof: ours / bare scan", digits=1,
               limit=5, size=("csv_rows", 1_000_000)),
        Target(name="csv_s", text="CSV, the whole command with all reports, s", digits=1,
               limit=10, size=("csv_rows", 1_000_000)),
    ),
    shown=(
        Shown("parquet_rows", "rows a side, Parquet", 0),
        Shown("parquet_s", "all stages and the proof, s", 2),
        Shown("join_all_s", "DuckDB: read what is compared, one full outer join, s", 2),
        Shown("join_s", "DuckDB: the same with key and amounts alone, s", 2),
        Shown("parquet_of_join", "Parquet, all stages: ours / join of key and amounts", 1),
        Shown("capped_1gb_s", "all stages and the proof with 1 GB of memory, s", 2),
        Shown("capped_1gb_gb", "memory of the process at the most then, GB", 1),
        Shown("csv_rows", "rows a side, CSV", 0),
        Shown("csv_scan_s", "DuckDB: scan both CSV files, s", 2),
        Shown("csv_stages_s", "stages and proof from CSV, s", 2),
        Shown("csv_stages_of_few", "CSV, stages and proof: ours / scan of three columns", 1),
        Shown("csv_of_scan", "CSV, the whole command: ours / bare scan", 1),
        Shown("peer_rows", "rows a side, beside others", 0),
        Shown("peer_ours_s", "all stages and the proof, s", 2),
        Shown("pandas_s", "pandas: one outer merge, s", 2),
        Shown("pandas_gb", "pandas: memory at the most, GB", 1),
        Shown("datacompy_s", "datacompy: one comparison, s", 2),
        Shown("datacompy_gb", "datacompy: memory at the most, GB", 1),
    ),
    how="""\
Two ledgers with every kind of difference and their harmless look-alikes, about fifty rows in four
thousand, in random order; a time counts only where the number of rows of every class is that of the
truth. From Parquet all stages and the proof of conservation, beside DuckDB that reads of both files
every column that a reconciliation compares and joins them once on the key; the join of key and
amounts alone reads half of that. From CSV beside DuckDB that scans both files, every column in its
declared type; the scan of three columns as text is the least that a scan can be. Of CSV each is taken
before and after the others, and the mean counts. Ratios are of processor time; seconds are those of
the clock. Memory is that of the process.
""",
)  # fmt: skip

_SLICES: Final = ("slices", 500)

IMAGING: Final = Group(
    title="Imaging",
    targets=(
        Target(name="one_of_plain", text="C-STORE, 1 association: ours / plain pynetdicom",
               digits=2, limit=1.5, least=True, size=_SLICES),
        Target(name="four_of_storescu", text="C-STORE, 4 associations: ours / storescu", digits=2,
               limit=0.7, least=True, size=_SLICES),
        Target(name="ours_received_per_s", text="receive and hash, 4 senders, images/s", digits=0,
               limit=250, least=True, size=_SLICES),
        Target(name="worklist_of_wlmscpfs", text="worklist of 100 answers: our RIS / wlmscpfs",
               digits=2, limit=1.5),
        Target(name="associations_per_s", text="associations/s, both ends ours", digits=0,
               limit=90, least=True),
    ),
    shown=(
        Shown("one_of_storescu", "1 association: ours / storescu", 2),
        Shown("plain_of_storescu", "1 association: plain pynetdicom / storescu", 2),
        Shown("one_of_begun", "1 association: ours / storescu, begun", 2),
        Shown("four_of_begun", "4 associations: ours / storescu, begun", 2),
        Shown("four_hashed_of_storescu", "4 associations: ours, hashed / storescu", 2),
        Shown("ours_1_per_s", "1 association: ours, images/s", 0),
        Shown("plain_1_per_s", "1 association: plain pynetdicom, images/s", 0),
        Shown("storescu_1_per_s", "1 association: storescu, images/s", 0),
        Shown("ours_4_per_s", "4 associations: ours, images/s", 0),
        Shown("plain_4_per_s", "4 associations: plain pynetdicom, images/s", 0),
        Shown("storescu_4_per_s", "4 associations: storescu, images/s", 0),
        Shown("plain_received_per_s", "receive and hash: plain pynetdicom, images/s", 0),
        Shown("received_of_plain", "receive and hash: ours / plain pynetdicom", 2),
        Shown("worklist_ms", "worklist of 100 answers: our RIS, ms", 1),
        Shown("wlmscpfs_ms", "worklist of 100 answers: wlmscpfs, ms", 1),
        Shown("wlmscpfs_associations_per_s", "associations/s, our client at wlmscpfs", 0),
        Shown("plain_lost_answers", "answers that plain pynetdicom lost", 0),
    ),
    how="""\
500 CT slices of 512 by 512 at 16 bit, 525 kB each, at 16 KiB a PDU to a DCMTK `storescp` that
discards them; and from four `storescu` to a receiver that hashes each. Nagle's algorithm is off on
both ends, every end is a process of its own, over loopback. Ours keeps its journal on: every
association, command and answer as it is, of long bytes the size, and of each object the SHA-256
that it has had since it was made; *hashed* computes that once more of every byte that leaves.
`storescu` keeps no journal. Plain pynetdicom sends data sets that are in memory; what it waited for
answers that it lost is taken off its time. `storescu` is a process an association that reads files;
*begun* is its rate without the time that those processes take for one object each. One client asks
our RIS and `wlmscpfs` for the same 100 steps. An association is opened, asked for one echo and released.
""",
)  # fmt: skip

UPGRADE: Final = Group(
    title="Comparison of two runs",
    targets=(
        Target(name="compare_s", text="two runs of 500 scenarios with 50,000 messages each, s",
               digits=1, limit=20, size=("messages", 50_000)),
        Target(name="peak_mb", text="memory of the process that compares them, MB", digits=0,
               limit=500, size=("messages", 50_000)),
    ),
    shown=(
        Shown("scenarios", "scenarios of each run", 0),
        Shown("messages", "messages of each run", 0),
        Shown("compare_cpu_s", "processor time of the comparison, s", 1),
    ),
    how="""\
Two run folders are written by the harness's own journal: laboratory reports of ten results with
their acknowledgements, with new times and control ids in each run and nothing else that differs.
They are compared as `medharness compare` does it, without writing the page. Memory is what a
process held at most that did nothing but compare.
""",
)  # fmt: skip

GROUPS: Final = {
    "engine": ENGINE,
    "feeds": FEEDS,
    "lab": LAB,
    "serial": SERIAL,
    "settlement": SETTLEMENT,
    "ledger": LEDGER,
    "imaging": IMAGING,
    "upgrade": UPGRADE,
    "relay": RELAY,
    "cases": CASES,
    "functional": FUNCTIONAL,
    "load": LOAD,
    "soak": SOAK,
}
"""In the order of the page."""
