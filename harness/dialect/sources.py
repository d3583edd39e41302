"""Messages out of recorded traffic: traces, captures, files of messages, folders of them.

Read piece by piece: how much there is never shows in the memory.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from harness import limits
from harness.errors import InputError
from harness.evidence.capture import expand
from harness.evidence.line import pack, parsed, unpack
from harness.evidence.shapes import fits
from harness.i18n import tr

CHUNK_BYTES: Final = 1 << 20

CAPTURE: Final = ".capture"
TRACE: Final = ".jsonl"

_HEAD = re.compile(rb"MSH[^A-Za-z0-9\s]")
"""Begins with letters, which are searched for at once; what must stand before is looked at then."""

_BEFORE: Final = b"\x0b\r\n"
_FRAME_SIGNS: Final = b"\x0b\x1c\r\n"
_AROUND: Final = (b"FHS", b"BHS", b"BTS", b"FTS")
_BATCH = re.compile(rb"[\r\n](?:FHS|BHS|BTS|FTS)[^\r\n]*")
"""Envelopes of a batch stand between the messages (HL7 2.5.1 §2.10.3)."""


def messages(paths: Sequence[Path]) -> Iterator[bytes]:
    """Every message, file after file in the order of their names.

    Raises:
        InputError: there is no file, or one cannot be read.
    """
    files = _files(paths)
    if not files:
        raise InputError(tr("there is no recorded traffic"), where=" ".join(map(str, paths)))
    for file in files:
        try:
            yield from _of_file(file)
        except OSError as error:
            message = tr("cannot be read: {why}", why=error.strerror or str(error))
            raise InputError(message, where=str(file)) from error


def _files(paths: Sequence[Path]) -> list[Path]:
    return [
        file
        for path in paths
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if not file.is_dir() and file.parent.name != "blobs"
    ]


def journals(paths: Sequence[Path]) -> Iterator[Iterator[dict[str, Any]]]:
    """The records of every trace and capture, file by file; payloads kept apart are put back.

    Other files hold HL7 messages only, which ``messages`` reads.
    """
    for path in _files(paths):
        if path.suffix == TRACE:
            yield _records(path)
        elif path.suffix == CAPTURE:
            with tempfile.TemporaryDirectory() as folder:
                trace = Path(folder) / "capture.jsonl"
                expand(path, trace)
                yield _records(trace)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines; a cut-off last one ends the file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            record = _record(path, number, line) if line.endswith(b"\n") else {}
            if "kind" in record:
                if "blob" in record:
                    record["raw"] = pack(_payload(path, record))
                yield record


def _of_file(path: Path) -> Iterator[bytes]:
    if path.suffix == TRACE:
        yield from of_trace(path)
    elif path.suffix == CAPTURE:
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "capture.jsonl"
            expand(path, trace)
            yield from of_trace(trace)
    else:
        yield from of_stream(path)


def of_trace(path: Path) -> Iterator[bytes]:
    """HL7 messages of a trace; a cut-off last line ends it."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if b'"kind":"message"' not in line or not line.endswith(b"\n"):
                continue
            record = _record(path, number, line)
            if record.get("kind") == "message" and record.get("protocol") == "hl7":
                yield _payload(path, record)


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """The record of a line; nothing where the line is not of a trace.

    Raises:
        InputError: somebody edited it, so nobody knows what went over the line.
    """
    record = parsed(line)
    if record is None or ("kind" in record and not fits(record)):
        message = tr("line {number} is not a record of a trace", number=number)
        raise InputError(message, where=f"{path}:{number}")
    return record


def _payload(path: Path, record: dict[str, Any]) -> bytes:
    blob = record.get("blob")
    if isinstance(blob, str) and re.fullmatch(r"[0-9a-f]{64}", blob):
        return (path.parent / "blobs" / blob).read_bytes()
    return unpack(record["raw"])


def of_stream(path: Path) -> Iterator[bytes]:
    """Messages one behind the other, framed or not, in a batch or not."""
    held = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            held += chunk
            starts = [at for match in _HEAD.finditer(held) if _begins(held, at := match.start())]
            for begin, end in pairwise(starts):
                yield _bare(held[begin:end])
            held = held[starts[-1] :] if starts else held
            if len(held) > limits.MESSAGE_BYTES_MAX:
                held = held[-CHUNK_BYTES:]  # no message is that long: look for the next one
    if _HEAD.match(held):
        yield _bare(held)


def _begins(data: bytes, at: int) -> bool:
    """Whether a message can begin there: at the start, in a frame, or in a line of its own."""
    return not at or data[at - 1] in _BEFORE


def _bare(data: bytes) -> bytes:
    """A message without framing and without what a batch puts behind it."""
    if not any(name in data for name in _AROUND):
        return data.rstrip(_FRAME_SIGNS) + b"\r"
    return _BATCH.sub(b"", data).rstrip(_FRAME_SIGNS) + b"\r"
