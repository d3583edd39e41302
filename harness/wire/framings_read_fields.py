"""Readers of Aeroset, Hydrasys, HemaCell and Dimension: columns, one fixed record, FS fields."""

from __future__ import annotations

import re
from typing import Final

from harness.wire.framings_read import Reading, ReadResult, ReadSpecimen, Setup, implied

HYDRASYS_BYTES: Final = 793
"""Characters of the one record that a Hydrasys sends."""

_AEROSET: Final = re.compile(r"R (?P<rack>\d{4})(?P<place>\d{2}) (?P<id>.{20})")
_HYDRASYS: Final = re.compile(r"(?P<number>\d{4})(?P<date>\d{8})(?P<id>.{15})(?P<name>.{30})")
_HEMACELL: Final = re.compile(r"(?P<date>\d{8})(?P<time>\d{4})(?P<id>.{15})")
_HEMACELL_CODES: Final = "WBC RBC HGB HCT PLT"
_FS: Final = "\x1c"
_DIMENSION_HEAD: Final = 11
"""Fields of an R message before its tests: type, kind, patient, specimen, material, place,
priority, time, cups, dilution, number of tests."""


def aeroset(text: str, _setup: Setup, reading: Reading) -> None:
    """``R `` blocks: rack, place, specimen, then code (4), value (8) and flag (2) a test."""
    head = _AEROSET.match(text)
    if head is None:
        reading.problem(f"no result block: {text[:40]!r}")
        return
    specimen = reading.begin(
        ReadSpecimen(barcode=head["id"].strip(), rack=head["rack"], position=head["place"])
    )
    rest = text[head.end() :]
    if len(rest) % 14:
        reading.problem(f"{len(rest)} columns of results are no multiple of 14")
    for code, value, flag in re.findall(r"(.{4})(.{8})(..)", rest):
        specimen.results.append(
            ReadResult(code=code.strip(), value=value.strip(), flag=flag.strip())
        )


def hydrasys(text: str, setup: Setup, reading: Reading) -> None:
    """One record of 793 characters: a name (10) and a value (6, decimals implied) a fraction."""
    head = _HYDRASYS.match(text)
    if head is None or len(text) != HYDRASYS_BYTES:
        reading.problem(f"no record of {HYDRASYS_BYTES} characters: {text[:40]!r}")
        return
    specimen = reading.begin(ReadSpecimen(barcode=head["id"].strip(), sequence=head["number"]))
    decimals = setup.get("decimals", 1)
    places = decimals if isinstance(decimals, int) else 1
    for name, digits in re.findall(r"(.{10})(.{6})", text[head.end() :]):
        if name.strip() and digits.strip():
            value = implied(digits, places)
            specimen.results.append(ReadResult(code=name.strip(), value=value))


def hemacell(text: str, setup: Setup, reading: Reading) -> None:
    """DDMMYYYY and HHMM run together, the specimen, then value (6) and flag (1) a parameter."""
    head = _HEMACELL.match(text)
    if head is None:
        reading.problem(f"no record of a HemaCell: {text[:40]!r}")
        return
    if not 1 <= int(head["date"][2:4]) <= 12:
        reading.problem(f"no date DDMMYYYY: {head['date']}")
    specimen = reading.begin(ReadSpecimen(barcode=head["id"].strip()))
    codes = str(setup.get("codes", _HEMACELL_CODES)).split()
    rest = text[head.end() :]
    if len(rest) != 7 * len(codes):
        reading.problem(f"{len(rest)} columns for {len(codes)} parameters")
    for code, at in zip(codes, range(0, len(rest), 7), strict=False):
        value, flag = rest[at : at + 6].strip(), rest[at + 6 : at + 7].strip()
        specimen.results.append(
            ReadResult(code=code, value="" if "*" in value else value, flag=flag)
        )


def dimension(text: str, _setup: Setup, reading: Reading) -> None:
    """``R`` and fields behind FS; a poll (``P``) and what answers one hold no result."""
    kind, *rest = text.split(_FS)
    if kind in {"P", "N", "M", "I"}:
        return
    if kind != "R" or len(rest) < _DIMENSION_HEAD - 1:
        reading.problem(f"no result message: {text[:40]!r}")
        return
    specimen = reading.begin(ReadSpecimen(barcode=rest[2].strip(), position=rest[4].strip()))
    count, groups = rest[_DIMENSION_HEAD - 2], rest[_DIMENSION_HEAD - 1 :]
    for at in range(0, len(groups) - 3, 4):
        code, value, unit, flag = (one.strip() for one in groups[at : at + 4])
        specimen.results.append(ReadResult(code=code, value=value, unit=unit, flag=flag))
    if count.strip() != str(len(specimen.results)):
        reading.problem(f"{count or 'some'} results announced, {len(specimen.results)} read")
