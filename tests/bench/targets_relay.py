"""What the recorder must keep beside a plain TCP relay."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target

RELAY: Final = Group(
    title="Recorder",
    targets=(
        Target(name="added_ms", text="added to a round trip of 500 bytes, ms", digits=3, limit=1),
        Target(name="round_trip_of_socat", text="round trip: ours / socat", digits=2, limit=2),
        Target(name="throughput_of_socat", text="throughput, 64 MiB: ours / socat", digits=2,
               limit=0.5, least=True),
    ),
    shown=(
        Shown("direct_ms", "round trip without a relay, ms", 3),
        Shown("ours_ms", "through the recorder, ms", 3),
        Shown("socat_ms", "through socat, ms", 3),
        Shown("ours_p99_ms", "through the recorder, p99 ms", 2),
        Shown("socat_p99_ms", "through socat, p99 ms", 2),
        Shown("direct_mib_per_s", "without a relay, MiB/s", 0),
        Shown("ours_mib_per_s", "through the recorder, MiB/s", 0),
        Shown("socat_mib_per_s", "through socat, MiB/s", 0),
    ),
    how="""\
The recorder beside socat, a plain TCP relay, in turn in one run; both ends and both relays are
processes of their own, over loopback, without Nagle's algorithm. The recorder writes every piece to
its journal before it passes it on, socat writes nothing down. A round trip is 500 bytes and their
echo, a thousand of them a round; what it adds is the median through the recorder less the median
without a relay.
""",
)  # fmt: skip
