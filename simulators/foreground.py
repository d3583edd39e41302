"""What simulators in the foreground have in common: where they listen, and when they end."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from harness.errors import HarnessError, InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.threads import Member, Threads
from harness.link.tls import Context
from harness.profile_check import is_loopback
from simulators.trouble import OutspokenThreads

STOP_POLL_S = 0.2
"""On Windows a wait without end hears no Ctrl-C, so waiting is cut into pieces of this length."""

PORT_MAX = 65535
"""TCP ports have 16 bits."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")
"""What asks a foreground program to end; each system has some of them."""

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
"""Listening addresses that nobody can connect to, and what reaches them from this machine."""


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that Ctrl-C, or a request to terminate, sets; the handlers of before come back."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    names = [name for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in map(_number, names)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _number(name: str) -> signal.Signals:
    return signal.Signals[name]


@contextmanager
def running() -> Iterator[Threads]:
    """Actors over sockets; all of it is gone at the end.

    Raises:
        HarnessError: a thread would not end.
    """
    runtime = OutspokenThreads()
    try:
        yield runtime
    finally:
        left = runtime.stop()
    if left:
        raise HarnessError(tr("threads are left over: {names}", names=", ".join(left)))


def wait(stopped: threading.Event) -> None:
    """Return when the user wants to end."""
    while not stopped.wait(STOP_POLL_S):
        pass


def check_host(host: str, *, expose: bool) -> None:
    """Refuse an address that other machines reach, or that is on one, unless it is meant.

    Raises:
        InputError: it is not loopback, and ``expose`` is not said.
    """
    if not is_loopback(host) and not expose:
        raise InputError(
            tr("{host} is not on this machine alone", host=host),
            remedy=tr("use 127.0.0.1, or say --expose"),
        )


def check_port(port: int, endpoints: int = 1) -> None:
    """Refuse a port that does not exist; ``endpoints`` follow each other from it on."""
    if not 0 <= port <= PORT_MAX - endpoints + 1:
        raise InputError(tr("no port {port}", port=port), remedy=f"0-{PORT_MAX - endpoints + 1}")


def listen(
    member: Member, link: str, host: str, port: int, context: Context | None = None
) -> Address:
    """Accept a link, over TLS where there is a context; the address with the port that it got.

    Raises:
        InputError: the port is in use, or the address is not ours.
    """
    try:
        return member.listen(link, Address(host=host, port=port, tls=context))
    except OSError as error:
        where = f"{host}:{port}"
        raise InputError(
            tr("cannot listen on {address}: {reason}", address=where, reason=error),
            remedy=tr("choose another port, or 0 for a free one"),
        ) from error


def from_here(address: Address) -> Address:
    """What peers on this machine connect to."""
    return Address(host=ANYWHERE.get(address.host, address.host), port=address.port)


def say(line: str) -> None:
    """One line for the user, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def finish(result: Mapping[str, Any], code: int, *, as_json: bool) -> int:
    """The end of a command: with ``--json`` its result is the last line."""
    if as_json:
        say(json.dumps(dict(result) | {"exit_code": code}, ensure_ascii=False))
    return code
