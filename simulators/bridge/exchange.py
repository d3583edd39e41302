"""One request and its answer over a connection of its own, for whoever has nothing else to do."""

from __future__ import annotations

from harness.clock import RealClock
from harness.errors import HarnessError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dial import dial
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpRequest, HttpResponse

PIECE_BYTES: int = 65_536
"""What one read takes."""


class UnansweredError(HarnessError):
    """No whole answer came: the outcome of the request is unknown."""


def exchange(address: Address, request: HttpRequest, timeout_s: float) -> HttpResponse:
    """Connect, ask, read the whole answer, close.

    Args:
        address: that the site's policy has allowed.
        request: as it goes out.
        timeout_s: from the first byte out to the last byte in.

    Raises:
        Unanswered: nobody there, no answer in time, or not a whole one.
    """
    clock = RealClock()
    core = HttpClientCore()
    core.send(request, clock.now())
    try:
        sock = dial(address)
    except OSError as error:
        raise UnansweredError(tr("no connection: {reason}", reason=error)) from error
    with sock:
        until = clock.now() + timeout_s
        try:
            sock.settimeout(timeout_s)
            sock.sendall(core.data_to_send())
            while True:
                sock.settimeout(max(0.001, until - clock.now()))
                data = sock.recv(PIECE_BYTES)
                if data:
                    core.receive(data, clock.now())
                else:
                    core.receive_eof(clock.now())
                for event in core.events():
                    if isinstance(event, HttpResponse):
                        return event
                    if isinstance(event, HttpBroken):
                        raise UnansweredError(event.message)
                if not data or clock.now() >= until:
                    raise UnansweredError(tr("no whole answer in {limit:g} s", limit=timeout_s))
        except OSError as error:
            raise UnansweredError(tr("no whole answer: {reason}", reason=error)) from error
