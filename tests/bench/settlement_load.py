"""A hospital that settles as fast as it is answered: the sender of the settlement figures.

``python settlement_load.py KIND PORT PATH CLIENTS SECONDS`` with KIND ``flow`` (2204, 2206, 2207 of
visits that were registered before the clock starts) or ``echo`` (the same requests to a server
that does nothing with them), and prints one JSON object. Every request is written and signed
before the clock starts, so that what is measured is the other side.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from core import keep_to
from settlement_requests import PARTS, Writer

from simulators.centre import world

HOST: Final = "127.0.0.1"
SEED: Final = 5
PERSONS: Final = 8
RATE_MAX: Final = 5_000
"""Transactions a second for which visits are prepared."""
VISITS_MAX: Final = 40_000
PATIENCE_S: Final = 60.0
TRIED: Final = "T1"

Answered = Callable[[Any], None]
Work = Iterator[tuple[bytes, Answered | None]]
"""Requests of one window, and who wants to read the answer."""

_DONE: Final = b'"infcode":0,'


@dataclass(slots=True, eq=False)
class Window:
    """One window of the hospital: one connection, one request at a time."""

    sock: socket.socket
    work: Work
    wants: Answered | None = None
    heard: bytes = b""
    sent_at: float = 0.0

    def next(self, now: float) -> bool:
        """Send the next request; False where there is none."""
        found = next(self.work, None)
        if found is None:
            return False
        request, self.wants = found
        self.sent_at = now
        self.sock.sendall(request)
        return True

    def take(self, marker: bytes) -> bool:
        """Read; True where an answer is whole."""
        data = self.sock.recv(65_536)
        if not data:
            raise SystemExit("the server closed")
        self.heard += data
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found:
            return False
        size = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
        if len(body) < size:
            return False
        if not head.startswith(b"HTTP/1.1 200") or marker not in body:
            raise SystemExit(f"refused: {self.heard.decode(errors='replace')}")
        if self.wants is not None:
            self.wants(json.loads(body))
        self.heard = b""
        return True


def drive(port: int, works: list[Work], seconds: float, marker: bytes = _DONE) -> dict[str, float]:
    """All windows at once until the time is over or nothing is left to send."""
    windows = [Window(socket.create_connection((HOST, port), PATIENCE_S), one) for one in works]
    latencies: list[float] = []
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for one in windows:
            stack.enter_context(one.sock)
        begin = time.perf_counter()
        busy = 0
        for one in windows:
            one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one.sock, selectors.EVENT_READ, one)
            busy += one.next(begin)
        now = begin
        while busy:
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise SystemExit("the server does not answer")
            for key, _ in ready:
                one = key.data
                if not one.take(marker):
                    continue
                now = time.perf_counter()
                latencies.append(now - one.sent_at)
                if now - begin >= seconds or not one.next(now):
                    busy -= 1
    latencies.sort()
    count = len(latencies)
    return {
        "done": count,
        "rate": count / (now - begin),
        "p50_ms": 1000 * latencies[count // 2],
        "p99_ms": 1000 * latencies[count * 99 // 100],
    }


# -- the flow --------------------------------------------------------------------------------------


def persons(port: int, writer: Writer) -> list[dict[str, str]]:
    """The insured of the world, as the centre names them (1101)."""
    found = []
    for number in range(PERSONS):
        who = world.person(SEED, "employee", number)
        found.append({"certno": who.id_card, "psn_name": who.name})

    def asking() -> Work:
        for one in found:
            yield (
                writer.person(one),
                lambda answer, one=one: one.update(psn_no=answer["output"]["baseinfo"]["psn_no"]),
            )

    drive(port, [asking()], PATIENCE_S)
    return found


def registered(
    port: int, writer: Writer, people: list[dict[str, str]], windows: int, each: int
) -> list[list[tuple[dict[str, str], str]]]:
    """Visits with their diagnosis, for each window its own."""
    visits: list[list[tuple[dict[str, str], str]]] = [[] for _ in range(windows)]

    def asking(mine: list[tuple[dict[str, str], str]], nth: int) -> Work:
        for number in range(each):
            who = people[(nth + number) % len(people)]
            found: list[str] = []
            yield (
                writer.registration(who, nth * each + number),
                lambda answer, found=found: found.append(answer["output"]["data"]["mdtrt_id"]),
            )
            yield writer.diagnosis(who, found[0]), None
            mine.append((who, found[0]))

    drive(port, [asking(mine, nth) for nth, mine in enumerate(visits)], 3600.0)
    return visits


def parts_of(port: int, writer: Writer, people: list[dict[str, str]]) -> dict[str, Any]:
    """How the centre splits the row that every visit has; asked once, and settled too."""
    (((who, mdtrt_id),),) = registered(port, writer, people, 1, 1)
    found: dict[str, Any] = {}

    def split(answer: Any) -> None:
        row = answer["output"]["result"][0]
        found.update({name: row.get(name, 0) for name in PARTS})

    drive(port, [iter([(writer.fees(who, mdtrt_id), split)])], PATIENCE_S)
    return found


def flow(port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """Registered visits are settled by all windows until the time is over or none is left."""
    writer = Writer(path)
    people = persons(port, writer)
    parts = parts_of(port, writer, people)
    wanted = max(1, min(VISITS_MAX, int(RATE_MAX * seconds / 3)) // clients)
    visits = registered(port, writer, people, clients, wanted)
    works = [
        [
            (request, None)
            for who, mdtrt_id in mine
            for request in (
                writer.fees(who, mdtrt_id),
                writer.settlement("2206", who, mdtrt_id, parts),
                writer.settlement("2207", who, mdtrt_id, parts),
            )
        ]
        for mine in visits
    ]
    begin = time.process_time()
    found = drive(port, [iter(one) for one in works], seconds)
    return found | {"load_cpu_us": 1e6 * (time.process_time() - begin) / found["done"]}


def echo(port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """The same requests to a server that does nothing with them."""
    writer = Writer(path)
    who = {"certno": "1", "psn_name": "甲", "psn_no": "1"}
    parts = dict.fromkeys(PARTS, 0)
    three = [
        writer.fees(who, "1"),
        writer.settlement("2206", who, "1", parts),
        writer.settlement("2207", who, "1", parts),
    ]

    def asking() -> Work:
        while True:
            yield from ((request, None) for request in three)

    return drive(port, [asking() for _ in range(clients)], seconds, b'"infcode"')


if __name__ == "__main__":
    keep_to(1)
    kind, where, target, count, length = sys.argv[1:6]
    run = flow if kind == "flow" else echo
    print(json.dumps(run(int(where), target, int(count), float(length))))
