"""The shortest way of one read, from the socket to the answer.

Nearly every frame of an analyzer is answered at once by the core, which has nothing to report of
it, so that the actor need not be asked. All of that is done under the lock of the member: what came
and what leaves stands in the journal before the answer leaves, and nothing else of this connection
can come between. Whatever is not so plain goes the way of all reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.link.tcp import Wire
    from harness.link.threads import Member

NOT_WRITTEN: Final = "the trace cannot be written"

Short = Callable[[bytes], bool]
"""Takes a read; False, with nothing done, where there is no short way for it any more."""


def _asks_nobody(data: bytes, now: float) -> bytes | None:  # noqa: ARG001 - as ``Answering`` has it
    """Of a core without a short way of its own: the actor may have one."""
    return None


def shortcut(member: Member, conn: str, wire: Wire) -> Short | None:
    """The short way of one connection; None where there is none."""
    host, runtime, lock = member.host, member.runtime, member.lock
    state, watcher = host.conns.get(conn), host.watcher
    if state is None or host.grouping is not None:
        return None
    if state.answers is None and state.replies is None:
        return None
    about, conns, answers = state.about, host.conns, state.answers or _asks_nobody
    changed, clock_now, send = runtime.changed, runtime.clock.now, wire.send_at_once
    written = getattr(watcher, "exchanged", None)
    if getattr(runtime.settle, "__self__", None) is not watcher:
        written = None  # what it writes at once would not be all of it

    def take(data: bytes) -> bool:
        answer, lost = b"", ""
        with lock:
            if conns.get(conn) is not state or wire.broken or host.tap is not None:
                return False
            try:
                now = clock_now()
                found = answers(data, now)
                if found and written is not None and state.deadline and host.watcher is watcher:
                    answer = found
                    written(about, data, answer, now)
                else:
                    answer = host.leads_to(conn, state, data, found, now)
                    if answer or member.dirty:  # else the reader does it before it sleeps
                        runtime.settle()
            except Exception as error:  # noqa: BLE001 - told to whoever waits; a thread has no caller
                runtime.failed(error)
                found, lost = None, NOT_WRITTEN if answer else ""
            if not lost and (not answer or send(answer)):
                if found or not (member.dirty or host.answers.values):
                    changed()
                    return True
                answer = b""  # it left
            dirty = member.gathered()
        member.leave([*dirty, wire] if answer else dirty, lost)
        return True

    return take
