"""What in the traces of a run tells who somebody is, for the search of a page that leaves.

Read with the readers of the identity guard and not with those of ``mask.py``: what the mask does
not know would else be missed by the search, too. Names, identity cards, telephones and addresses
are taken in; numbers that a hospital or the insurance gives are not: a masked page shows them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import PeerError
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.identity import ALL_READERS, DECODINGS, card_numbers
from harness.identity_dicom import dicom_claims
from harness.identity_readers import Claim
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, read
from harness.model import Person
from harness.report.decode import encoding_of
from harness.wire.dicom_pdu import Associate, Data, PduError, decode_pdu, whole_pdus

HAN_MIN: Final = 2
ASCII_MIN: Final = 4
"""Characters; a shorter text stands on every page by chance."""

PLACES: Final = frozenset({
    "PID-5", "PID-6", "PID-9", "PID-11", "PID-13", "PID-14", "PID-19", "PID-20",
    "MRG-7", "NK1-2", "NK1-4", "NK1-5", "P.6", "P.7", "P.13", "PT.name",
    "psn_name", "psnname", "patn_name", "patient_name", "username", "certno", "cert_no", "idno",
    "PatientName",
})  # fmt: skip
"""Places of a claim that tell who somebody is outside of the house, too."""

NAMED: Final = re.compile(
    r"(?i)^(?:(?:(?:patient|patn|pat|psn|hz|br)_?)?(?:name|xm)"
    r"|id_?card|cert_?no|sfzh|phone|tel|mobile|address)$|姓名|身份证|电话|手机|住址|地址"
)
"""Arguments of a card and columns of a probe that do; ``item_name`` names nobody."""

NUMBER: Final = re.compile(r"\d{17}[\dXx]|\d{15}|1[3-9]\d{9}")
"""An identity card or a mobile phone, wherever it stands."""

_REACHED: Final = r"(?:tel|mob|mobile|phone|(?:live_|coner_)?n?addr(?:ess)?|coner_name)"
_JSON: Final = re.compile(rf'(?i)\\?"{_REACHED}\\?"\s*:\s*\\?"([^"\\]+)')
_XML: Final = re.compile(rf"(?i)<(?:\w+:)?{_REACHED}(?:\s[^<>]*)?>([^<]+)</")
"""Members for how to reach somebody, and for next of kin; in JSON, also in a string, and in XML."""

_PDU: Final = re.compile(rb"[\x01-\x07](?:\x00|$)")
"""How a PDU begins: its type, and a reserved zero (PS3.8 §9.3.1)."""

THINGS: Final = frozenset({"specimen", "terminal", "asked"})
"""Kinds of claims about no person, which may be as long."""


def values(records: Iterable[Record]) -> set[str]:
    """Personal values of a trace, as a person would write them.

    What cannot be read is left out: the page cannot show it as text either.
    """
    found: set[str] = set()
    associations: dict[tuple[str, str], _Association] = {}
    for record in records:
        kind = record.get("kind")
        if kind == "message":
            found |= set(_of_message(record))
        elif kind == "bytes":
            key = (str(record.get("link", "")), str(record.get("conn", "")))
            association = associations.setdefault(key, _Association())
            found |= set(_of_claims(association.claims(record)))
        elif kind == "probe":
            for row in record.get("rows") or ():
                found |= set(_of_mapping(row))
        elif kind == "command" and record.get("card"):
            found |= set(_of_mapping(record.get("args")))
            found |= set(_of_mapping(record.get("captured")))
    return {one for one in found if _long_enough(one)}


def of_people(people: Iterable[Person]) -> set[str]:
    """Name and identity card of each; the hospital's number is no secret of a page."""
    return {one for who in people for one in (who.name, who.id_card) if _long_enough(one)}


def _long_enough(value: str) -> bool:
    return len(value) >= (ASCII_MIN if value.isascii() else HAN_MIN)


def _of_message(record: Record) -> Iterator[str]:
    """Read in every character set that it may have: a wrong one gives texts that are nowhere."""
    raw = unpack(str(record.get("raw", "")))
    protocol = str(record.get("protocol"))
    known = ALL_READERS.get(protocol)
    readers = set(ALL_READERS.values()) if known is None else {known}
    declared = str(record.get("encoding") or "")
    for codec in {*DECODINGS, encoding_of(raw, protocol, declared)}:
        try:
            text = raw.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
        for reader in readers:
            yield from _of_claims(reader(text))
        yield from card_numbers(text)
        yield from _of_members(text)


def _of_claims(claims: Iterable[Claim]) -> Iterator[str]:
    """Of an XML or JSON body the case of a member's name is the sender's."""
    for one in claims:
        number = one.kind not in THINGS and NUMBER.fullmatch(one.value)
        if number or one.place in PLACES or one.place.lower() in PLACES:
            yield one.value


def _of_mapping(row: Any) -> Iterator[str]:
    for name, value in row.items() if isinstance(row, Mapping) else ():
        if isinstance(value, str) and (NAMED.search(str(name)) or NUMBER.fullmatch(value)):
            yield value.strip()


def _of_members(text: str) -> Iterator[str]:
    """What the guard need not look at in a body of the insurance: how to reach somebody; kin."""
    for found in (*_JSON.finditer(text), *_XML.finditer(text)):
        yield found[1].strip()


@dataclass(slots=True)
class _Association:
    """The bytes of one connection, in which DIMSE messages may stand (PS3.8 §9.3)."""

    streams: dict[str, bytearray] = field(default_factory=dict)
    syntaxes: dict[int, str] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytearray] = field(default_factory=dict)

    def claims(self, record: Record) -> Iterator[Claim]:
        """Every identity of the data sets that are whole with these bytes."""
        side = str(record.get("frm", ""))
        stream = self.streams.setdefault(side, bytearray())
        stream += unpack(str(record.get("raw", "")))
        if not _PDU.match(stream):  # another protocol: what comes next is looked at anew
            stream.clear()
        for kind, body in whole_pdus(stream):
            with contextlib.suppress(PduError):
                yield from self._of_pdu(side, decode_pdu(kind, body))

    def _of_pdu(self, side: str, pdu: object) -> Iterator[Claim]:
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
                yield from _of_data_set(body, self.syntaxes.get(one.context, ""))


def _of_data_set(body: bytes, syntax: str) -> Iterator[Claim]:
    """Claims of a data set; of a name also its transcription, which the guard lets pass."""
    for one in (syntax,) if syntax else (IMPLICIT, EXPLICIT):
        try:
            data = read(body, one)
        except PeerError:
            continue
        yield from dicom_claims(data)
        yield from _names(data)


def _names(data: DataSet) -> Iterator[Claim]:
    for group in data.text("PatientName").split("="):
        yield Claim(place="PatientName", kind="text", value=group.replace("^", "").strip(" \0"))
