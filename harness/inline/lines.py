"""What all share that stand in line at a site: which lines, listening on them, and when to end.

``relay`` acts on messages, ``watch`` reads beside and acts on none, ``record`` knows no protocol; a
profile says for all of them where they stand, and Ctrl-C ends each.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from harness.clock import Clock
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host
from harness.link.relay import Relay
from harness.link.spec import LinkSpec
from harness.link.tap import Connection, Tap, Watcher
from harness.link.threads import Threads
from harness.permit import Permit
from harness.profile import LinkTransport, Mode, Profile, Via
from harness.scenario.wiring import AddressGate, addresses, relays


def why_not(profile: Profile, name: str) -> str:
    """Why nobody can stand in a link between real systems; empty where somebody can."""
    endpoint = profile.endpoints[name]
    if profile.mode(endpoint.to) is Mode.SIMULATED:
        return tr("the listening role is simulated: there is no system to watch")
    if endpoint.transport is LinkTransport.SERIAL:
        return tr("no relay stands in a serial line")
    return "" if endpoint.via is Via.RELAY else tr('the profile says via = "direct"')


@dataclass(frozen=True, slots=True)
class Places:
    """Where the systems of a site are, and where we listen for them.

    Attributes:
        systems: by link.
        ours: by link.
        gate: opens no address that the profile forbids.
    """

    systems: Mapping[str, Address]
    ours: Mapping[str, Address]
    gate: AddressGate

    @classmethod
    def of(cls, profile: Profile, permit: Permit, environ: Mapping[str, str]) -> Places:
        """As the profile has them.

        Raises:
            PermitError: a listener is open to others unasked.
        """
        return cls(addresses(profile, environ), relays(profile, permit), AddressGate(permit))

    def stand(
        self, runtime: Threads, relay: Relay, specs: Mapping[str, LinkSpec], clock: Clock,
        watcher: Watcher, tap: Tap | None = None,
    ) -> dict[str, str]:  # fmt: skip
        """Listen on links and pass on to the systems, by a relay; returns where each listens."""

        def describe(link: str, conn: str, client: bool) -> Connection:  # noqa: FBT001 - by position
            return specs[link].connection(conn, client=client)

        host = Host(relay, clock, describe, tap=tap, watcher=watcher, guard=self.gate)
        member, ready = runtime.add(relay.role, host), {}
        for name in specs:
            member.routes[name] = self.systems[name]
            ready[name] = str(member.listen(name, self.ours[name]))
        return ready


@contextmanager
def until_asked() -> Iterator[threading.Event]:
    """An event that Ctrl-C, or a request to terminate, sets; the handlers of before come back.

    Only the main thread is asked.
    """
    over = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        over.set()

    if threading.current_thread() is not threading.main_thread():
        yield over
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    numbers = [signal.Signals[name] for name in names]
    before = {number: signal.signal(number, asked) for number in numbers}
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
