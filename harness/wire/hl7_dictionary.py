"""What a dictionary of one HL7 version can be asked, whoever fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.wire.hl7_structure import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDef:
    """A field of a segment, or a component of a data type.

    Attributes:
        number: its number, from 1.
        name: long name of the standard, such as ``OBSERVATION VALUE``; empty if withdrawn.
        data_type: such as ``CX``; ``varies`` for OBX-5; empty if withdrawn.
        table: number of its HL7 table, such as ``0125``, or empty.
        required: it must be valued.
        repeat_max: how often it may repeat; None without end, 0 if it must not be used.
    """

    number: int
    name: str
    data_type: str
    table: str = ""
    required: bool = False
    repeat_max: int | None = 1

    @property
    def withdrawn(self) -> bool:
        """The version has no such field any more, or not yet; its number is kept."""
        return not self.data_type


class Dictionary(Protocol):
    """The tables of one version."""

    version: str

    def fields(self, segment: str) -> tuple[PartDef, ...] | None:
        """The fields of a segment, entry 0 is field 1; None if the version does not know it."""
        ...

    def components(self, data_type: str) -> tuple[PartDef, ...] | None:
        """The components of a data type, empty for a primitive one; None if unknown."""
        ...

    def table(self, number: str) -> frozenset[str] | None:
        """The codes of an HL7 table; None if unknown or without codes."""
        ...

    def structure(self, name: str) -> Node | None:
        """A message structure; None if unknown."""
        ...
