"""The DICOM data sets that stand in the bytes of a trace.

Imaging is recorded as the bytes of its associations (PS3.8 §9.3); who an image is of can only be
told when the fragments of a message stand together.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from harness.errors import PeerError
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, read
from harness.wire.dicom_pdu import Associate, Data, PduError, decode_pdu, whole_pdus

_PDU: Final = re.compile(rb"[\x01-\x07](?:\x00|$)")
"""How a PDU begins: its type, and a reserved zero (PS3.8 §9.3.1)."""


@dataclass(slots=True)
class DataSets:
    """Reads the ``bytes`` records of one trace in their order."""

    _of: dict[tuple[str, str], _Association] = field(default_factory=dict)

    def of(self, record: Record) -> Iterator[DataSet]:
        """Every data set that is whole with these bytes; what cannot be read is passed over."""
        key = (str(record.get("link", "")), str(record.get("conn", "")))
        return self._of.setdefault(key, _Association()).data_sets(record)


@dataclass(slots=True)
class _Association:
    """The bytes of one connection, in which DIMSE messages may stand."""

    streams: dict[str, bytearray] = field(default_factory=dict)
    syntaxes: dict[int, str] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytearray] = field(default_factory=dict)

    def data_sets(self, record: Record) -> Iterator[DataSet]:
        side = str(record.get("frm", ""))
        stream = self.streams.setdefault(side, bytearray())
        stream += unpack(str(record.get("raw", "")))
        if not _PDU.match(stream):  # another protocol: what comes next is looked at anew
            stream.clear()
        for kind, body in whole_pdus(stream):
            with contextlib.suppress(PduError):
                yield from self._of_pdu(side, decode_pdu(kind, body))

    def _of_pdu(self, side: str, pdu: object) -> Iterator[DataSet]:
        if isinstance(pdu, Associate) and pdu.accepted:
            chosen = {one.id: "".join(one.transfer_syntaxes[:1]) for one in pdu.items.contexts}
            self.syntaxes |= chosen
        for one in pdu.values if isinstance(pdu, Data) else ():
            if one.command:
                continue
            part = self.parts.setdefault((side, one.context), bytearray())
            part += one.data
            if one.last:
                body = bytes(self.parts.pop((side, one.context)))
                yield from _read(body, self.syntaxes.get(one.context, ""))


def _read(body: bytes, syntax: str) -> Iterator[DataSet]:
    for one in (syntax,) if syntax else (IMPLICIT, EXPLICIT):
        with contextlib.suppress(PeerError):
            yield read(body, one)
