r"""Batches: many messages in one frame, ``FHS {BHS {MSH ...} BTS} FTS`` (HL7 2.5.1 §2.10.3).

A batch is one payload, and so is its answer: a batch of acknowledgements. Everything is cut at
segment ends and kept byte for byte.

>>> batch = read_batch(b"BHS|^~\\&\rMSH|^~\\&|||||||ADT^A08|1\rMSH|^~\\&|||||||ADT^A08|2\rBTS|2\r")
>>> len(batch.messages), batch.findings
(2, ())
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_ack import acknowledge
from harness.wire.hl7_build import build

CLAUSE: Final = "HL7 2.5.1 §2.10.3"

TEXTS: Final = {
    "hl7.batch-count": "BTS-1 is not the number of messages in the batch",
    "hl7.file-count": "FTS-1 is not the number of batches in the file",
    "hl7.batch-no-end": "A batch without its BTS",
    "hl7.file-no-end": "A file without its FTS",
    "hl7.batch-stray": "Segments of a batch that belong to no message",
}
"""Every finding of this reader: code and what it says."""

_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinding:
    """What is wrong with a batch.

    Attributes:
        code: of ``TEXTS``.
        message: its text.
        offset: of the segment that shows it, from the start of the payload.
        expected: what was said, such as BTS-1; empty where nothing was.
        found: what is true.
    """

    code: str
    message: str
    offset: int
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One payload that holds messages.

    Attributes:
        messages: each with its segment ends, byte for byte.
        header: the FHS, or the BHS where there is no FHS; empty where several messages stand in
            one frame without either, as some senders do.
        control_id: FHS-11 or BHS-11.
        batches: how many BHS there are.
        findings: counts that do not fit, and ends that are missing.
    """

    messages: tuple[bytes, ...]
    header: bytes
    control_id: str
    batches: int
    findings: tuple[BatchFinding, ...]


def is_batch(payload: bytes) -> bool:
    """Whether a payload is to be read as a batch: it begins with FHS or BHS, or has two MSH."""
    if payload[:3] in {b"FHS", b"BHS"}:
        return True
    return payload[:3] == b"MSH" and b"\rMSH" + payload[3:4] in payload


def read_batch(payload: bytes) -> Batch:
    """The messages of a batch; never raises for what ``payload`` holds."""
    reader = _Reader()
    offset = 0
    for end in [*_ENDS.finditer(payload), None]:
        stop = len(payload) if end is None else end.end()
        row = payload[offset:stop]
        if row.strip(b"\r\n"):
            reader.segment(row, offset)
        offset = stop
    return reader.batch(len(payload))


class _Reader:
    """What was read so far."""

    def __init__(self) -> None:
        self.messages: list[bytearray] = []
        self.header = b""
        self.in_batch = 0
        self.batches = 0
        self.open: list[bytes] = []
        self.inside = False
        self.findings: list[BatchFinding] = []

    def segment(self, row: bytes, offset: int) -> None:
        """One segment with its end."""
        name = row[:3]
        if name in {b"FHS", b"BHS"}:
            self.header = self.header or row
            self.inside = False
            self.open.append(name)
            if name == b"BHS":
                self.batches += 1
                self.in_batch = 0
        elif name in {b"BTS", b"FTS"}:
            self._end(name, row, offset)
        elif name == b"MSH":
            self.messages.append(bytearray(row))
            self.in_batch += 1
            self.inside = True
        elif self.inside:
            self.messages[-1] += row
        else:
            self._find("hl7.batch-stray", offset, found=name.decode("latin-1"))

    def _end(self, name: bytes, row: bytes, offset: int) -> None:
        self.inside = False
        begin, code, count = (
            (b"BHS", "hl7.batch-count", self.in_batch)
            if name == b"BTS"
            else (b"FHS", "hl7.file-count", self.batches)
        )
        if begin in self.open:
            self.open.remove(begin)
        said = _field(self.header, row, 1)
        if said and said != str(count):
            self._find(code, offset, expected=said, found=str(count))

    def _find(self, code: str, offset: int, expected: str = "", found: str = "") -> None:
        self.findings.append(
            BatchFinding(
                code=code, message=TEXTS[code], offset=offset, expected=expected, found=found
            )
        )

    def batch(self, size: int) -> Batch:
        """What it was."""
        for name in self.open:
            self._find("hl7.file-no-end" if name == b"FHS" else "hl7.batch-no-end", size)
        return Batch(
            messages=tuple(bytes(one) for one in self.messages),
            header=self.header,
            control_id=_field(self.header, self.header, 11),
            batches=self.batches,
            findings=tuple(self.findings),
        )


def _field(header: bytes, row: bytes, number: int) -> str:
    """A field of a batch segment; in FHS and BHS the separator itself is field 1."""
    separator = header[3:4] or b"|"
    fields = row.strip(b"\r\n").split(separator)
    at = number - 1 if row[:3] in {b"FHS", b"BHS"} else number
    return fields[at].strip().decode("latin-1") if at < len(fields) else ""


def build_batch(
    messages: Sequence[bytes], *, sender: str, receiver: str, control_id: str, time: str,
    file: bool = True,
) -> bytes:  # fmt: skip
    """One payload of several messages, with counts (HL7 2.5.1 §2.15.2, §2.15.3).

    Args:
        messages: as they would be sent alone.
        sender: BHS-3.
        receiver: BHS-5.
        control_id: BHS-11 and FHS-11.
        time: BHS-7.
        file: put the batch into a file, ``FHS`` to ``FTS``.
    """

    def head(name: str) -> bytes:
        row = [name, None, None, sender, None, receiver, None, time, None, None, None, control_id]
        return build([row])

    body = b"".join(_ended(one) for one in messages)
    batch = head("BHS") + body + build([["BTS", str(len(messages))]])
    return head("FHS") + batch + build([["FTS", "1"]]) if file else batch


def _ended(message: bytes) -> bytes:
    return message if message.endswith(b"\r") else message + b"\r"


def answer_batch(
    batch: Batch, codes: Sequence[tuple[bytes, str]], *, control_id: str, time: str,
    only_errors: bool = False,
) -> bytes:  # fmt: skip
    """The one payload that answers a batch (HL7 2.5.1 §2.10.3.2).

    Args:
        batch: that is answered.
        codes: each message with its MSA-1.
        control_id: BHS-11 of the answer; the acknowledgements count on from it.
        time: of all of them.
        only_errors: leave out what was accepted; the batch may then be empty.
    """
    wanted = [pair for pair in codes if not only_errors or pair[1] not in {"AA", "CA"}]
    acks = [
        acknowledge(message, code, control_id=f"{control_id}.{number}", time=time)
        for number, (message, code) in enumerate(wanted, 1)
    ]
    first = Hl7Message.parse(batch.messages[0]) if batch.messages else None
    ours = (first.get("MSH-5.1") or "") if first else ""
    theirs = (first.get("MSH-3.1") or "") if first else ""
    body = b"".join(_ended(one) for one in acks)
    row = ["BHS", None, None, ours, None, theirs, None, time, None, None, None, control_id,
           batch.control_id or None]  # fmt: skip
    return build([row]) + body + build([["BTS", str(len(acks))]])
