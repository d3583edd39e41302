"""What in the traces of a run tells who somebody is, for the search of a page that leaves.

Read with the readers of the identity guard and not with those of ``mask.py``: what the mask does
not know would else be missed by the search, too. Names, identity cards, telephones and addresses
are taken in; numbers that a hospital or the insurance gives are not: a masked page shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.identity import ALL_READERS, DECODINGS, card_numbers
from harness.identity_dicom import dicom_claims
from harness.identity_readers import Claim
from harness.link.dicom_data import DataSet
from harness.model import Person
from harness.report.datasets import DataSets
from harness.report.decode import encoding_of

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

_GROUP: Final = re.compile(r'"(?:Alphabetic|Ideographic|Phonetic)"\s*:\s*"([^"\\]+)')
_OF_PATIENT: Final = re.compile(
    r"<(?:\w+:)?patient(?:Person)?\b.{0,1000}?<(?:\w+:)?name\b[^<>]*>([^<]+)", re.DOTALL
)
"""A name in DICOM JSON (PS3.18 §F.2.2), and in a document of HL7 v3."""

THINGS: Final = frozenset({"specimen", "terminal", "asked"})
"""Kinds of claims about no person, which may be as long."""


def values(records: Iterable[Record]) -> set[str]:
    """Personal values of a trace, as a person would write them.

    What cannot be read is left out: the page cannot show it as text either.
    """
    found: set[str] = set()
    data_sets = DataSets()
    for record in records:
        kind = record.get("kind")
        if kind == "message":
            found |= set(_of_message(record))
        elif kind == "bytes":
            for one in data_sets.of(record):
                found |= set(_of_claims(_of_data_set(one)))
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
    for place in (_JSON, _XML, _GROUP, _OF_PATIENT):
        yield from (found[1].replace("^", "").strip() for found in place.finditer(text))


def _of_data_set(data: DataSet) -> Iterator[Claim]:
    """Claims of a data set; of a name also its transcription, which the guard lets pass."""
    yield from dicom_claims(data)
    for group in data.text("PatientName").split("="):
        yield Claim(place="PatientName", kind="text", value=group.replace("^", "").strip(" \0"))
