"""The centre, and the same HTTP server with an empty handler, one to a process.

``python settlement_server.py KIND LEDGER`` prints port and path once it accepts, and ends when its
standard input ends.
"""

from __future__ import annotations

import json
import sys

from core import keep_to

from harness.link import actor as act
from harness.link.host import Host
from harness.link.threads import Threads
from harness.wire.core import Core
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from simulators.centre import provinces, simulate
from simulators.shell import plain
from simulators.store import grouping

SEED = 5
EMPTY = json.dumps({"infcode": 0, "output": {"result": [{}]}}).encode()


class Empty:
    """Answers every request with the same few bytes."""

    role = "centre"

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP, as the server."""
        return HttpServerCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Nothing is read."""
        match event:
            case act.Received(conn=conn, event=HttpRequest()):
                response = HttpResponse(
                    payload=EMPTY, status=200, headers=(("Content-Type", "application/json"),)
                )
                return [act.Send(conn=conn, event=response)]
        return []


def serve(kind: str, ledger: str) -> None:
    """Until standard input ends."""
    runtime = Threads()
    province = provinces.load_province("hunan")
    if kind == "empty":
        host = Host(Empty(), runtime.clock, plain)
    else:
        actor, store = simulate.make(province, ledger, runtime.clock, seed=SEED)
        host = Host(actor, runtime.clock, plain, store=store, grouping=grouping(store))
    member = runtime.add("centre", host)
    address = member.listen("centre")
    print(address.port, province.gateway.path, flush=True)
    sys.stdin.read()
    left = runtime.stop()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")


if __name__ == "__main__":
    keep_to(0)
    serve(*sys.argv[1:3])
