"""The append-only journal of one scenario: the spine that everything else reads.

One JSON object a line, UTF-8, written with a single ``write`` each, so that a run killed at any
moment leaves a file that reads to its last whole line. The format stands in
``docs/reference/trace.md``.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import threading
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from harness import limits
from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.evidence.hashed import Hashed, State, state
from harness.evidence.line import NOTHING, Shared, pack, parsed, render, stamp, unpack
from harness.evidence.shapes import fits
from harness.i18n import tr

__all__ = [
    "FORMAT",
    "KINDS",
    "Entry",
    "Record",
    "SealedTrace",
    "Trace",
    "head",
    "pack",
    "read",
    "unpack",
]

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


Entry = tuple[str, Shared, dict[str, Any]]
"""A record to be: its kind, the fields that it shares with others, its own fields."""


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
            (record,) = self._append([(kind, NOTHING, fields)], wanted=True)
            self._changed.notify_all()
        self._tell([record])
        return record

    def add_all(self, entries: Sequence[Entry]) -> None:
        """Append records that came about together: they carry one time, and share one write.

        When this returns, all of them are with the operating system; after the seal, none is.
        """
        with self._changed:
            if self._sealed:
                return
            wanted = self.keep or bool(self._listeners)
            added = self._append(entries, wanted=wanted)
            self._changed.notify_all()
        self._tell(added)

    def _tell(self, added: Sequence[Record]) -> None:
        for listener in self._listeners:
            for record in added:
                listener(record)

    def _append(self, entries: Sequence[Entry], *, wanted: bool) -> list[Record]:
        """Write the records; returns them where they are ``wanted`` beyond the file."""
        if self.keep and self._count + len(entries) > limits.TRACE_RECORDS_MAX:
            raise HarnessError(f"a scenario wrote more than {limits.TRACE_RECORDS_MAX} records")
        now = round(self.clock.now(), 6)
        wall = self.clock.wall().isoformat(timespec="milliseconds")
        times = stamp(now, wall)
        added: list[Record] = []
        lines: list[bytes] = []
        for number, (kind, shared, own) in enumerate(entries, self._count + 1):
            if kind not in KINDS:
                raise HarnessError(f"unknown kind of trace record: {kind}")
            blob = self._externalised(own)
            if kind == "seal":
                covered = self._hash.copy()
                covered.update(_covered(render(number, times, kind, shared, own)))
                own["sha256"] = covered.hexdigest()
            if self._file is not None:
                # In memory the payload stays where judges look for it, as in a trace read back.
                written = own | blob | {"raw": ""} if blob else own
                lines.append(render(number, times, kind, shared, written))
            if wanted:
                head: Record = {"n": number, "t": now, "w": wall, "kind": kind}
                added.append({**head, **shared.fields, **own, **blob})
        self._write(b"".join(lines))
        self._count += len(entries)
        if self.keep:
            self.records += added
        return added

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        if self._file.write(data) != len(data):
            raise HarnessError("a trace record could not be written whole", where=str(self.path))
        self._hash.update(data)

    def _externalised(self, own: dict[str, Any]) -> dict[str, Any]:
        """Copy a payload over the threshold to a blob named by its hash (policy ``full``).

        Returns the fields that name it; empty where the payload stays in the line.
        """
        raw = own.get("raw")
        if not isinstance(raw, str) or self.path is None:
            return {}
        size = len(raw) * 3 // 4
        if size <= limits.BLOB_THRESHOLD_BYTES:  # with or without its padding
            return {}
        if size - raw.endswith("=") - raw.endswith("==") <= limits.BLOB_THRESHOLD_BYTES:
            return {}
        data = unpack(raw)
        digest = hashlib.sha256(data).hexdigest()
        blob = self.path.parent / "blobs" / digest
        if not blob.exists():
            blob.parent.mkdir(exist_ok=True)
            partial = blob.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            partial.write_bytes(data)
            partial.replace(blob)
        return {"blob": digest, "size": len(data)}

    def wait(self, satisfied: Callable[[], bool], timeout_s: float) -> bool:
        """Block until ``satisfied()`` after an append, or until the time is over."""
        with self._changed:
            return self._changed.wait_for(satisfied, timeout_s)

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call ``listener`` with every record from now on, outside the lock."""
        self._listeners.append(listener)

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Let go of the file without a seal: a journal that does not say that it is whole."""
        with self._changed:
            self._sealed = True
            if self._file is not None:
                self._file.close()

    def seal(self, verdict: str) -> str:
        """Write the last record and close; returns the SHA-256 of every byte that stood before it.

        The hash is the last thing in the file, so that it covers the verdict, too.
        """
        with self._changed:
            if self._sealed:
                raise HarnessError("a trace is sealed once")
            (record,) = self._append(
                [("seal", NOTHING, {"verdict": verdict, "sha256": ""})], wanted=True
            )
            self._sealed = True
            digest = str(record["sha256"])
            if self._file is not None:
                self._file.close()
            self._changed.notify_all()
        return digest


_SEAL_END = re.compile(rb',"sha256":"[0-9a-f]*"}\n\Z')


def _covered(seal: bytes) -> bytes:
    """What the hash in a seal covers of the seal's own line."""
    return _SEAL_END.sub(b"", seal)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTrace:
    """A trace read back from its file.

    Attributes:
        path: where it was read from.
        records: every whole record.
        sealed: the last record is a seal, its hash holds, and so do those of the payloads.
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


def read(path: Path, hashed: Hashed | None = None) -> SealedTrace:
    """Read a trace to its last whole line; a cut-off tail is damage, not an exception.

    Args:
        path: of the file.
        hashed: learns the hashes of the trace and its payloads, where the trace is whole.

    Raises:
        InputError: the file cannot be read at all, or is no trace of this version.
    """
    hashed = Hashed() if hashed is None else hashed
    data, seen = _bytes(path)
    records: list[Record] = []
    damage, last = "", 0
    for number, (begin, line) in enumerate(_whole_lines(data), 1):
        record = parsed(line)
        if record is None or record.get("n") != number or not isinstance(record.get("kind"), str):
            damage = tr("line {number} is not record {number}", number=number)
            break
        if "blob" in record:
            damage = damage or _fetch_blob(path, record, hashed)
        records.append(record)
        last = begin
    _check_head(path, records)
    if not damage:
        damage, digest = _seal_damage(records, data, last)
        if digest:
            hashed.keep(path, seen, digest)
    if damage:
        whole = list(itertools.takewhile(fits, records))
        if len(whole) < len(records):
            odd = tr("line {number} is not record {number}", number=len(whole) + 1)
            damage, records = f"{damage}; {odd}", whole or records[:1]
    return SealedTrace(path=path, records=records, sealed=not damage, damage=damage)


def head(path: Path) -> Record:
    """The first record alone, of a trace of which only that it can be read matters.

    Raises:
        InputError: as ``read`` does.
    """
    try:
        with path.open("rb") as file:
            line = file.readline()
    except OSError as error:
        raise _unreadable(path, error) from error
    record = parsed(line[:-1]) if line.endswith(b"\n") else None
    whole = record is not None and record.get("n") == 1 and isinstance(record.get("kind"), str)
    records = [record] if record is not None and whole else []
    _check_head(path, records)
    return records[0]


def _bytes(path: Path) -> tuple[bytes, State]:
    try:
        with path.open("rb") as file:
            seen = state(file)
            return file.read(), seen
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(tr("the trace cannot be read: {reason}", reason=reason), where=str(path))


def _whole_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each line begins, and the line without its end; one at a time, for they are long."""
    begin = 0
    while (end := data.find(b"\n", begin)) >= 0:
        yield begin, data[begin:end]
        begin = end + 1


def _check_head(path: Path, records: Sequence[Record]) -> None:
    if not records or records[0]["kind"] != "open":
        raise InputError(tr("not a trace: the first record is missing"), where=f"{path}:1")
    stated = records[0].get("format")
    if stated != FORMAT:
        message = tr("trace format {stated} cannot be read by this version", stated=stated)
        raise InputError(message, where=f"{path}:1")


def _seal_damage(records: Sequence[Record], data: bytes, last: int) -> tuple[str, str]:
    """Why the trace is not whole and as it was sealed, or else the hash of the whole file.

    Args:
        records: all of it.
        data: the file.
        last: where the line of the last record begins.
    """
    seal = records[-1]
    if any(record["kind"] == "seal" for record in records[:-1]):
        return tr("records stand behind the seal: the file was edited"), ""
    if seal["kind"] != "seal":
        return tr("not sealed: the run was cut off"), ""
    end = data.index(b"\n", last) + 1
    covered = last + len(_covered(data[last:end]))
    view = memoryview(data)
    whole = hashlib.sha256(view[:covered])
    if seal.get("sha256") != whole.hexdigest():
        return tr("the hash in the seal does not hold: the file was edited"), ""
    whole.update(view[covered:])
    return "", whole.hexdigest()


def _fetch_blob(path: Path, record: Record, hashed: Hashed) -> str:
    """Put a payload that stands in a blob back into its record; returns what is wrong with it."""
    digest = record.get("blob")
    if not isinstance(digest, str):
        return ""
    blob = path.parent / "blobs" / digest
    try:
        with blob.open("rb") as file:
            seen, data = state(file), file.read()
    except OSError:
        return tr("the payload of record {n} is missing: {blob}", n=record["n"], blob=digest)
    if hashlib.sha256(data).hexdigest() != digest:
        return tr("the payload of record {n} was edited: {blob}", n=record["n"], blob=digest)
    hashed.keep(blob, seen, digest)
    record["raw"] = b2a_base64(data, newline=False).decode("ascii")  # as every other one is read
    return ""
