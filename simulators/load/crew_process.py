"""A crew as a process of its own: ``python -m simulators.load.crew_process FOLDER PART PARTS``.

A scheduler that changes the sockets and threads of its process (gevent does) steers this one over
a pipe and touches nothing in it. Lines in: ``{"begin": s}`` once, then actions
(``{"ident", "kind", "number", "at"}``); lines out: ``{"ready": true}``, then for each action
``{"ident", "seconds", "reason"}``. When the input ends, the actions that are under way end, what
came of all is written to the folder, and the process is over.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from simulators.load.crew import Crew
from simulators.load.order import Order, write_part, write_progress

PROGRESS_S: Final = 2.0


def serve(folder: Path, part: int, parts: int, orders: TextIO, answers: TextIO) -> int:
    """Carry out what is ordered; 0 where everybody left in order."""
    writing = threading.Lock()

    def say(data: Mapping[str, Any]) -> None:
        with writing:
            answers.write(json.dumps(data) + "\n")
            answers.flush()

    order = Order.read(folder)
    crew = Crew(order.plan, order.places, part, parts, order.visits)

    def over(ident: int) -> Callable[[float, str], None]:
        return lambda seconds, reason: say({"ident": ident, "seconds": seconds, "reason": reason})

    try:
        say({"ready": True})
        begin = json.loads(orders.readline() or "{}").get("begin")
        if begin is None:
            return 1
        crew.start(float(begin))
        told = time.monotonic()
        for line in orders:
            one = json.loads(line)
            crew.do(one["kind"], one["number"], one["at"], over(one["ident"]))
            if time.monotonic() >= told + PROGRESS_S:
                told = time.monotonic()
                write_progress(folder, part, crew.counts())
        crew.finish()
        write_part(folder, part, crew.data())
    finally:
        left = crew.close()
    if left:
        sys.stderr.write(f"would not end: {', '.join(left)}\n")
    return 1 if left else 0


if __name__ == "__main__":
    where, mine, count = sys.argv[1:4]
    sys.exit(serve(Path(where), int(mine), int(count), sys.stdin, sys.stdout))
