"""Calls in the trace of a scenario: what was asked on a connection, what came back, what broke.

The records are those of ``docs/reference/trace.md``. An answer belongs to the call before it on the
same connection; a call whose connection ends first has none. A trace that was cut off still shows
what happened; it proves nothing by what it lacks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.evidence.line import unpack

CONNECTIONS_MAX: Final = 10_000
"""Connections with an open call at one time."""

_BROKEN: Final = (
    "closed",
    "failed",
    "refused",
    "reset",
    "timeout",
    "SendFailed",
    "MessageIncomplete",
)


@dataclass(slots=True, kw_only=True)
class Turn:
    """One call on a connection; ``answered`` is None where nothing usable came back."""

    asked: dict[str, Any]
    at: str
    answered: dict[str, Any] | None = None
    garbled: bool = False
    fault: str = ""
    tries: int = 1


def turns(file: Path, records: Iterator[Any]) -> Iterator[Turn]:
    """Every call of one trace, once; what repeats byte for byte counts in ``tries``."""
    waiting: dict[str, Turn] = {}
    done: dict[str, Turn] = {}
    for record in records:
        if not isinstance(record, dict):
            continue
        conn, kind = str(record.get("conn", "")), record.get("kind")
        if kind == "message" and record.get("protocol") == "http":
            _message(file, record, conn, waiting, done)
        elif conn in waiting and (fault := _fault(record)):
            waiting[conn].fault = waiting[conn].fault or fault
            if kind == "link":
                del waiting[conn]
    yield from done.values()


def _message(
    file: Path, record: dict[str, Any], conn: str, waiting: dict[str, Turn], done: dict[str, Turn]
) -> None:
    payload = _payload(file, record)
    told = _parsed(payload)
    if told is not None and told.get("msgid") and told.get("infno"):
        digest = hashlib.sha256(payload).hexdigest()
        turn = done.get(digest)
        if turn is None:
            turn = Turn(asked=told, at=str(record.get("w", "")))
            done[digest] = turn
        elif waiting.get(conn) is not turn:
            # The other end of the same connection records the same call; another one is a repeat.
            turn.tries += 1
        if len(waiting) < CONNECTIONS_MAX:
            waiting[conn] = turn
    elif conn in waiting:
        turn = waiting[conn]
        if told is not None:
            turn.answered = turn.answered or told
        elif turn.answered is None:
            turn.garbled = True


def _payload(file: Path, record: dict[str, Any]) -> bytes:
    digest = record.get("blob")
    try:
        if isinstance(digest, str) and digest.isalnum():
            return (file.parent / "blobs" / digest).read_bytes()
        return unpack(str(record.get("raw", "")))
    except (OSError, ValueError):
        return b""


def _parsed(payload: bytes) -> dict[str, Any] | None:
    for encoding in ("utf-8", "gb18030"):
        try:
            told = json.loads(payload.decode(encoding))
        except (ValueError, RecursionError):
            continue
        return told if isinstance(told, dict) else None
    return None


def _fault(record: dict[str, Any]) -> str:
    """What the network did to a waiting call; empty where this record says nothing of it."""
    event = str(record.get("event", ""))
    if record.get("kind") == "fault" and event == "fired":
        return str(record.get("fault_class") or record.get("action") or record.get("id") or "")
    if record.get("kind") == "link" and event in _BROKEN:
        return str(record.get("reason") or event)
    return ""
