"""Q, C and S records by the names that LIS02-A2 gives their fields (§11, §10, §13).

A view reads and judges nothing: what is absent is empty, and what does not belong there stays as
it stands. Makers shift fields (Mindray has the tube in Q.5 too); whoever knows the maker reads
such fields through ``Record.get``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.errors import LocalProtocolError
from harness.wire.astm_records import Record

ALL: Final = "ALL"
"""In Q.3 or Q.5: everything (LIS02-A2 §11)."""

TEST_CODE: Final = 4
"""Component of a test that holds the maker's code (LIS02-A2 §6.6.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One id of a range in Q.3 or Q.4: patient, then specimen, then parts of the maker's own."""

    patient: str = ""
    specimen: str = ""
    more: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """It asks for all there is."""
        return ALL in {self.patient.strip().upper(), self.specimen.strip().upper()}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryView:
    """A request for information (LIS02-A2 §11).

    Attributes:
        starts: Q.3, one for each repeat.
        ends: Q.4, likewise.
        tests: the maker's codes of Q.5, without ``ALL``; empty for all tests.
        date_kind: Q.6, ``S`` collection or ``R`` result; empty means ``R``.
        begin: Q.7, as it stands.
        end: Q.8, as it stands.
        physician: Q.9.
        phone: Q.10.
        user: Q.11 and Q.12.
        status: Q.13: ``O`` orders and demographics, ``A`` abort the last query, and so on.
    """

    starts: tuple[Asked, ...]
    ends: tuple[Asked, ...]
    tests: tuple[str, ...]
    date_kind: str = ""
    begin: str = ""
    end: str = ""
    physician: str = ""
    phone: str = ""
    user: tuple[str, str] = ("", "")
    status: str = ""

    @property
    def aborts(self) -> bool:
        """It takes the query before it back."""
        return self.status.upper() == "A"

    @property
    def orders_only(self) -> bool:
        """It asks for orders and demographics, not for results."""
        return self.status.upper() == "O"

    @classmethod
    def of(cls, record: Record) -> QueryView:
        """Read a Q record.

        Raises:
            LocalProtocolError: it is another record.
        """
        _is(record, "Q")
        codes = [_code(record, at) for at in range(1, len(record.repeats(5)) + 1)]
        return cls(
            starts=_asked(record, 3),
            ends=_asked(record, 4),
            tests=tuple(code for code in codes if code and code.upper() != ALL),
            date_kind=_text(record, 6),
            begin=_text(record, 7),
            end=_text(record, 8),
            physician=_text(record, 9),
            phone=_text(record, 10),
            user=(_text(record, 11), _text(record, 12)),
            status=_text(record, 13),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentView:
    """A comment on the record before it (LIS02-A2 §10).

    Attributes:
        source: C.3: ``P`` practice, ``L`` LIS, ``I`` instrument.
        code: C.4.1, where C.4 has components; else empty.
        text: what is left of C.4, its components parted by a blank.
        kind: C.5: ``G`` generic, ``T`` test name, ``P`` positive, ``N`` negative, ``I`` flag.
    """

    source: str = ""
    code: str = ""
    text: str = ""
    kind: str = ""

    @classmethod
    def of(cls, record: Record) -> CommentView:
        """Read a C record.

        Raises:
            LocalProtocolError: it is another record.
        """
        _is(record, "C")
        parts = [part for at in range(1, len(record.repeats(4)) + 1)
                 for part in record.components(4, at)]  # fmt: skip
        code, words = (parts[0], parts[1:]) if len(parts) > 1 else ("", parts)
        return cls(
            source=_text(record, 3),
            code=code.strip(),
            text=" ".join(word for word in words if word.strip()),
            kind=_text(record, 5),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScientificView:
    """Method and result for the exchange between laboratories (LIS02-A2 §13): S.3 to S.21."""

    method: str = ""
    instrumentation: str = ""
    reagents: str = ""
    units: str = ""
    quality_control: str = ""
    specimen_descriptor: str = ""
    reserved: str = ""
    container: str = ""
    specimen: str = ""
    analyte: str = ""
    result: str = ""
    result_units: str = ""
    collected: str = ""
    result_time: str = ""
    preprocessing: str = ""
    diagnosis: str = ""
    birth: str = ""
    sex: str = ""
    race: str = ""

    @classmethod
    def of(cls, record: Record) -> ScientificView:
        """Read an S record.

        Raises:
            LocalProtocolError: it is another record.
        """
        _is(record, "S")
        texts = {name: _text(record, at) for at, name in enumerate(cls.__slots__, 3)}
        return cls(**texts)


def _is(record: Record, letter: str) -> None:
    if record.type != letter:
        raise LocalProtocolError(f"no {letter} record: {record.type}")


def _text(record: Record, field: int) -> str:
    return (record.get(str(field)) or "").strip()


def _code(record: Record, repeat: int) -> str:
    """The maker's code of a test; a plain ``ALL`` or code stands alone."""
    parts = record.components(5, repeat)
    if len(parts) == 1:
        return parts[0].strip()
    return parts[TEST_CODE - 1].strip() if len(parts) >= TEST_CODE else ""


def _asked(record: Record, field: int) -> tuple[Asked, ...]:
    found = []
    for repeat in range(1, len(record.repeats(field)) + 1):
        parts = [part.strip() for part in record.components(field, repeat)]
        if any(parts):
            patient, specimen = (*parts, "")[:2]
            found.append(Asked(patient=patient, specimen=specimen, more=tuple(parts[2:])))
    return tuple(found)
