"""A small simulated system as a process of its own, for tests of the shell; not a test module."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.mllp import MllpCore
from simulators.shell import Shell, say
from simulators.store import SqliteStore, Store, insert

SCHEMA = ["CREATE TABLE IF NOT EXISTS got (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)"]


@dataclass(slots=True)
class Echo:
    """Stores each message, then says it back; counts what it stored on command."""

    store: Store
    role: str = "ECHO"
    defects: set[str] = field(default_factory=set)

    def open_core(self, link: str, *, client: bool) -> Core:
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                text = payload.decode("utf-8")
                return [
                    act.Commit(statements=[insert("got", {"text": text})]),
                    act.Send(conn=event.conn, event=Message(payload=b"stored " + payload)),
                ]
            case act.Commanded(name="stored"):
                rows = self.store.rows("SELECT text FROM got ORDER BY id")
                return [act.Reply(ident=event.ident, value=[row["text"] for row in rows])]
            case act.Commanded(name="defects"):
                return [act.Reply(ident=event.ident, value=sorted(self.defects))]
            case act.Commanded(name="refuse"):
                return [act.Reply(ident=event.ident, error="not today")]
            case act.Commanded(name="exit"):
                sys.stderr.write("leaving on command\n")
                sys.stderr.flush()
                os._exit(3)
            case act.Commanded(name="hang"):
                time.sleep(float(event.args["seconds"]))
                return [act.Reply(ident=event.ident)]
        return []


def make(config: Mapping[str, Any], clock: Clock) -> tuple[Echo, Store]:
    if config.get("broken"):
        sys.stderr.write(f"无法启动: {config['broken']}\n")
        raise SystemExit(4)
    say("starting up, this line is for nobody")
    say('{"ident": 1000, "value": "an answer that nobody asked for"}')
    store = SqliteStore(Path(config["store"]), SCHEMA)
    return Echo(store), store


if __name__ == "__main__":
    sys.exit(Shell(make).run())
