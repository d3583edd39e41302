"""Words that every room shares: where something is, who someone is, how an operation ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
Json = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where a value stands: one type for findings, differences, ledgers and cases.

    Attributes:
        interface: id from ``fixtures/interfaces.toml``, such as ``LIS-ASTM``.
        protocol: ``hl7``, ``astm``, ``dicom``, ``json``, ``sql``, ``link``, ``process``.
        path: HL7 path (``OBX[1]-5``), ASTM record.field (``R[1].4``), DICOM tag, JSON pointer,
            SQL ``table.column``, ledger line; empty for the interface as a whole.
    """

    interface: str
    protocol: str
    path: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.interface, self.protocol, self.path) if part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote."""
        interface, _, rest = text.partition(" ")
        protocol, _, path = rest.partition(" ")
        return cls(interface=interface, protocol=protocol, path=path)


class Outcome(StrEnum):
    """How an operation ended, seen from the side that asked for it."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Sent, and no answer can be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The only source of identity in a payload that we originate.

    A ``Person`` comes from the generated namespace (``harness/people.py``) or from the signed
    ``test_subjects`` list of the profile; never from a literal in code or scenario.

    Attributes:
        patient_id: the hospital's patient number.
        name: full name in Chinese.
        sex: ``M``, ``F`` or ``U``.
        birth: ``YYYYMMDD``.
        id_card: 18 characters, or empty.
    """

    patient_id: str
    name: str
    sex: str
    birth: str
    id_card: str = ""
