"""Readers of layouts in columns: Olympus AU, Hitachi 7170 and 7150, Sysmex K and CA series."""

from __future__ import annotations

import re
from typing import Final

from harness.digits import whole_number
from harness.wire.framings_read import Reading, ReadResult, ReadSpecimen, Setup, implied

_OLYMPUS_RUN: Final = re.compile(r"D[BE]\d\d|R[BE]\d*")
_SYSMEX: Final = "WBC:1 RBC:2 HGB:1 HCT:1 MCV:1 MCH:1 MCHC:1 PLT:0"
_SYSMEX_HEAD: Final = re.compile(r"D1U(?P<date>\d{6})(?P<id>.{15})")
_CA_HEAD: Final = re.compile(r"D1(?P<date>\d{6})(?P<time>\d{4})(?P<rack>.{4})(?P<tube>.{2})(.{15})")
_CA_FORM_DECIMALS: Final = "1:1 2:0 3:2 4:2"


def _number(setup: Setup, key: str, default: int) -> int:
    value = setup.get(key, default)
    return value if isinstance(value, int) else default


def _decimals(setup: Setup, key: str, default: str) -> dict[str, int]:
    """``WBC:1 PLT:0`` as numbers; what is not of that form is left out."""
    pairs = (pair.partition(":") for pair in str(setup.get(key, default)).split())
    told = {name: whole_number(digits) for name, _, digits in pairs}
    return {name: places for name, places in told.items() if places is not None}


def olympus(text: str, setup: Setup, reading: Reading) -> None:
    """``D`` blocks of an AU; the widths of id, test and value are set up on the instrument."""
    if _OLYMPUS_RUN.fullmatch(text) or text.startswith(("R ", "S ")):
        return
    width = _number(setup, "id_width", 20)
    head = re.match(rf"(D |DR|DQ)(\d{{4}})(\d{{2}}) (.{{4}})(.{{{width}}})([ E])", text)
    if head is None:
        reading.problem(f"no result block of an AU: {text[:40]!r}")
        return
    specimen = reading.begin(
        ReadSpecimen(
            barcode=head[5].strip(),
            sequence=head[4].strip(),
            rack=head[2],
            position=head[3],
            control=head[1] == "DQ",
        )
    )
    test, value = _number(setup, "test_width", 2), _number(setup, "value_width", 6)
    rest, size = text[head.end() :], test + value + 2
    if len(rest) % size:
        reading.problem(f"{len(rest)} columns of results are no multiple of {size}")
    for group in re.findall(rf"(.{{{test}}})(.{{{value}}})(..)", rest):
        specimen.results.append(
            ReadResult(code=group[0].strip(), value=group[1].strip(), flag=group[2].strip())
        )


def hitachi(text: str, setup: Setup, reading: Reading) -> None:
    """A 7170 (``:`` and a letter, channels of three digits) or a 7150 (a digit, two digits)."""
    new = text.startswith(":")
    width = _number(setup, "id_width", 13)
    head = re.match(rf"{':[A-Z]' if new else '[0-9]'}(.{{5}})(.{{3}})(.{{{width}}})", text)
    if head is None:
        reading.problem(f"no result frame: {text[:40]!r}")
        return
    specimen = reading.begin(
        ReadSpecimen(
            barcode=head[3].strip(),
            sequence=head[1].strip(),
            position=head[2].strip(),
            control=new and text[1] == "C",
        )
    )
    rest, digits = text[head.end() :], 3 if new else 2
    count = ""
    if new:
        count, rest = rest[:3].strip(), rest[3:]
    groups = re.findall(rf"([ \d]{{{digits}}})(.{{6}})(.)", rest)
    for code, value, flag in groups:
        specimen.results.append(
            ReadResult(code=code.strip(), value=value.strip(), flag=flag.strip())
        )
    if len(rest) != len(groups) * (digits + 7) or (new and count != str(len(groups))):
        reading.problem(f"{count or 'some'} results announced, {len(groups)} read")


def sysmex_k(text: str, setup: Setup, reading: Reading) -> None:
    """``D1U`` of K-1000 and KX-21: five columns a parameter in a fixed order, decimals implied."""
    head = _SYSMEX_HEAD.match(text)
    if head is None:
        reading.problem(f"no D1U record: {text[:40]!r}")
        return
    name = head["id"].strip()
    specimen = reading.begin(ReadSpecimen(barcode=name, control=name.startswith("QC-")))
    rest = text[head.end() :]
    places = _decimals(setup, "decimals", _SYSMEX)
    if len(rest) != 5 * len(places):
        reading.problem(f"{len(rest)} columns for {len(places)} parameters")
    for (code, decimals), at in zip(places.items(), range(0, len(rest), 5), strict=False):
        digits, flag = rest[at : at + 4], rest[at + 4 : at + 5]
        if digits.strip().isdecimal():
            value = implied(digits, decimals)
            specimen.results.append(ReadResult(code=code, value=value, flag=flag.strip("0")))
        elif "*" in digits:
            specimen.results.append(ReadResult(code=code, value="", flag="*"))


def sysmex_ca(text: str, setup: Setup, reading: Reading) -> None:
    """``D1`` of a CA-1500: code of assay and form, five columns, a flag; the form has decimals."""
    head = _CA_HEAD.match(text)
    if head is None:
        reading.problem(f"no D1 record: {text[:40]!r}")
        return
    specimen = reading.begin(
        ReadSpecimen(
            barcode=head[5].strip(), rack=head["rack"].strip(), position=head["tube"].strip()
        )
    )
    places = _decimals(setup, "form_decimals", _CA_FORM_DECIMALS)
    rest = text[head.end() :]
    if len(rest) % 9:
        reading.problem(f"{len(rest)} columns of results are no multiple of 9")
    for assay, form, value, flag in re.findall(r"(\d\d)(\d)(.{5})(.)", rest):
        decimals = places.get(form)
        if decimals is None:
            reading.problem(f"form {form} of assay {assay} is not set up")
            continue
        specimen.results.append(
            ReadResult(code=assay + form, value=implied(value, decimals), flag=flag.strip())
        )
