"""A hundred analyzers on serial lines at 9600 baud, and two ASTM timers over the virtual clock.

``measure`` runs them in two processes of their own: the analyzers and the receiving side of every
line in one, the cables in the other. The memory is that of both.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.link.serial_address import SerialAddress
from harness.link.serial_line import Direction, LineSettings
from harness.link.serial_pty import Cables
from harness.link.tap import Connection, Delivery
from harness.link.threads import Member, Threads
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageIncomplete, MessageReceived
from harness.wire.core import Core, RawCore, Unit
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.shell import plain

ANALYZERS: Final = 100
SECONDS: Final = 60.0
LINE: Final = LineSettings.parse("9600 8N1")
BURST_BYTES_MIN: Final = 40
"""Bursts that are timed: frames, not the single characters between them."""

DRAIN_S: Final = 30.0
"""Until what is under way at the end has arrived."""


def _message(number: int, count: int) -> bytes:
    """A message of ten results that no other one equals."""
    lines = [f"H|\\^&|B{number:03d}-{count:05d}||SIM^1|||||||P|LIS2-A|20260105080000", "P|1"]
    lines.append(f"O|1|{number:03d}{count:07d}||^^^WBC|R|20260105080000")
    lines += [f"R|{i}|^^^T{i:02d}|{number}.{count:04d}|g/L||N||F" for i in range(1, 11)]
    return "".join(f"{line}\r" for line in [*lines, "L|1|N"]).encode("ascii")


@dataclass
class Receiver:
    """The listening side of every line: accepts frames and counts messages."""

    role: str = "LIS"
    got: Counter[bytes] = field(default_factory=Counter)

    def open_core(self, link: str, *, client: bool) -> Core:
        """The host's side of LIS01-A2."""
        return AstmLinkCore(AstmLinkConfig(side="host"))

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Keep what came."""
        if isinstance(event, act.Received) and isinstance(event.event, MessageReceived):
            self.got[event.event.payload] += 1
        return []


class TimedLine(Direction):
    """A direction that knows when a burst entered it, and when its last byte was handed over."""

    def __init__(self, settings: LineSettings) -> None:
        super().__init__(settings)
        self.under_way: deque[tuple[float, int]] = deque()
        self.came = 0
        self.free_s = float("-inf")
        self.bursts: list[tuple[int, float]] = []

    def put(self, data: bytes, now: float) -> None:
        """A burst; what is put behind another one counts from the end of that."""
        super().put(data, now)
        begin_s = max(now, self.free_s)
        self.free_s = begin_s + len(data) * self.settings.char_s
        self.under_way.append((begin_s, len(data)))

    def due(self, now: float) -> bytes:
        """By the clock, not by ``now``: lateness of the thread counts."""
        found = super().due(now)
        self.came += len(found)
        while self.under_way and self.came >= self.under_way[0][1]:
            entered, size = self.under_way.popleft()
            self.came -= size
            self.bursts.append((size, time.monotonic() - entered))
        return found


@dataclass
class Stopwatch:
    """A tap that knows when a burst left, and when the last of its bytes came."""

    under_way: deque[tuple[float, int]] = field(default_factory=deque)
    came: int = 0
    bursts: list[tuple[int, float]] = field(default_factory=list)

    def connects(self, connection: Connection, now: float) -> bool:
        """Everything may."""
        return True

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """Nothing is changed."""
        return [unit.data]

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """It leaves now."""
        self.under_way.append((now, len(data)))
        return (Delivery(data=data),)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Replies are not timed."""
        return (Delivery(data=data),)

    def arrived(self, count: int, now: float) -> None:
        """Told by the other end of the line."""
        self.came += count
        while self.under_way and self.came >= self.under_way[0][1]:
            left, size = self.under_way.popleft()
            self.came -= size
            self.bursts.append((size, now - left))


@dataclass
class Arrivals:
    """A watcher of the listening side that passes times on to the stopwatch of each line."""

    watches: dict[str, Stopwatch]

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes came."""
        if not sent:
            self.watches[connection.id].arrived(len(data), time.monotonic())

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Lines stay open."""

    def event(self, connection: Connection, protocol: str, event: Any, *, sent: bool) -> None:
        """Only bytes are timed."""

    def note(self, role: str, text: str) -> None:
        """Nothing to note."""


def _upload(
    members: Sequence[Member], seconds: float
) -> tuple[list[bytes], Counter[str], set[int]]:
    """Every analyzer, one message after the other: what was sent, how it ended, who never ended."""
    sent: list[bytes] = []
    counts = [0] * len(members)
    began = time.monotonic()

    def feed(number: int) -> None:
        payload = _message(number, counts[number])
        counts[number] += 1
        sent.append(payload)
        host = members[number].host
        members[number].run(lambda: host.command("upload", {"payload": payload.hex()}, 1))

    for number in range(len(members)):
        feed(number)
    outcomes: Counter[str] = Counter()
    open_ones = set(range(len(members)))
    while open_ones and time.monotonic() - began < seconds + DRAIN_S:
        time.sleep(0.02)
        for number in list(open_ones):
            reply = members[number].host.answers.take(1)
            if reply is None:
                continue
            outcomes[str(reply.value["outcome"])] += 1
            if time.monotonic() - began < seconds:
                feed(number)
            else:
                open_ones.discard(number)
    return sent, outcomes, open_ones


def _run(analyzers: int, seconds: float) -> dict[str, Any]:
    hardware = subprocess.Popen(
        [sys.executable, __file__, "--cables", str(analyzers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert hardware.stdin is not None
    assert hardware.stdout is not None
    ends = json.loads(hardware.stdout.readline())
    runtime, receiver = Threads(), Receiver()
    watches: dict[str, Stopwatch] = {}
    lis = runtime.add("LIS", Host(receiver, runtime.clock, plain, watcher=Arrivals(watches)))
    members = []
    for number in range(analyzers):
        watch = Stopwatch()
        near, far = (SerialAddress(url=url, line=LINE) for url in ends[number])
        watches[f"{LINK}#{number + 1}"] = watch
        opened = number + 1
        lis.attend(LINK, far)
        runtime.wait(lambda opened=opened: len(lis.wires) == opened, runtime.clock.now() + 5)
        member = runtime.add(f"A{number}", Host(Analyzer(), runtime.clock, plain, tap=watch))
        member.routes[LINK] = near
        members.append(member)
    began = time.monotonic()
    sent, outcomes, open_ones = _upload(members, seconds)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    left = runtime.stop()
    hardware.stdin.close()
    line = json.loads(hardware.stdout.readline())
    hardware.stdout.close()
    hardware.wait(DRAIN_S)
    whole = _errors(list(watches.values()))
    return {
        "analyzers": analyzers,
        "seconds": round(time.monotonic() - began, 1),
        "messages": len(sent),
        "not_delivered": len(open_ones) + sum(outcomes.values()) - outcomes["ok"],
        "lost": sum(receiver.got[payload] != 1 for payload in sent) + line["lost"],
        "frames": line["frames"],
        "timing_error_percent": line["mean"],
        "timing_error_median_percent": line["median"],
        "timing_error_p99_percent": line["p99"],
        "actor_to_actor_percent": whole["mean"],
        "peak_mib": round(peak_mib + line["peak_mib"], 1),
        "left": [*left, *line["left"]],
    }


def _hardware(count: int) -> dict[str, Any]:
    """The cables, in a process of their own, as real ones have no part in our work."""
    cables = Cables()
    lines = []
    for _ in range(count):
        cable = cables.add(LINE)
        cable.halves[0].line = TimedLine(LINE)
        lines.append(cable.halves[0].line)
    urls = [[cable.near.url, cable.far.url] for cable in cables.cables]
    print(json.dumps(urls), flush=True)
    sys.stdin.read()
    lost = sum(cable.lost for cable in cables.cables)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**_errors(lines), "lost": lost, "left": cables.stop(), "peak_mib": peak_mib}


def _errors(watched: Sequence[TimedLine | Stopwatch]) -> dict[str, float]:
    """How much longer frames took than their bits at the speed of the line, in percent."""
    timed = [one for each in watched for one in each.bursts if one[0] >= BURST_BYTES_MIN]
    errors = sorted(abs(took / (size * LINE.char_s) - 1) * 100 for size, took in timed)
    ideal = sum(size * LINE.char_s for size, _ in timed)
    return {
        "frames": len(timed),
        "mean": round(abs(sum(took for _, took in timed) / ideal - 1) * 100, 2),
        "median": round(statistics.median(errors), 2),
        "p99": round(errors[int(len(errors) * 0.99)], 2),
    }


@dataclass
class Deaf:
    """A host that takes a line and never says a word."""

    role: str = "LIS"

    def open_core(self, link: str, *, client: bool) -> Core:
        """Bytes as they are."""
        return RawCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Nothing."""
        return []


def _reply_timer() -> tuple[float, float]:
    """Virtual seconds and real milliseconds until an unanswered ENQ is given up (15 s)."""
    pump = Pump()
    pump.add("LIS", Host(Deaf(), pump.clock, plain)).listen(LINK)
    member = pump.add("A", Host(Analyzer(repeats=0), pump.clock, plain))
    member.routes[LINK] = f"memory:LIS/{LINK}"
    began = time.perf_counter()
    payload = _message(1, 1).hex()
    pump.command("A", "upload", {"payload": payload}, 3600)
    return pump.clock.now(), (time.perf_counter() - began) * 1000


def _receive_timer() -> tuple[float, float]:
    """The same for a receiver whose sender stops in the middle of a message (30 s)."""
    core = AstmLinkCore(AstmLinkConfig(side="host"))
    began = time.perf_counter()
    core.receive(b"\x05", 0.0)
    body = b"1H|\\^&\r\x17"
    core.receive(b"\x02" + body + b"%02X\r\n" % (sum(body) % 256), 0.0)
    core.data_to_send()
    seen: list[object] = []
    now = 0.0
    while not any(isinstance(one, MessageIncomplete) for one in seen):
        at = core.next_deadline()
        assert at is not None, "a receiver in the middle of a message has a deadline"
        now = at
        core.on_deadline(now)
        seen += core.events()
    return now, (time.perf_counter() - began) * 1000


def measure(seconds: float = SECONDS, analyzers: int = ANALYZERS) -> dict[str, Any]:
    """Figures of serial lines."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--analyzers", str(analyzers)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + 120
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    reply, receive = _reply_timer(), _receive_timer()
    found["timer_15_s"] = {"virtual_s": reply[0], "real_ms": round(reply[1], 2)}
    found["timer_30_s"] = {"virtual_s": receive[0], "real_ms": round(receive[1], 2)}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--analyzers", type=int, default=ANALYZERS)
    parser.add_argument("--cables", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cables:
        print(json.dumps(_hardware(options.cables)), flush=True)
    else:
        print(json.dumps(_run(options.analyzers, options.seconds)))
