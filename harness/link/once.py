"""One message over a connection of its own, and what comes back until a limit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from harness.clock import Clock
from harness.link.address import Address
from harness.link.dial import dial
from harness.wire.core import Core, Event, Message

_CHUNK: Final = 65_536
_SLICE_S: Final = 1.0
"""How soon a wait notices that it should end."""


def ask(
    address: Address, core: Core, message: Message, wait_s: float, clock: Clock,
    connected: Callable[[], None], over: Callable[[], bool],
) -> Iterator[Event]:  # fmt: skip
    """Connect, send, and give what the core makes of the answer; ends with the connection.

    Args:
        address: of the listener.
        core: frames the message and reads the answer.
        message: what is sent.
        wait_s: how long an answer is waited for.
        clock: gives the seconds.
        connected: called before the first byte.
        over: asked now and then whether to end.

    Raises:
        OSError: no connection came about; one that breaks later only ends.
    """
    with contextlib.closing(dial(address)) as sock:
        connected()
        core.send(message, clock.now())
        until = clock.now() + wait_s
        try:
            sock.sendall(core.data_to_send())
            while (left := until - clock.now()) > 0 and not over():
                sock.settimeout(min(left, _SLICE_S))
                try:
                    data = sock.recv(_CHUNK)
                except TimeoutError:
                    continue
                if not data:
                    return
                core.receive(data, clock.now())
                yield from core.events()
        except OSError:
            return
