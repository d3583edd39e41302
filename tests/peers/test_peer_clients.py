"""Senders that no one here wrote against our receiver, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
from samples import text

pytestmark = [pytest.mark.peer, pytest.mark.slow]

EXPECTED: Final = Path(__file__).parents[2] / "fixtures" / "expected"

LARGE: Final = 70_000
"""Above one read of our own receiver, so that a frame arrives in pieces."""

HEARS_S: Final = 2.0
"""Our answers have left: a sender that was handed none by then never will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A sender of a peer.

    Attributes:
        name: of the peer, and of its file of expected findings.
        version: what is installed; empty if nothing is.
        argv: how its program is started.
        modes: what the program can do; see there.
        encodings: in which it can write.
    """

    name: str
    version: str
    argv: Sequence[str]
    modes: tuple[str, ...]
    encodings: tuple[str, ...]


CLIENTS: Final = (
    Client(
        name="hl7",
        version=python_package("hl7"),
        argv=python_program("hl7_client.py"),
        modes=("one-by-one", "pipelined", "bytewise", "blocking"),
        encodings=("utf-8", "gbk"),
    ),
    Client(
        name="node-hl7-client",
        version=node_package("node-hl7-client"),
        argv=node_program("client.cjs"),
        modes=("one-by-one", "pipelined"),
        encodings=("utf-8",),
    ),
)

COMBINATIONS: Final = [
    (client, mode, encoding, size)
    for client in CLIENTS
    for mode in client.modes
    for encoding in client.encodings
    for size in (0, LARGE)
    if not (size and mode in {"pipelined", "bytewise"})
]

MEETINGS: Final = [
    pytest.param(*each, id="-".join([each[0].name, *map(str, each[1:])])) for each in COMBINATIONS
]


def exercise_of(mode: str, encoding: str, size: int) -> str:
    """As the entries of the file name it."""
    return f"large-{mode}-{encoding}" if size else f"{mode}-{encoding}"


def known(client: Client) -> list[Expected]:
    return [
        entry
        for entry in load(EXPECTED / f"{client.name}.toml")
        if entry.observed.id.startswith("client.")
    ]


def meet(client: Client, mode: str, encoding: str, size: int) -> set[Observed]:
    ids = ("M1",) if size else ("M1", "M2", "M3")
    texts = [text(each, encoding, size=size) for each in ids]
    with Rig() as rig:
        port = rig.receiver(together=len(ids) if mode == "pipelined" else 1)
        job: dict[str, Any] = {"port": port, "mode": mode}
        with running(client.argv) as program:
            program.tell(json.dumps(job | {"encoding": encoding, "payloads": texts}))
            rig.wait(lambda: len(rig.messages("us")) >= len(ids))
            said = program.hear(len(ids), HEARS_S)
        rig.finish()
    wanted = [each.encode(encoding) for each in texts]
    return findings.of_client(exercise_of(mode, encoding, size), wanted, rig, said)


@pytest.mark.parametrize(("client", "mode", "encoding", "size"), MEETINGS)
def test_a_sender_is_served(client: Client, mode: str, encoding: str, size: int) -> None:
    needs(client.name, client.version)
    exercise = exercise_of(mode, encoding, size)

    observed = meet(client, mode, encoding, size)

    expected = [entry for entry in known(client) if entry.observed.id.split(".")[1] == exercise]
    lines = differences(observed, expected)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_entry_can_appear_in_this_version(client: Client) -> None:
    needs(client.name, client.version)
    exercises = {
        exercise_of(mode, encoding, size)
        for peer, mode, encoding, size in COMBINATIONS
        if peer is client
    }

    entries = known(client)

    assert of_version(entries, client.version) == []
    assert {entry.observed.id.split(".")[1] for entry in entries} <= exercises
