"""QIDO-RS of the built-in PACS (PS3.18 §10.6): studies, series and instances as JSON.

Keys match as over DIMSE. Fuzzy matching is not offered, which a warning says; so does a list that
was cut at its limit.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.digits import whole_number
from harness.errors import InputError
from harness.link.dicom_data import keyword, tag_of, vr_of
from harness.link.dicom_json import GROUPS
from harness.wire.http1_events import Headers, HttpResponse
from simulators.hospital.pacs_match import matches
from simulators.hospital.pacs_query import vr_of_keyword
from simulators.hospital.pacs_store import Archive
from simulators.hospital.pacs_web_answers import BASE, Refused, as_json
from simulators.store import Row

GROUPED: Final = {"studies": "study", "series": "series", "instances": "sop"}

STUDY: Final = (
    "StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
)  # fmt: skip
SERIES: Final = ("Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber",
                 "NumberOfSeriesRelatedInstances")  # fmt: skip
INSTANCE: Final = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns",
                   "BitsAllocated", "NumberOfFrames")  # fmt: skip
"""Returned without being asked for (PS3.18 tables 10.6.3-3 to 10.6.3-5)."""

MOST: Final = 10_000
"""Answers of one request; what is left is named in a warning."""


@dataclass(slots=True)
class Asked:
    """The query part of a request, read.

    Attributes:
        keys: wanted values by keyword.
        include: further keywords.
        everything: all that the index has.
        limit: answers at most.
        offset: answers that are left out.
        fuzzy: fuzzy matching was asked for.
    """

    keys: dict[str, str] = field(default_factory=dict)
    include: list[str] = field(default_factory=list)
    everything: bool = False
    limit: int = MOST
    offset: int = 0
    fuzzy: bool = False


def read(query: str) -> Asked:
    """The parameters of a request.

    Raises:
        Refused: one of them is unknown or has no meaning (400).
    """
    asked = Asked()
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise Refused(400, "the query is not UTF-8") from error
    for name, value in pairs:
        match name.lower():
            case "limit":
                asked.limit = min(_count(name, value), MOST)
            case "offset":
                asked.offset = _count(name, value)
            case "fuzzymatching":
                asked.fuzzy = value.lower() == "true"
            case "includefield":
                for one in value.split(","):
                    if one.lower() == "all":
                        asked.everything = True
                    else:
                        asked.include.append(_attribute(one))
            case _:
                key = _attribute(name)
                lists = vr_of_keyword(key) == "UI"
                asked.keys[key] = value.replace(",", "\\") if lists else value
    return asked


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise Refused(400, f"{name} is no count: {value[:40]}")
    return int(value)


def _attribute(name: str) -> str:
    """The keyword of a key, which may be given as eight digits."""
    if len(name) == 8 and not name.isalpha():
        try:
            known = keyword(int(name, 16))
        except ValueError:
            known = ""
        if known:
            return known
    try:
        tag_of(name)
    except InputError as error:
        raise Refused(400, f"no such attribute: {name[:64]}") from error
    return name


def find(
    archive: Archive, level: str, path: Mapping[str, str], query: str, defects: set[str]
) -> HttpResponse:
    """Answers at one level.

    Args:
        archive: what is searched.
        level: ``studies``, ``series`` or ``instances``.
        path: UIDs that the path names, by keyword.
        query: behind the question mark.
        defects: that are switched on.

    Raises:
        Refused: a parameter that cannot be understood.
    """
    asked = read(query)
    keys = {**asked.keys, **path}
    groups: dict[str, list[Row]] = {}
    for row in archive.all():
        groups.setdefault(row[GROUPED[level]], []).append(row)
    fits = [found for rows in groups.values()
            for found in [_found(rows, level, archive, defects)] if _fits(found, keys)]  # fmt: skip
    page = fits[asked.offset : asked.offset + asked.limit]
    if "pacs-web-offset-from-one" in defects and asked.offset:
        page = fits[asked.offset + 1 : asked.offset + 1 + asked.limit]
    left = len(fits) - asked.offset - len(page)
    if not page:
        return HttpResponse(status=204)
    wanted = _columns(level, path, asked)
    answers = [_object(found, wanted or tuple(found), level, defects) for found in page]
    return as_json(answers, more=_warnings(left, fuzzy=asked.fuzzy))


def _warnings(left: int, *, fuzzy: bool) -> Headers:
    texts = []
    if left > 0:
        texts.append(f"There are {left} additional results that can be requested")
    if fuzzy:
        texts.append("The fuzzymatching parameter is not supported. Only literal matching has been "
                     "performed.")  # fmt: skip
    return tuple(("Warning", f'299 medharness "{text}"') for text in texts)


def _columns(level: str, path: Mapping[str, str], asked: Asked) -> tuple[str, ...]:
    """What each answer shows; none for everything."""
    if asked.everything:
        return ()
    own = {"studies": STUDY, "series": SERIES, "instances": INSTANCE}[level]
    above: tuple[str, ...] = ()
    if level != "studies" and "StudyInstanceUID" not in path:
        above += STUDY
    if level == "instances" and "SeriesInstanceUID" not in path:
        above += SERIES
    return tuple(dict.fromkeys([*own, *above, *asked.include, *asked.keys, *path]))


def _found(rows: list[Row], level: str, archive: Archive, defects: set[str]) -> dict[str, str]:
    """Everything that the index knows of one answer."""
    found: dict[str, str] = json.loads(rows[0]["keys"])
    study = rows if level == "studies" else archive.find("study", [rows[0]["study"]])
    series = rows if level == "series" else archive.find("series", [rows[0]["series"]])
    each = [json.loads(row["keys"]).get("Modality", "") for row in study]
    found["ModalitiesInStudy"] = "\\".join(sorted({one for one in each if one}))
    found["NumberOfStudyRelatedSeries"] = str(len({row["series"] for row in study}))
    found["NumberOfStudyRelatedInstances"] = str(len(study))
    found["NumberOfSeriesRelatedInstances"] = str(len(series))
    if "pacs-web-omits-counts" in defects:
        for name in [one for one in found if one.startswith(("NumberOfS", "ModalitiesIn"))]:
            del found[name]
    return found


def _fits(found: Mapping[str, str], keys: Mapping[str, str]) -> bool:
    return all(matches(vr_of_keyword(name), key, found.get(name, ""))
               for name, key in keys.items())  # fmt: skip


def _object(
    found: Mapping[str, str], wanted: tuple[str, ...], level: str, defects: set[str]
) -> dict[str, Any]:
    tags = sorted(tag_of(name) for name in wanted if name in found)
    made = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
    made |= {f"{tag:08X}": _element(tag, found[keyword(tag)], defects) for tag in tags}
    above = f"{BASE}/studies/{found['StudyInstanceUID']}"
    if level != "studies":
        above += f"/series/{found['SeriesInstanceUID']}"
    if level == "instances":
        above += f"/instances/{found['SOPInstanceUID']}"
    made["00081190"] = {"vr": "UR", "Value": [above]}
    return dict(sorted(made.items()))


def _element(tag: int, text: str, defects: set[str]) -> dict[str, Any]:
    vr = vr_of(tag)
    if not text:
        return {"vr": vr}
    if "pacs-web-answers-in-latin1" in defects:
        text = text.encode("latin-1", "replace").decode("latin-1")
    values: list[Any] = text.split("\\")
    if vr == "PN":
        values = [_name(one) for one in values]
    elif vr in {"IS", "US", "UL", "DS"}:
        values = [one if (number := _number(one)) is None else number for one in values]
    return {"vr": vr, "Value": values}


def _number(text: str) -> int | None:
    number = whole_number(text.removeprefix("-"))
    return -number if number is not None and text.startswith("-") else number


def _name(text: str) -> dict[str, str]:
    return {name: one for name, one in zip(GROUPS, text.split("="), strict=False) if one}
