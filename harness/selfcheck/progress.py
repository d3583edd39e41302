"""How far a self-check is, told on standard error while it plays for minutes or hours.

The work is done by this process and by others, and what is told comes from where it is done: a
process that plays writes a few bytes into a pipe whenever it begins a scenario, a defect or a
mutant, and whenever one is done. What is printed has no part in the result and never goes to
standard output: there stand the lines of the result, and with ``--json`` its last line.

On a terminal one line is written again and again; elsewhere, as in a log of a night, a plain line
now and then.
"""

from __future__ import annotations

import shutil
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Final, TextIO, TypeVar

from harness import follow
from harness.clock import Clock, RealClock
from harness.i18n import tr

PLAIN_S: Final = 10.0
"""At least so long between two lines where nobody can wipe one away, in seconds."""

LIVE_S: Final = 1.0
"""Between two looks of the line on a terminal, in seconds."""

LOOK_S: Final = 0.1
"""How often it is looked whether a line is due, in seconds."""

One = TypeVar("One")

Tell = Callable[[str, int, str], None]
"""Which part; how many more of it are done; what is under way now, or nothing new."""

Line = tuple[Any, Any]
"""The pipe on which a process that plays tells, and who may write into it."""


@dataclass(slots=True)
class Part:
    """One part of the work.

    Attributes:
        name: as it is told.
        total: how much there is; 0 where nobody knows.
        done: how much of it is done.
        begun: when it was first heard of, in seconds of the clock; None before.
        what: what is under way.
    """

    name: str
    total: int = 0
    done: int = 0
    begun: float | None = None
    what: str = ""

    @property
    def over(self) -> bool:
        """Whether all of it is done, as far as is known."""
        return 0 < self.total <= self.done

    def shown(self, now: float) -> str:
        """How far it is, and about how long it still takes if it goes on as it went."""
        text = f"{self.name} {self.done:,}/{self.total:,}" if self.total else self.name
        if self.begun is None:
            return tr("{part}: not begun", part=text)
        if 0 < self.done < self.total:
            left = (now - self.begun) / self.done * (self.total - self.done)
            text = tr("{part}, about {time} left", part=text, time=clock_of(left))
        return f"{text} ({self.what})" if self.what else text


class Progress:
    """Keeps what was told and prints it when a line is due.

    Args:
        out: where the lines go; standard error where left out.
        clock: says when one is due.
        result: where the lines of the result go; standard output where left out.
    """

    def __init__(
        self, out: TextIO | None = None, clock: Clock | None = None, result: TextIO | None = None
    ) -> None:
        self._out = out or sys.stderr
        self._result = result
        self._clock = clock or RealClock()
        self._live = self._out.isatty()
        self._parts: dict[str, Part] = {}
        self._started = self._told = self._clock.now()
        self._width = 0
        self._lock = threading.RLock()

    def expect(self, key: str, name: str, more: int = 0) -> None:
        """A part is there, and has so much more to do than was known."""
        with self._lock:
            self._parts.setdefault(key, Part(name)).total += more

    def tell(self, key: str, done: int = 0, what: str = "") -> None:
        """It goes on; what nobody expects is not told."""
        with self._lock:
            part = self._parts.get(key)
            if part is None:
                return
            if part.begun is None:
                part.begun = self._clock.now()
            part.done += done
            part.what = what or part.what

    def finish(self, key: str) -> None:
        """Nothing of it is left to do."""
        with self._lock:
            self._parts.pop(key, None)

    def say(self, text: str) -> None:
        """A line of the result, on standard output."""
        with self._lock:
            self._wipe()
            print(text, file=self._result or sys.stdout, flush=True)

    def tick(self) -> None:
        """Print how far everything is, if a line is due."""
        with self._lock:
            now = self._clock.now()
            if not self._parts or now - self._told < (LIVE_S if self._live else PLAIN_S):
                return
            self._told = now
            text = self.line(now)
            if not self._live:
                print(text, file=self._out, flush=True)
                return
            self._wipe()
            text, self._width = fitting(text, shutil.get_terminal_size().columns - 1)
            print(f"\r{text}", end="", file=self._out, flush=True)

    def line(self, now: float) -> str:
        """How long it has taken, and every part that has something left; all where none has."""
        parts = [one for one in self._parts.values() if not one.over] or self._parts.values()
        return f"[{clock_of(now - self._started)}] {'; '.join(one.shown(now) for one in parts)}"

    def close(self) -> None:
        """Leave a terminal as it was."""
        with self._lock:
            self._wipe()
            self._parts.clear()

    def _wipe(self) -> None:
        """Spaces over the line, for not every terminal knows how to erase one."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=self._out, flush=True)
            self._width = 0


def clock_of(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def fitting(text: str, columns: int) -> tuple[str, int]:
    """What of a text fits into so many columns, and how many it takes; Chinese signs take two."""
    width = 0
    for index, char in enumerate(text):
        wide = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width + wide > columns:
            return text[:index], width
        width += wide
    return text, width


# -- telling, wherever the work is done ------------------------------------------------------------

_tell: list[Tell] = []
_line: list[Line] = []


def told(key: str, done: int = 0, what: str = "") -> None:
    """Tell, in whichever process this is; of no part, or where nobody listens, nothing happens."""
    for tell in _tell if key else ():
        tell(key, done, what)


def tracked(key: str, items: Iterable[One], name: Callable[[One], str]) -> Iterator[One]:
    """The items, each told when it begins and when it is done."""
    for item in items:
        told(key, what=name(item))
        yield item
        told(key, 1)


def line() -> Line | None:
    """What a new process needs to tell: its ``join`` takes it."""
    return _line[-1] if _line else None


def join(given: Line | None) -> None:
    """Begin to tell over a pipe, in a process that plays for another one and ends with it."""
    follow.parent()
    if given is None:
        return
    pipe, turn = given

    def tell(key: str, done: int, what: str) -> None:
        try:
            with turn:
                pipe.send((key, done, what))
        except OSError:  # who listened is gone, and this process will follow
            _tell.clear()

    _tell[:] = [tell]


@contextmanager
def shown(progress: Progress | None = None) -> Iterator[Progress]:
    """Print how far it is as long as this lasts."""
    progress = progress or Progress()
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    before = list(_tell), list(_line)
    _tell[:], _line[:] = [progress.tell], [(writer, context.Lock())]
    over = threading.Event()
    thread = threading.Thread(target=_listen, args=(reader, progress, over), daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        _tell[:], _line[:] = before
        over.set()
        thread.join()
        progress.close()
        writer.close()
        reader.close()


def _listen(reader: Any, progress: Progress, over: threading.Event) -> None:
    while not over.is_set() or reader.poll():
        if reader.poll(LOOK_S):
            progress.tell(*reader.recv())
        progress.tick()
