"""The append-only journal of one scenario: the spine that everything else reads.

One JSON object a line, UTF-8, written with a single ``write`` each, so that a run killed at any
moment leaves a file that reads to its last whole line. The format stands in
``docs/reference/trace.md``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from harness import limits
from harness.clock import Clock
from harness.errors import HarnessError, InputError

FORMAT = 1
"""Format of the records; raised when a reader of today would misread tomorrow's file."""

KINDS = frozenset(
    {
        "open",  # the scenario begins: id, seed, versions, hashes
        "step",  # a sentence begins
        "link",  # a connection opened, closed, was refused or failed
        "bytes",  # what went over a connection, both directions
        "message",  # one whole protocol message, with its correlation
        "violation",  # the peer broke a framing or link rule
        "command",  # what a role was told to do, and its answer
        "fault",  # planned, fired or healed
        "probe",  # one answer of a read-only look at the system under test
        "expectation",  # a judge begins, with everything needed to judge again
        "judgement",  # what it came to, and the records it rests on
        "note",  # anything else worth reading
        "seal",  # the verdict; the file is complete
    }
)

Record = dict[str, Any]
"""A record: ``n`` (1, 2, ...), ``t`` (monotonic s), ``w`` (civil time), ``kind``, ``format`` on
the first one, ``corr`` where known, and the fields of its kind."""


def pack(data: bytes) -> str:
    """Bytes as they stand in a record."""
    return base64.b64encode(data).decode("ascii")


def unpack(text: str) -> bytes:
    """Bytes back from a record."""
    return base64.b64decode(text)


@dataclass(slots=True)
class Trace:
    """The journal while it is written; thread-safe.

    Args:
        clock: gives ``t`` and ``w``.
        path: the JSONL file; None keeps records in memory alone.
        keep: hold the records in memory for the judges; load runs only write.
    """

    clock: Clock
    path: Path | None = None
    keep: bool = True
    records: list[Record] = field(default_factory=list)
    _count: int = 0
    _sealed: bool = False
    _file: IO[bytes] | None = None
    _hash: Any = field(default_factory=hashlib.sha256)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _listeners: list[Callable[[Record], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb", buffering=0)

    def add(self, kind: str, /, **fields: Any) -> Record:
        """Append one record and wake whoever waits.

        After the seal nothing is added any more: a late message of a finished scenario belongs to
        none, and the caller learns it by an empty record.
        """
        with self._changed:
            if self._sealed:
                return {}
            record = self._append(kind, fields)
            self._changed.notify_all()
        for listener in self._listeners:
            listener(record)
        return record

    def _append(self, kind: str, fields: dict[str, Any]) -> Record:
        if kind not in KINDS:
            raise HarnessError(f"unknown kind of trace record: {kind}")
        if self.keep and self._count >= limits.TRACE_RECORDS_MAX:
            raise HarnessError(f"a scenario wrote more than {limits.TRACE_RECORDS_MAX} records")
        self._count += 1
        record: Record = {
            "n": self._count,
            "t": round(self.clock.now(), 6),
            "w": self.clock.wall().isoformat(timespec="milliseconds"),
            "kind": kind,
            **fields,
        }
        self._externalise(record)
        if self._file is not None:
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            self._hash.update(line)
            self._file.write(line)
        if self.keep:
            self.records.append(record)
        return record

    def _externalise(self, record: Record) -> None:
        """Move a payload over the threshold to a blob named by its hash (policy ``full``)."""
        raw = record.get("raw")
        if not isinstance(raw, str) or self.path is None:
            return
        if len(raw) * 3 // 4 <= limits.BLOB_THRESHOLD_BYTES:
            return
        data = unpack(raw)
        digest = hashlib.sha256(data).hexdigest()
        blob = self.path.parent / "blobs" / digest
        if not blob.exists():
            blob.parent.mkdir(exist_ok=True)
            partial = blob.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            partial.write_bytes(data)
            partial.replace(blob)
        record["raw"] = ""
        record["blob"] = digest
        record["size"] = len(data)

    def wait(self, satisfied: Callable[[], bool], timeout_s: float) -> bool:
        """Block until ``satisfied()`` after an append, or until the time is over."""
        with self._changed:
            return self._changed.wait_for(satisfied, timeout_s)

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call ``listener`` with every record from now on, outside the lock."""
        self._listeners.append(listener)

    def __len__(self) -> int:
        return self._count

    def seal(self, verdict: str) -> str:
        """Write the last record and close; returns the SHA-256 of all that stood before it."""
        with self._changed:
            if self._sealed:
                raise HarnessError("a trace is sealed once")
            digest: str = self._hash.hexdigest()
            self._append("seal", {"verdict": verdict, "sha256": digest})
            self._sealed = True
            if self._file is not None:
                self._file.close()
            self._changed.notify_all()
        return digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTrace:
    """A trace read back from its file.

    Attributes:
        path: where it was read from.
        records: every whole record.
        sealed: the last record is a seal and its hash holds.
        damage: why the file is not whole; empty if it is.
    """

    path: Path
    records: Sequence[Record]
    sealed: bool
    damage: str = ""

    @property
    def head(self) -> Record:
        """The ``open`` record."""
        return self.records[0]

    @property
    def verdict(self) -> str:
        """What was sealed; empty for a run that was killed."""
        return str(self.records[-1]["verdict"]) if self.sealed else ""


def read(path: Path) -> SealedTrace:
    """Read a trace to its last whole line; a cut-off tail is damage, not an exception."""
    records: list[Record] = []
    digest = hashlib.sha256()
    damage = ""
    before_last = digest.hexdigest()
    for number, line in enumerate(_whole_lines(path), 1):
        try:
            record = json.loads(line)
        except ValueError:
            damage = f"line {number} is not JSON"
            break
        if not isinstance(record, dict) or record.get("n") != number:
            damage = f"line {number} is not record {number}"
            break
        before_last = digest.hexdigest()
        digest.update(line)
        records.append(_with_blob(path, record))
    if not records or records[0]["kind"] != "open":
        raise InputError("not a trace: the first record is missing", where=str(path))
    if records[0].get("format") != FORMAT:
        raise InputError(
            f"trace format {records[0].get('format')} cannot be read by this version",
            where=str(path),
        )
    last = records[-1]
    sealed = not damage and last["kind"] == "seal"
    if sealed and last.get("sha256") != before_last:
        sealed, damage = False, "the hash in the seal does not hold: the file was edited"
    if not sealed and not damage:
        damage = "not sealed: the run was cut off"
    return SealedTrace(path=path, records=records, sealed=sealed, damage=damage)


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def _with_blob(path: Path, record: Record) -> Record:
    digest = record.get("blob")
    if isinstance(digest, str):
        blob = path.parent / "blobs" / digest
        if blob.is_file():
            record["raw"] = pack(blob.read_bytes())
    return record
