"""Reader of LIS02-A2 records that come as a plain stream, without LIS01-A2 around them.

Such instruments send what others put into frames, end the message with an empty line and wait for
nothing. They send delimiters of their own in plain sight, so nothing is unescaped here: a bar in a
name moves the fields behind it, which is what a driver meets, and so what has to be reported.
"""

from __future__ import annotations

from typing import Final

from harness.digits import whole_number
from harness.wire.framings_read import Reading, ReadResult, ReadSpecimen, Setup

_SIGNS: Final = "|\\^&"
_SILENT: Final = frozenset({"H", "P", "C", "M", "L"})
"""Records that say nothing about a result."""


def records(text: str, setup: Setup, reading: Reading) -> None:
    """One message: O begins a specimen, R is a result, the rest is passed over.

    Args:
        text: records, each ended by CR or CR LF.
        setup: ``barcode`` (``field.component`` in O, by default ``3.1``), ``code`` (likewise in R,
            ``3.4``).
        reading: gets what is read.
    """
    rows = [row.strip("\n\x00 ") for row in text.split("\r")]
    rows = [row for row in rows if row]
    if not rows or rows[0][:1].upper() != "H":
        reading.problem(f"no header record: {text[:40]!r}")
        return
    signs = rows[0][1:5] if len(rows[0]) >= 5 else _SIGNS
    tube = _place(setup, "barcode", "3.1")
    test = _place(setup, "code", "3.4")
    specimen: ReadSpecimen | None = None
    for row in rows:
        fields = row.split(signs[0])
        letter = fields[0].upper()
        if letter == "O":
            specimen = reading.begin(
                ReadSpecimen(barcode=_part(fields, tube, signs), control=_at(fields, 12) == "Q")
            )
        elif letter == "R" and specimen is not None:
            specimen.results.append(
                ReadResult(
                    code=_part(fields, test, signs),
                    value=_at(fields, 4),
                    unit=_part(fields, (5, 1), signs),
                    flag=_at(fields, 7),
                )
            )
        elif letter not in _SILENT:
            reading.problem(f"no record that fits here: {row[:40]!r}")
    if rows[-1][:1].upper() != "L":
        reading.problem("the message has no terminator record")


def _place(setup: Setup, name: str, standard: str) -> tuple[int, int]:
    field, _, part = str(setup.get(name, standard)).partition(".")
    number = whole_number(field)
    return 1 if number is None else number, whole_number(part) or 1


def _at(fields: list[str], number: int) -> str:
    return fields[number - 1].strip() if 1 <= number <= len(fields) else ""


def _part(fields: list[str], place: tuple[int, int], signs: str) -> str:
    parts = _at(fields, place[0]).split(signs[2])
    return parts[place[1] - 1].strip() if place[1] <= len(parts) else ""
