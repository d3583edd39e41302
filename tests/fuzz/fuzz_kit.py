"""How the fuzzer feeds a core, and a reader of files: what all targets share."""

from __future__ import annotations

import contextlib
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from harness import resources
from harness.errors import InputError
from harness.wire.core import Core, Event, Message, Violation

CORPUS: Final = Path(__file__).resolve().parents[1] / "corpus"
CRASHES: Final = CORPUS / "crashes"
DEADLINES: Final = 4
"""How often a core is woken up before the line ends."""

Target = Callable[[bytes], object]
Thing = TypeVar("Thing")


def core(make: Callable[[], Core]) -> Target:
    """One connection: the first byte says how the rest is cut into reads, then the line ends."""

    def feed(data: bytes) -> None:
        size = 1 + (data[0] if data else 0)
        lived(make(), cut(data[1:], size))

    return feed


def alike(makes: Sequence[Callable[[], Core]], *, speaks: bool = False) -> Target:
    """As ``core``; and neither events nor what is sent depend on how the line cuts the bytes.

    The first byte says which core, the second how it is cut. Where the third is odd, a core that
    speaks has sent a message and waits for the replies.
    """

    def feed(data: bytes) -> None:
        which, size, said = (*data[:3], 0, 0, 0)[:3]
        make, rest = makes[which % len(makes)], data[3:]
        lives = []
        for reads in (cut(rest, 1 + size), [rest] if rest else []):
            one = make()
            if speaks and said % 2:
                one.send(Message(payload=b"x" * (1 + size)), 0.0)
            lives.append(lived(one, reads))
        assert lives[0] == lives[1], "the cuts changed what came of it"
        for event in lives[0][0]:
            if isinstance(event, Violation):
                assert -1 <= event.offset <= len(rest), "an offset that is not in the stream"

    return feed


def picked(data: bytes, things: Sequence[Thing]) -> tuple[Thing, bytes]:
    """One of several by the first byte, and what stands behind the three that ``alike`` takes."""
    return things[data[0] % len(things) if data else 0], data[3:]


def cut(data: bytes, size: int) -> list[bytes]:
    """Reads of one size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def lived(one: Core, reads: Sequence[bytes]) -> tuple[list[Event], bytes]:
    """Everything that a connection reported and sent until its end."""
    events: list[Event] = []
    sent, now = b"", 0.0

    def drain() -> None:
        nonlocal sent
        events.extend(one.events())
        sent += one.data_to_send()

    for read in reads:
        one.receive(read, now)
        drain()
    now = run_down(one, now, DEADLINES, drain)
    one.receive_eof(now)
    drain()
    assert not one.events(), "told twice"
    assert not one.data_to_send(), "sent twice"
    return events, sent


def run_down(one: Core, now: float, most: int, then: Callable[[], None]) -> float:
    """Let up to ``most`` deadlines of a core pass, ``then`` look; when the last one was due."""
    for _ in range(most):
        due = one.next_deadline()
        if due is None:
            break
        assert due >= now, "a deadline in the past"
        now = due
        one.on_deadline(now)
        then()
    return now


def file(read: Callable[[Path], object], suffix: str) -> Target:
    """A reader of files: it may refuse with a place that names the file."""

    def feed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"any{suffix}"
            path.write_bytes(data)
            with contextlib.suppress(InputError):
                read(path)

    return feed


def framed_sections() -> dict[str, dict[str, Any]]:
    """The ``[framed]`` table of each model that ships with one."""
    found = {}
    for path in sorted(resources.fixture("analyzers").glob("*.toml")):
        model = tomllib.loads(path.read_text("utf-8"))
        if "framed" in model:
            found[path.stem] = model["framed"]
    return found
