"""Readers of layouts in words: commas, brackets, ``!`` lines, strips, tags, sections."""

from __future__ import annotations

import re
from typing import Final

from harness.wire.framings_read import Reading, ReadResult, ReadSpecimen, Setup

STRIP_CHARS_MAX: Final = 256
"""Of a line of a strip report, whose paper has some 24: blanks without end would be read in square
time."""

_NO_VALUE: Final = re.compile(r"[-:]{5}")
_STRIP_ID: Final = re.compile(r"\s*(?:ID|S/N|NAME)\s*[:.]?\s*(?P<id>\S.*?)\s*")
_STRIP_NUMBER: Final = re.compile(r"\s*(?:NO\.?|;E)\s*(?P<number>\d+)(?P<rest>.*)")
_STRIP_LINE: Final = re.compile(
    r"\s*(?P<mark>\*?)\s*(?P<code>[A-Za-z]{2,4}|pH)\s+(?P<value>\S+)(?:\s+(?P<rest>.*?))?\s*"
)
_VITROS_HEAD: Final = re.compile(r"000a(?P<date>\d{12})(?P<id>.{15})(?P<place>.{4})")
_VITROS_LINE: Final = re.compile(
    r"(?P<line>\d{3})f(?P<name>.{6})(?P<value>.{9})(?P<unit>.{8})(?P<flag>[0-9A-F]{2})"
)
_VITROS_LAST: Final = re.compile(r"(?P<line>\d{3})h(?P<count>\d{1,9})")  # bounded: int() is, too
_SECTION: Final = re.compile(r"[SG][0-9A-F]{2}(?: [0-9A-F]{2})?")


def ciba_corning(text: str, _setup: Setup, reading: Reading) -> None:
    """Commas: number, model, serial, specimen; then code, value, unit and flag, again and again."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 4:
        reading.problem(f"no report of a blood gas analyzer: {text[:40]!r}")
        return
    specimen = reading.begin(ReadSpecimen(barcode=parts[3], sequence=parts[0]))
    groups = parts[4:]
    if len(groups) % 4:
        reading.problem(f"{len(groups)} parts are no groups of four")
    for at in range(0, len(groups) - 3, 4):
        code, value, unit, flag = groups[at : at + 4]
        specimen.results.append(ReadResult(code=code, value=value, unit=unit, flag=flag))


def array(text: str, _setup: Setup, reading: Reading) -> None:
    """Bracket records of a Beckman Array: 21 begins a sample, 22 is a result."""
    kind, *parts = (part.strip() for part in text.split(","))
    current = reading.current
    if kind == "21" and parts:
        reading.begin(ReadSpecimen(barcode=parts[0], sequence=parts[1] if parts[1:] else ""))
    elif kind == "22" and len(parts) >= 6 and current is not None:
        current.results.append(
            ReadResult(code=parts[0], value=parts[3], unit=parts[4], flag=parts[5])
        )
    elif kind not in {"20", "25", "88", "99"}:
        reading.problem(f"no record that fits here: {text[:40]!r}")


def vitros(text: str, _setup: Setup, reading: Reading) -> None:
    """``!`` lines: 000a opens a specimen, f is a result, h closes it and counts the lines."""
    current = reading.current
    if head := _VITROS_HEAD.fullmatch(text):
        place = head["place"].strip()
        reading.begin(ReadSpecimen(barcode=head["id"].strip(), position=place))
    elif (line := _VITROS_LINE.fullmatch(text)) and current is not None:
        if int(line["line"]) != len(current.results) + 1:
            reading.problem(f"line {line['line']} does not follow the one before")
        flag = "" if line["flag"] == "00" else line["flag"]
        name, value, unit = (line[key].strip() for key in ("name", "value", "unit"))
        current.results.append(ReadResult(code=name, value=value, unit=unit, flag=flag))
    elif (last := _VITROS_LAST.fullmatch(text)) and current is not None:
        if int(last["count"]) != len(current.results) + 2:
            reading.problem(f"{last['count']} lines announced, {len(current.results) + 2} read")
    else:
        reading.problem(f"no line that fits here: {text[:40]!r}")


def strip(text: str, _setup: Setup, reading: Reading) -> None:
    """The printed report of a urine strip reader; ``*`` or a last word marks what is abnormal."""
    specimen = reading.begin(ReadSpecimen())
    for line in text.splitlines():
        if len(line) > STRIP_CHARS_MAX:
            reading.problem(f"no line of a strip report: {line[:40]!r}")
        elif number := _STRIP_NUMBER.fullmatch(line):
            specimen.sequence = number["number"]
        elif label := _STRIP_ID.fullmatch(line):
            specimen.barcode = label["id"]
        elif found := _STRIP_LINE.fullmatch(line):
            words = (found["rest"] or "").split()
            unit = words[0] if words else ""
            flag = found["mark"] or " ".join(words[1:])
            specimen.results.append(
                ReadResult(code=found["code"], value=found["value"], unit=unit, flag=flag)
            )
        elif line.strip():
            reading.problem(f"no line of a strip report: {line[:40]!r}")


def vidas(text: str, _setup: Setup, reading: Reading) -> None:
    """Tagged fields of a mini VIDAS: RS, two letters, value, bar."""
    specimen = ReadSpecimen()
    code = ""
    words: dict[str, str] = {}
    for part in text.split("\x1e")[1:]:
        body = part.rstrip("\r\n")
        if len(body) < 3 or not body.endswith("|"):
            reading.problem(f"no tagged field: {body[:40]!r}")
            continue
        tag, value = body[:2], body[2:-1]
        words[tag] = value
        if tag == "rt":
            code = value
    if words.get("mt") != "rsl" or not code:
        reading.problem(f"no result message: {text[:40]!r}")
        return
    specimen.control = bool(words.get("ci"))
    specimen.barcode = words.get("ci") or words.get("si", "")
    number, _, unit = words.get("qn", "").partition(" ")
    specimen.results.append(
        ReadResult(code=code, value=number, unit=unit, flag=words.get("ql", ""))
    )
    reading.begin(specimen)


def maxm(text: str, _setup: Setup, reading: Reading) -> None:
    """Lines of a Coulter MAXM in sections; five dashes or colons are no value."""
    specimen = reading.begin(ReadSpecimen())
    for line in text.split("\r\n"):
        words = line.split()
        if not words or _SECTION.fullmatch(line.strip()):
            continue
        if words[0] == "ID1":
            specimen.barcode = " ".join(words[1:])
        elif words[0] == "SEQ" and words[1:]:
            specimen.sequence = words[1]
        elif words[0] in {"DATE", "TIME"}:
            continue
        elif len(words) in {2, 3}:
            value = "" if _NO_VALUE.fullmatch(words[1]) else words[1]
            flag = words[2] if words[2:] else ""
            specimen.results.append(ReadResult(code=words[0], value=value, flag=flag))
        else:
            reading.problem(f"no line of a report: {line[:40]!r}")


def dri_chem(text: str, _setup: Setup, reading: Reading) -> None:
    """A CSV line of a Dri-Chem: date, time, number, specimen, then name, relation, value, flag."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 4:
        reading.problem(f"no line of a Dri-Chem: {text[:40]!r}")
        return
    specimen = reading.begin(ReadSpecimen(barcode=parts[3], sequence=parts[2]))
    groups = parts[4:]
    if len(groups) % 4:
        reading.problem(f"{len(groups)} parts are no groups of four")
    for at in range(0, len(groups) - 3, 4):
        name, relation, measured, flag = groups[at : at + 4]
        number, _, unit = measured.partition(" ")
        sign = "" if relation == "=" else relation
        specimen.results.append(
            ReadResult(code=name, value=sign + number, unit=unit.strip(), flag=flag)
        )
