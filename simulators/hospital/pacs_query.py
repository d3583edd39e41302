"""C-FIND of the built-in PACS and the way in which PACS and RIS write their answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.errors import InputError
from harness.link.dicom import Answer, Request, payload_of
from harness.link.dicom_data import TEXTS, DataSet, keyword, tag_of, vr_of
from harness.link.dicom_scp import Session
from simulators.hospital import pacs_spoil, releases
from simulators.hospital.pacs_match import matches
from simulators.hospital.pacs_store import Archive
from simulators.store import Row

LEVELS: Final = {"PATIENT": "patient_id", "STUDY": "study", "SERIES": "series", "IMAGE": "sop"}
"""What makes one answer of each level."""

_UTF_8: Final = "ISO_IR 192"

UNREADABLE: Final = 0xC001
"""Unable to process: a key is no text of the declared set, so nobody knows who is asked for (PS3.4
table C.4-1). Its replacement characters would fit names that could not be read either."""

SLOW_S: Final = 0.4
"""What a query takes whose index was lost."""


def find(
    archive: Archive, request: Request, session: Session, defects: set[str]
) -> Iterator[Answer]:
    """One pending answer for each match, then the end (PS3.4 §C.4.1)."""
    asked = request.data()
    level = asked.text("QueryRetrieveLevel")
    if level not in LEVELS:
        yield Answer(status=0xA900, comment="no such query level")
        return
    if _refused(asked, defects):
        yield Answer(status=0xC000, comment="a key that cannot be read")
        return
    spoilt = unreadable(asked)
    if spoilt and "pacs-aborts-unreadable-keys" in defects:
        session.abort()
        return
    if spoilt and "pacs-drops-unreadable-keys" not in defects:
        yield Answer(status=UNREADABLE, comment=f"{spoilt[0]} is no text of its set")
        return
    if "pacs-slow-find" in defects:
        time.sleep(SLOW_S)
    groups: dict[str, list[Row]] = {}
    for row in archive.all():
        groups.setdefault(row[LEVELS[level]], []).append(row)
    sets = asked.character_sets
    if "pacs-query-ignores-charset" in defects:
        sets = ["ISO_IR 100"]
    aside = {"", "QueryRetrieveLevel", "SpecificCharacterSet"}
    names = {tag: keyword(tag) for tag in asked.elements}
    wanted = {name: asked.text(tag, sets) for tag, name in names.items() if name not in aside}
    wanted |= dict.fromkeys(spoilt, "")
    for rows in groups.values():
        for found in _found(rows, level, defects, archive.again):
            if session.cancelled(request):
                yield Answer(status=0xFE00)
                return
            if all(matches(vr_of_keyword(name), key, found.get(name, ""))
                   for name, key in wanted.items() if name in found or key):  # fmt: skip
                if "pacs-fails-on-sparse" in defects and not found.get("StudyDate"):
                    yield Answer(status=0xC000, comment="no study date")
                    return
                yield _pending(asked, found, wanted, request, defects)
    yield Answer(status=0)


def unreadable(asked: DataSet, sets: Sequence[str] | None = None) -> list[str]:
    """Keywords of the keys whose bytes are no characters of the declared set (PS3.5 §6.1.2).

    Args:
        asked: the identifier, or an item of it.
        sets: character sets of the identifier, for an item.
    """
    return [
        keyword(tag)
        for tag, (vr, _) in asked.elements.items()
        if vr in TEXTS and any(one.code == "undecodable" for one in asked.read(tag, sets).problems)
    ]


def _refused(asked: DataSet, defects: set[str]) -> bool:
    """A key with a wildcard where the value representation knows none (PS3.4 §C.2.2.2.4)."""
    if "pacs-refuses-wildcards" not in defects:
        return False
    return any(vr_of(tag) in {"DA", "TM", "UI"} and "*" in asked.text(tag)
               for tag in asked.elements)  # fmt: skip


def _found(
    rows: Sequence[Row], level: str, defects: set[str], again: Mapping[str, int]
) -> list[dict[str, str]]:
    """The answers that the instances of one group make: one, unless rows are doubled."""
    if level == "IMAGE":
        return [json.loads(row["keys"]) for row in rows]
    found: dict[str, str] = json.loads(rows[0]["keys"])
    each = [json.loads(row["keys"]) for row in rows]
    modalities = sorted({keys.get("Modality", "") for keys in each} - {""})
    found["ModalitiesInStudy"] = "\\".join(modalities)
    number = len(rows) + (1 if "pacs-counts-wrong" in defects else 0)
    if "pacs-counts-resends" in defects:
        number += again.get(rows[0]["study"], 0)
    found["NumberOfStudyRelatedInstances"] = str(number)
    found["NumberOfSeriesRelatedInstances"] = str(number)
    found["NumberOfStudyRelatedSeries"] = str(len({row["series"] for row in rows}))
    return [found]


def vr_of_keyword(name: str) -> str:
    """Value representation by keyword."""
    return vr_of(tag_of(name))


def _pending(
    asked: DataSet,
    found: Mapping[str, str],
    wanted: Mapping[str, str],
    request: Request,
    defects: set[str],
) -> Answer:
    values = {name: found.get(name, "") for name in wanted}
    data = DataSet.of({"QueryRetrieveLevel": asked.text("QueryRetrieveLevel"), **values})
    pacs_spoil.found(data, defects)
    releases.found(data, defects)
    return Answer(status=0xFF00, payload=written(data, asked.character_sets, request.syntax,
                                                 defects, "pacs"))  # fmt: skip


def written(data: DataSet, sets: Sequence[str], syntax: str, defects: set[str], who: str) -> bytes:
    """An answer in the character set of the question, or in UTF-8 where that is too small."""
    spoiled = pacs_spoil.written(data, syntax, defects, who, declared=bool(sets))
    if spoiled is not None:
        return spoiled
    for chosen in ("\\".join(sets) or "ISO_IR 6", _UTF_8):
        data.set("SpecificCharacterSet", chosen)
        try:
            return payload_of(data, syntax)
        except InputError:
            continue
    raise ValueError("UTF-8 holds every character")
