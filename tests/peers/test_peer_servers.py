"""Our sender against receivers that no one here wrote, over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import findings
import pytest
from expected import Expected, Observed, differences, load, of_version
from programs_of import (
    needs,
    node_package,
    node_program,
    python_package,
    python_program,
    running,
)
from rig import Rig
from samples import payload

pytestmark = [pytest.mark.peer, pytest.mark.slow]

EXPECTED: Final = Path(__file__).parents[2] / "fixtures" / "expected"

LARGE: Final = 70_000
"""Above the 64 KiB that are the default limit of an asyncio stream."""

THREE: Final = ("M1", "M2", "M3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A receiver of a peer.

    Attributes:
        name: of the peer, and of its file of expected findings.
        version: what is installed; empty if nothing is.
        start: the command line for an encoding.
        encodings: those that its documentation lets one choose.
    """

    name: str
    version: str
    start: Callable[[str], list[str]]
    encodings: tuple[str, ...]


SERVERS: Final = (
    Server(
        name="hl7",
        version=python_package("hl7"),
        start=lambda encoding: python_program("hl7_server.py", encoding),
        encodings=("utf-8", "gbk"),
    ),
    Server(
        name="hl7apy",
        version=python_package("hl7apy"),
        start=lambda encoding: python_program("hl7apy_server.py", encoding),
        encodings=("utf-8", "gbk"),
    ),
    Server(
        name="node-hl7-server",
        version=node_package("node-hl7-server"),
        start=lambda encoding: node_program("server.cjs", encoding),
        encodings=("utf-8",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One meeting: what we send and how."""

    ids: tuple[str, ...] = ("M1",)
    size: int = 0
    burst: bool = False
    bytewise: bool = False


EXERCISES: Final = {
    "one": Exercise(),
    "several": Exercise(ids=THREE),
    "pipelined": Exercise(ids=THREE, burst=True),
    "bytewise": Exercise(bytewise=True),
    "large": Exercise(size=LARGE),
}

MEETINGS: Final = [
    pytest.param(
        server, f"{name}-{encoding}", encoding, encoding, id=f"{server.name}-{name}-{encoding}"
    )
    for server in SERVERS
    for encoding in server.encodings
    for name in EXERCISES
] + [
    pytest.param(server, f"one-{encoding}-default", encoding, "-", id=f"{server.name}-{encoding}")
    for server in SERVERS[:2]
    for encoding in ("utf-8", "gbk")
]
"""Server, exercise, encoding of the messages, encoding that the server is started with."""


def known(server: Server) -> list[Expected]:
    return [
        entry
        for entry in load(EXPECTED / f"{server.name}.toml")
        if entry.observed.id.startswith("server.")
    ]


def meet(server: Server, exercise: str, encoding: str, started: str) -> set[Observed]:
    plan = EXERCISES[exercise.partition("-")[0]]
    sent = [payload(each, encoding, size=plan.size) for each in plan.ids]
    with running(server.start(started)) as program:
        port = program.port()
        with Rig() as rig:
            if plan.burst:
                rig.burst(port, sent)
            else:
                rig.send(port, sent, split=plan.bytewise)
            rig.finish()
        return findings.of_server(exercise, sent, rig, program.rest())


@pytest.mark.parametrize(("server", "exercise", "encoding", "started"), MEETINGS)
def test_a_receiver_does_what_is_known_of_it(
    server: Server, exercise: str, encoding: str, started: str
) -> None:
    needs(server.name, server.version)

    observed = meet(server, exercise, encoding, started)

    expected = [entry for entry in known(server) if entry.observed.id.split(".")[1] == exercise]
    lines = differences(observed, expected)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_every_entry_can_appear_in_this_version(server: Server) -> None:
    needs(server.name, server.version)
    exercises = {each.values[1] for each in MEETINGS if each.values[0] is server}

    entries = known(server)

    assert of_version(entries, server.version) == []
    assert {entry.observed.id.split(".")[1] for entry in entries} <= exercises


def test_a_garbled_name_is_seen_and_cannot_be_expected() -> None:
    # The package splits before it decodes, and four of the characters end in a delimiter byte:
    # so it is no receiver for GBK, and no file of ours can say otherwise.
    server = SERVERS[2]
    needs(server.name, server.version)

    observed = meet(server, "one-gbk", "gbk", "gbk")

    assert Observed(id="server.one-gbk.name-altered", place="hl7 PID-5") in observed
