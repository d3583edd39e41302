"""The HL7 dictionary: segments, fields, data types, tables and structures by version.

The one room that imports hl7apy. Its tables are read and its parser is not used, because that
loses and moves data without saying so. What the tables lack is put right here:

* withdrawn fields that some versions leave out keep their number (EVN-1 of 2.8, DG1-7 of 2.6);
* a map from event to structure (``hl7_events``);
* codes that later versions and Chinese sites use (``EXTRA_CODES``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import hl7apy

from harness.errors import InputError
from harness.wire import hl7_events
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_dictionary import Dictionary, PartDef
from harness.wire.hl7_finding import CodecFinding, finding
from harness.wire.hl7_structure import ANY, Node
from harness.wire.hl7_validate import validate_with

__all__ = [
    "EXTRA_CODES",
    "Dictionary",
    "PartDef",
    "dictionary",
    "structure_of",
    "validate",
    "versions",
]

EXTRA_CODES: Final = {
    "0085": {"V"},  # verified; added to the table in 2.8
    "0125": {"CNE", "CWE", "DR", "DTM", "EI", "HD", "IS", "MA", "NA", "PL", "SI"},
    "0203": {"NNCHN"},  # national person identifier of China
    "0211": {"GBK", "UTF-8"},  # what Chinese senders write
    "0396": {"UCUM"},
}
"""Codes that hl7apy's tables lack, by HL7 table."""

_ANY_SEGMENT: Final = "ANYHL7SEGMENT"


def versions() -> tuple[str, ...]:
    """The versions that there is a dictionary for."""
    return tuple(sorted(hl7apy.SUPPORTED_LIBRARIES))


@lru_cache(maxsize=32)  # more than there are versions of HL7 v2
def dictionary(version: str) -> Dictionary:
    """The tables of a version such as ``2.5.1``; ``InputError`` if there are none.

    >>> dictionary("2.4").fields("PID")[2].name
    'PATIENT IDENTIFIER LIST'
    """
    if version not in hl7apy.SUPPORTED_LIBRARIES:
        raise InputError(
            f"no HL7 dictionary for version {version!r}", remedy=f"one of {', '.join(versions())}"
        )
    return _Hl7apyDictionary(version)


class _Hl7apyDictionary:
    """hl7apy's tables of one version, turned into ours when first asked for."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._library: Any = hl7apy.load_library(version)
        self._fields: dict[str, tuple[PartDef, ...] | None] = {}
        self._components: dict[str, tuple[PartDef, ...] | None] = {}
        self._tables: dict[str, frozenset[str] | None] = {}
        self._structures: dict[str, Node | None] = {}

    def fields(self, segment: str) -> tuple[PartDef, ...] | None:
        """The fields of a segment, entry 0 is field 1; None if the version does not know it."""
        if segment not in self._fields:
            entry = self._library.SEGMENTS.get(segment)
            known = entry is not None and entry[0] == "sequence"
            children = entry[1] if known and len(entry) > 1 else ()
            self._fields[segment] = _parts(children) if known else None
        return self._fields[segment]

    def components(self, data_type: str) -> tuple[PartDef, ...] | None:
        """The components of a data type, empty for a primitive one; None if unknown."""
        if data_type not in self._components:
            entry = self._library.DATATYPES_STRUCTS.get(data_type)
            if entry is not None:
                self._components[data_type] = _parts(entry)
            else:
                known = data_type in self._library.BASE_DATATYPES
                self._components[data_type] = () if known else None
        return self._components[data_type]

    def table(self, number: str) -> frozenset[str] | None:
        """The codes of an HL7 table; None if unknown or without codes."""
        if number not in self._tables:
            entry = getattr(self._library, "TABLES", {}).get(f"HL7{number}")
            codes = frozenset(entry[1]) if entry else frozenset()
            self._tables[number] = (codes | EXTRA_CODES.get(number, set())) if codes else None
        return self._tables[number]

    def structure(self, name: str) -> Node | None:
        """A message structure; None if unknown."""
        if name not in self._structures:
            entry = self._library.MESSAGES.get(name)
            self._structures[name] = self._node((name, entry, (1, 1), "GRP")) if entry else None
        return self._structures[name]

    def _node(self, child: Any) -> Node:
        name, entry, (least, most), kind = child
        repeat_max = None if most < 0 else most
        if kind != "GRP":
            any_segment = name == _ANY_SEGMENT or not self._library.SEGMENTS.get(name)
            shown = ANY if any_segment else name
            return Node(name=shown, required=least, repeat_max=repeat_max)
        children = tuple(self._node(each) for each in (entry[1] if len(entry) > 1 else ()))
        return Node(
            name=name,
            required=least,
            repeat_max=repeat_max,
            children=children,
            choice=entry[0] == "choice",
        )


def _parts(children: Any) -> tuple[PartDef, ...]:
    """Children of a segment or data type by their number, with the withdrawn ones put back."""
    found: dict[int, PartDef] = {}
    for name, entry, (least, most), _ in children:
        number = int(name.rpartition("_")[2])
        withdrawn = entry[2] is None or entry[2] == "WD"
        found[number] = PartDef(
            number=number,
            name="" if withdrawn else str(entry[3]).replace("_", " "),
            data_type="" if withdrawn else str(entry[2]),
            table=str(entry[4] or "").removeprefix("HL7"),
            required=least > 0,
            repeat_max=0 if withdrawn else None if most < 0 else most,
        )
    return tuple(
        found.get(number, PartDef(number=number, name="", data_type="", repeat_max=0))
        for number in range(1, max(found, default=0) + 1)
    )


def structure_of(kind: str, trigger: str, version: str) -> str | None:
    """The structure of an event in a version; None if the version has none.

    >>> structure_of("ADT", "A08", "2.4")
    'ADT_A01'
    """
    tables = dictionary(version)
    for name in (hl7_events.structure_of(kind, trigger), f"{kind}_{trigger}", kind):
        if tables.structure(name) is not None:
            return name
    return None


def validate(message: bytes, version: str | None = None) -> list[CodecFinding]:
    """Everything in ``message`` that the standard would object to, as a second opinion.

    For use off the wire: honest traffic deviates in many ways, so the list is compared and
    not judged. Z segments are passed over.

    Args:
        message: without framing.
        version: the version to go by; that of MSH-12 if None.
    """
    parsed = Hl7Message.parse(message)
    chosen = version or parsed.header.version
    if chosen not in hl7apy.SUPPORTED_LIBRARIES:
        return [finding("hl7.version-unsupported", path="MSH-12", actual=chosen)]
    kind, _, trigger = parsed.header.type.partition("^")
    return validate_with(parsed, dictionary(chosen), structure_of(kind, trigger, chosen))
