"""Threads that somebody will wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Team:
    """The threads of one member."""

    _threads: list[threading.Thread] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def start(
        self, target: Callable[[], None], name: str, failed: Callable[[Exception], None]
    ) -> None:
        """Run ``target`` in a thread of its own; what it raises goes to ``failed``."""

        def guarded() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001 - told to whoever waits
                failed(error)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        with self._guard:
            self._threads = [one for one in self._threads if one.is_alive()]
            thread.start()
            self._threads.append(thread)

    def left(self) -> list[threading.Thread]:
        """Those that still run, but for the one that asks."""
        here = threading.current_thread()
        with self._guard:
            return [one for one in self._threads if one.is_alive() and one is not here]
