"""The centre, and the same HTTP server with an empty handler, one to a process.

``python settlement_server.py KIND FOLDER`` prints port and path once it accepts, ends when its
standard input ends, and then prints what it counted. Both keep the journal of a load run in FOLDER;
the centre keeps its ledger there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from core import keep_to

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link import actor as act
from harness.link.host import Host
from harness.link.threads import Threads
from harness.wire.core import Core
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from simulators.centre import provinces, simulate
from simulators.centre.doorman import Doorman
from simulators.shell import plain
from simulators.store import SqliteStore, grouping

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


def serve(kind: str, folder: Path) -> None:
    """Until standard input ends."""
    capture = Capture(folder / f"{kind}.capture", RealClock())
    runtime = Threads(settle=capture.settle)
    province = provinces.load_province("hunan")
    store = None
    if kind == "empty":
        host = Host(Empty(), runtime.clock, plain, watcher=capture)
    else:
        ledger = str(folder / "centre.sqlite")
        actor, store = simulate.make(province, ledger, runtime.clock, seed=SEED)
        actor.door = Doorman(())  # as ``simulate centre`` has it
        host = Host(
            actor, runtime.clock, plain, store=store, grouping=grouping(store), watcher=capture
        )
    member = runtime.add("centre", host)
    address = member.listen("centre")
    print(address.port, province.gateway.path, flush=True)
    sys.stdin.read()
    left = runtime.stop()
    capture.close()
    found = {"commits": host.commits, "syncs": 0, "cpu_s": time.process_time()}
    if isinstance(store, SqliteStore):
        found["syncs"] = store.syncs
        store.close()
    print(json.dumps(found), flush=True)
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")


if __name__ == "__main__":
    keep_to(0)
    serve(sys.argv[1], Path(sys.argv[2]))
