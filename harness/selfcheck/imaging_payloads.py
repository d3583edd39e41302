"""What an imaging scenario sends that a seed decides: the values of its data sets.

A trace has the bytes of DICOM apart from its messages; they are read here as ``imaging_read`` and
``imaging_http`` do it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset

from harness.evidence.trace import Record
from harness.selfcheck import imaging_http
from harness.selfcheck.imaging_read import Look, elements

VOLATILE: Final = frozenset({"UI", "DA", "TM", "DT"})
"""Value representations that differ between any two runs and so prove nothing (PS3.5 §6.2)."""

_PREAMBLE_BYTES: Final = 128
_MARK: Final = b"DICM"


def values(records: Sequence[Record]) -> bytes:
    """The values of every data set and object of a run, in their order."""
    parts = [part for one in Look(_plain(records)).messages if one.raw for part in _of(one.data)]
    for call in imaging_http.calls(records):
        parts += [part for data in _objects(call.body) for part in _of(data)]
    return b"\n".join(parts)


def _plain(records: Sequence[Record]) -> list[Record]:
    """The records with DICOM over TLS as if it were without: what is recorded is the plain text."""
    return [
        {**one, "interface": "PACS-DIMSE"} if one.get("interface") == "PACS-TLS" else one
        for one in records
    ]


def _of(data: Dataset) -> Iterator[bytes]:
    return (value for _, vr, value in elements(data) if vr not in VOLATILE and value)


def _objects(body: bytes) -> Iterator[Dataset]:
    """The objects in the parts of a request; what is none is left out (PS3.10 §7.1)."""
    mark = body.find(_MARK, _PREAMBLE_BYTES)
    while mark >= 0:
        end = body.find(b"\r\n--", mark)
        part = body[mark - _PREAMBLE_BYTES : end if end >= 0 else len(body)]
        with contextlib.suppress(Exception):  # broken on purpose, in every way
            yield dcmread(BytesIO(part))
        mark = body.find(_MARK, mark + len(_MARK))
