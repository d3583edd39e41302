"""What a listener makes of an ``accept`` that fails: most failures are of one caller, or pass."""

from __future__ import annotations

import errno
from typing import Final

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

SCARCE: Final = _known("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")
"""Nothing is left for one more connection: callers wait in line until others have gone."""


def pause_s(error: OSError) -> float | None:
    """How long to wait before the next ``accept``; None where there will never be one again."""
    if error.errno in GONE:
        return 0.0
    return PAUSE_S if error.errno in SCARCE else None
