"""Before a batch that ends with a wait for the disk, those of the last ones are waited for."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import pytest

from harness.link import readers as module
from harness.link.readers import GATHER_PART, GATHER_S, GATHER_STEP_S, READS_MAX, Readers
from harness.link.tcp import Wire

Found = list[tuple[selectors.SelectorKey, int]]


def keys(*names: str) -> Found:
    """As a selector finds them; ``!`` is the bell."""
    return [
        (selectors.SelectorKey(0, 0, 0, None if name == "!" else (name, object())), 1)  # type: ignore[arg-type]
        for name in names
    ]


class Line:
    """A selector that finds one thing after the other, and a clock that its waits move."""

    def __init__(self, *found: Found) -> None:
        self._found: Iterator[Found] = iter(found)
        self.at = 0.0

    def select(self, timeout: float) -> Found:
        assert timeout == 0
        return next(self._found)

    def sleep(self, seconds: float) -> None:
        assert seconds == GATHER_STEP_S
        self.at += seconds


@pytest.fixture
def reader() -> Iterator[Readers]:
    made = Readers(lambda _: None, lambda *_: None, gathers=True)
    made._served = frozenset({"a", "b"}), frozenset({"c"})
    made._took_s = 1.0
    yield made
    made._alarm.close()
    made._bell.close()


def gathered(
    reader: Readers, monkeypatch: pytest.MonkeyPatch, line: Line, found: Found
) -> set[str | None]:
    if not isinstance(reader._selector, Line):
        reader._selector.close()
    reader._selector = line  # type: ignore[assignment]
    monkeypatch.setattr(module, "sleep", line.sleep)
    monkeypatch.setattr(module, "monotonic", lambda: line.at)
    return {key.data and key.data[0] for key, _ in reader._gathered(found, 0.0)}


def test_all_are_there_at_once(reader: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    assert gathered(reader, monkeypatch, line, keys("a", "b", "c", "d")) == {"a", "b", "c", "d"}
    assert line.at == 0


def test_they_are_waited_for(reader: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(keys("a", "!"), keys("a", "b", "c", "!"))
    assert gathered(reader, monkeypatch, line, keys("a")) == {"a", "b", "c", None}
    assert line.at == 2 * GATHER_STEP_S


def test_not_for_longer_than_it_is_worth(reader: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(*[keys("a")] * 100)
    assert gathered(reader, monkeypatch, line, keys("a")) == {"a"}
    assert GATHER_S <= line.at < GATHER_S + 2 * GATHER_STEP_S

    reader._took_s = GATHER_STEP_S
    line = Line(*[keys("a")] * 100)
    assert gathered(reader, monkeypatch, line, keys("a")) == {"a"}
    assert GATHER_PART * reader._took_s <= line.at <= GATHER_STEP_S


def test_not_beyond_a_full_batch(reader: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    full = keys(*(f"x{number}" for number in range(READS_MAX)))
    assert len(gathered(reader, monkeypatch, line, full)) == READS_MAX


def test_nobody_waits_for_one(reader: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    reader._served = frozenset(), frozenset({"b"})
    assert gathered(reader, monkeypatch, Line(), keys("a")) == {"a"}


def test_a_batch_is_remembered() -> None:
    batches: list[list[str]] = []
    reader = Readers(
        lambda reads: batches.append([conn for conn, _ in reads]), lambda *_: None, gathers=True
    )
    pairs = {name: socket.socketpair() for name in "ab"}
    for name, (ours, theirs) in pairs.items():
        reader.add(name, Wire(ours, lambda _: None))
        theirs.sendall(b"x")
    reader._turn()  # the bell: both are known now
    reader._alone = None  # the later one need not be asked first
    reader._turn()
    assert sorted(batches[0]) == ["a", "b"]
    assert reader._served[1] == {"a", "b"}
    assert reader._took_s >= 0
    for _, theirs in pairs.values():
        theirs.close()
    reader.stop()
    reader.run()
