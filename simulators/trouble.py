"""What a simulated system does about an error of its own: it says so, and stays up.

A message that trips a system must cost that message and no other, so nothing here ends a thread or
a process. The error is told on standard error, where whoever runs the system looks.
"""

from __future__ import annotations

import sys
import traceback

from harness.link.threads import Threads

ERRORS_KEPT = 100
"""Errors that wait for somebody who waits: all were told already, so the newest are enough."""


def tell(who: str, error: BaseException) -> None:
    """Write an error to standard error, with where it came from."""
    lines = traceback.format_exception(error)
    sys.stderr.write(f"{who}: {''.join(lines)}")
    sys.stderr.flush()


class OutspokenThreads(Threads):
    """Tells an error of a thread at once: where nobody waits, nobody else would."""

    def failed(self, error: Exception) -> None:
        """Tell it; whoever waits for an answer gets it as well."""
        tell("error", error)
        del self.errors[:-ERRORS_KEPT]
        super().failed(error)
