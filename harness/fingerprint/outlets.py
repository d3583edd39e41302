"""What the outlets of a system show: messages and probe rows of a trace, tables, pages, files.

Read one after the other and never kept: an outlet may be larger than the memory.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import InputError
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.evidence.trace import read as read_trace
from harness.fingerprint.search import TEXT_CHARACTERS_MAX, Shown
from harness.i18n import tr
from harness.wire.hl7 import Hl7Message

DEPTH_MAX: Final = 60
"""Of a JSON answer: deeper ones are a loop."""

ENCODINGS: Final = ("utf-8-sig", "gb18030")
"""Of text files, in the order in which they are tried."""

_MESSAGE = re.compile(rb"(?:^|(?<=[\r\n\x0b]))MSH.", re.DOTALL)


def of_trace(records: Sequence[Record], control_id: str) -> Iterator[Shown]:
    """Every message but the fingerprint itself, and every row that a probe showed."""
    for record in records:
        if record["kind"] == "probe":
            for row in record.get("rows") or ():
                for column, value in row.items():
                    yield Shown(record["probe"], column, "" if value is None else str(value))
        elif record["kind"] == "message" and record.get("protocol") == "hl7":
            own = control_id in {record["id"], record["corr"].get("acknowledges")}
            if not own:
                yield from of_message(record["link"], unpack(record["raw"]))


def of_message(outlet: str, payload: bytes) -> Iterator[Shown]:
    """Every leaf of an HL7 message; the outlet is named with the type."""
    message = Hl7Message.parse(payload)
    name = f"{outlet} {message.header.type or 'hl7'}".strip()
    for leaf in message.leaves():
        text = message.text_of(leaf)
        if text:
            yield Shown(name, str(leaf.path), text)


def of_file(path: Path, control_id: str) -> Iterator[Shown]:
    """What one file shows, by what it holds: a trace, HL7 messages, a table, JSON or any text.

    Raises:
        InputError: it cannot be read.
    """
    if path.suffix == ".jsonl":
        yield from of_trace(read_trace(path).records, control_id)
        return
    data = input_files.bytes_of(path, input_files.BYTES_MAX)
    starts = [match.start() for match in _MESSAGE.finditer(data)]
    if starts:
        for begin, end in zip(starts, [*starts[1:], len(data)], strict=True):
            payload = data[begin:end].rstrip(b"\x0b\x1c\r\n") + b"\r"
            if Hl7Message.parse(payload).header.control_id != control_id:
                yield from of_message(path.stem, payload)
        return
    text = _decoded(path, data)
    if path.suffix == ".csv":
        yield from _table(path.stem, text)
    elif path.suffix == ".json":
        yield from _json(path, text)
    else:
        yield from (Shown(path.stem, path.name, line) for line in text.splitlines())


def _decoded(path: Path, data: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(tr("neither UTF-8 nor GB 18030"), where=str(path))


def _table(outlet: str, text: str) -> Iterator[Shown]:
    csv.field_size_limit(TEXT_CHARACTERS_MAX)
    for row in csv.DictReader(io.StringIO(text, newline="")):
        for column, value in row.items():
            if column and isinstance(value, str):
                yield Shown(outlet, column, value)


def _json(path: Path, text: str) -> Iterator[Shown]:
    yield from leaves(path.stem, input_files.json_in(text, str(path)))


def leaves(outlet: str, value: Any) -> Iterator[Shown]:
    """Every leaf of a JSON value, by pointer."""
    yield from _leaves(outlet, "", value, 0)


def _leaves(outlet: str, pointer: str, value: Any, depth: int) -> Iterator[Shown]:
    """Leaves of a JSON value, by pointer; entries of a list share one place."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(outlet, f"{pointer}/{name}", inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(outlet, f"{pointer}/*", inner, depth + 1)
    elif value is not None:
        yield Shown(outlet, pointer or "/", str(value))


def of_paths(paths: Sequence[Path], control_id: str) -> Iterator[Shown]:
    """All files, and all files in folders, in the order of their names.

    Raises:
        InputError: there is nothing to look at.
    """
    files = [
        file
        for path in paths
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if not file.is_dir()
    ]
    if not files:
        raise InputError(tr("there is no file to search"), where=" ".join(map(str, paths)))
    for file in files:
        yield from of_file(file, control_id)
