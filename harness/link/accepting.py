"""What a listener makes of a port that is taken, and of an ``accept`` that fails: both may pass."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

from harness import limits

T = TypeVar("T")

PAUSE_S: Final = 0.05
"""Where the system has nothing left to give, until it is asked again."""


def _known(*names: str) -> frozenset[int]:
    """The numbers of these errors that this system knows; sockets of Windows have their own."""
    both = [*names, *(f"WSA{name}" for name in names)]
    return frozenset(number for one in both if (number := getattr(errno, one, None)) is not None)


GONE: Final = _known(
    "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM", "EINTR", "ENOPROTOOPT", "EOPNOTSUPP",
    "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ENONET",
)  # fmt: skip
"""Who called has left again, or a firewall sent it away: the next one may be taken (accept(2);
Windows tells a reset before ``accept`` as WSAECONNRESET)."""

TAKEN: Final = _known("EADDRINUSE")
SCARCE: Final = _known("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")
"""Nothing is left for one more connection: callers wait in line until others have gone."""


def pause_s(error: OSError) -> float | None:
    """How long to wait before the next ``accept``; None where there will never be one again."""
    if error.errno in GONE:
        return 0.0
    return PAUSE_S if error.errno in SCARCE else None


def again(listens: Callable[[], T], port: int) -> T:
    """Listen where a process of before did: a caller that was lent its port lets go of it soon.

    Raises:
        OSError: it cannot listen there, also after ``limits.REBIND_S``.
    """
    until = time.monotonic() + limits.REBIND_S
    while True:
        try:
            return listens()
        except OSError as error:
            if error.errno not in TAKEN or not port or time.monotonic() >= until:
                raise
        time.sleep(PAUSE_S)
