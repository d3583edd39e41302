"""The built-in RIS: modality worklist and performed procedure steps over DICOM.

Orders come from the HIS over HL7 (``ris_feed``), or over the control pipe, as a person enters them
at the screen. A step is listed while it is scheduled or started; a cancelled, completed or
discontinued one is not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from harness.link.dicom import MPPS, VERIFICATION, WORKLIST, Answer, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, keyword, tag_of, vr_of
from harness.link.dicom_scp import Session
from simulators.hospital import releases
from simulators.hospital.pacs_match import matches
from simulators.hospital.pacs_query import UNREADABLE, unreadable, written
from simulators.store import Row, Store, upsert

AE_TITLE: Final = "MHRIS"
LINK: Final = "modality-ris"
CONTEXTS: Final = tuple((one, (EXPLICIT, IMPLICIT)) for one in (VERIFICATION, WORKLIST, MPPS))

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS steps (sps_id TEXT PRIMARY KEY, patient_id TEXT NOT NULL,
    name TEXT NOT NULL, latin TEXT NOT NULL, birth TEXT NOT NULL, sex TEXT NOT NULL,
    accession TEXT NOT NULL, procedure_id TEXT NOT NULL, description TEXT NOT NULL,
    study TEXT NOT NULL, modality TEXT NOT NULL, station TEXT NOT NULL, date TEXT NOT NULL,
    time TEXT NOT NULL, state TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS performed (uid TEXT PRIMARY KEY, state TEXT NOT NULL,
    steps TEXT NOT NULL, series TEXT NOT NULL)""",
)

FIELDS: Final = ("sps_id", "patient_id", "name", "latin", "birth", "sex", "accession",
                 "procedure_id", "description", "study", "modality", "station", "date",
                 "time")  # fmt: skip
"""What an order has."""

LISTED: Final = ("SCHEDULED", "STARTED")

ZONE: Final = "+0800"
"""Of all dates and times on the list; answered where it is asked for (PS3.4 §K.6.1.2.2)."""

KNOWN_MAX: Final = 4096
"""Answers that are kept encoded; a day's list, asked for by some devices in their own way."""

CAP: Final = 5
"""Answers of a RIS that cuts its list (defect)."""

PAGE: Final = 500
"""Steps that a RIS reads at a time that does not read them at once (defects)."""

_SEQUENCE: Final = "ScheduledProcedureStepSequence"
_OUTER: Final = {
    "PatientName": "",
    "PatientID": "patient_id",
    "PatientBirthDate": "birth",
    "PatientSex": "sex",
    "AccessionNumber": "accession",
    "RequestedProcedureID": "procedure_id",
    "RequestedProcedureDescription": "description",
    "StudyInstanceUID": "study",
}
_INNER: Final = {
    "ScheduledStationAETitle": "station",
    "ScheduledProcedureStepStartDate": "date",
    "ScheduledProcedureStepStartTime": "time",
    "Modality": "modality",
    "ScheduledProcedureStepID": "sps_id",
    "ScheduledProcedureStepDescription": "description",
    "ScheduledProcedureStepStatus": "state",
}


_DATE: Final = "ScheduledProcedureStepStartDate"
_TIME: Final = "ScheduledProcedureStepStartTime"
_PATIENT: Final = ("PatientName", "PatientID", "AccessionNumber", "RequestedProcedureID")
_IGNORED: Final = {
    "ris-ignores-date": (_DATE, _TIME),
    "ris-ignores-time": (_TIME,),
    "ris-ignores-station": ("ScheduledStationAETitle",),
    "ris-ignores-modality": ("Modality",),
    "ris-ignores-patient-id": ("PatientID",),
    "ris-ignores-accession": ("AccessionNumber",),
    "ris-ignores-procedure-id": ("RequestedProcedureID",),
}
"""Defects by which keys of a query have no effect."""


@dataclass(slots=True)
class Ris:
    """The service behind the listener of the RIS.

    Args:
        store: its database.
        defects: ids of those that are switched on; shared with the control pipe.
        told: makes the statements that tell the HIS of a state; set by the HL7 side.
        nudge: lets the HL7 side send what was stored for it.
    """

    store: Store
    defects: set[str]
    role: str = "RIS"
    told: Callable[[str, str], list[tuple[str, Any]]] | None = None
    nudge: Callable[[], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asked: int = 0
    _known: dict[tuple[object, ...], bytes] = field(default_factory=dict)
    """Answers by what they say and by what was asked for: a device asks the same every minute."""

    def serve(self, request: Request, session: Session) -> Iterator[Answer]:
        """Answers to one request."""
        match request.kind:
            case "C-ECHO":
                yield Answer(status=0)
            case "C-FIND" if "ris-refuses-find" in self.defects:
                yield Answer(status=0x0124, comment="not authorized")
            case "C-FIND":
                yield from self._find(request, session)
                if "ris-aborts-after-success" in self.defects:
                    session.abort()
            case "N-CREATE":
                with self._lock:
                    answer = self._create(request, session)
                if answer is not None:
                    yield answer
                self._send_states()
            case "N-SET":
                with self._lock:
                    answer = self._set(request)
                yield answer
                self._send_states()
            case _:
                yield Answer(status=0x0211, comment="not an operation of this RIS")

    # ---- the worklist

    def _find(self, request: Request, session: Session) -> Iterator[Answer]:
        asked = request.data()
        items = asked.items(_SEQUENCE)
        inner = items[0] if items else DataSet()
        sets = asked.character_sets
        outer_keys = {keyword(tag): asked.text(tag) for tag in asked.elements}
        inner_keys = {keyword(tag): inner.text(tag, sets) for tag in inner.elements}
        spoilt = [*unreadable(asked), *unreadable(inner, sets)]
        if spoilt and "ris-drops-unreadable-keys" not in self.defects:
            yield Answer(status=UNREADABLE, comment=f"{spoilt[0]} is no text of its set")
            return
        for keys in (outer_keys, inner_keys):
            keys |= {name: "" for name in spoilt if name in keys}
        self._asked += 1
        about = (tuple(outer_keys), tuple(inner_keys), tuple(sets), request.syntax,
                 frozenset(self.defects))  # fmt: skip
        count = 0
        deaf = "ris-ignores-cancel" in self.defects
        for row in self._steps():
            if not deaf and session.cancelled(request):
                yield Answer(status=0xFE00)
                return
            values = self._values(row)
            if not self._listed(row) or not self._fits(values, outer_keys, inner_keys):
                continue
            count += 1
            if count > CAP and "ris-caps-answers" in self.defects:
                break
            key = (tuple(values.items()), about)
            payload = self._known.get(key)
            if payload is None:
                data = self._item(values, outer_keys, inner_keys)
                payload = written(data, sets, request.syntax, self.defects, "ris")
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()
                self._known[key] = payload
            yield Answer(status=0xFF00, payload=payload)
        yield Answer(status=0)

    def _steps(self) -> list[Row]:
        """Every step, in the order of the list."""
        rows = self.store.rows("SELECT * FROM steps ORDER BY date, time, sps_id")
        if "ris-stops-after-page" in self.defects:
            return rows[:PAGE]
        if "ris-pages-overlap" in self.defects:  # from the second on each begins one too early
            starts = (max(at - 1, 0) for at in range(0, len(rows), PAGE))
            return [one for at in starts for one in rows[at : at + PAGE]]
        return rows

    def _listed(self, row: Row) -> bool:
        more = {
            "COMPLETED": "ris-lists-completed",
            "DISCONTINUED": "ris-lists-completed",
            "CANCELLED": "ris-lists-cancelled",
        }
        if "ris-hides-timeless" in self.defects and not row["time"]:
            return False
        return row["state"] in LISTED or more.get(row["state"], "") in self.defects

    def _values(self, row: Row) -> dict[str, str]:
        values = {name: str(row[column]) for name, column in {**_OUTER, **_INNER}.items() if column}
        values["PatientName"] = f"{row['latin']}={row['name']}" if row["latin"] else row["name"]
        if "ris-ignores-zone" not in self.defects:
            values["TimezoneOffsetFromUTC"] = ZONE
        if "ris-new-study-uid" in self.defects:
            values["StudyInstanceUID"] = f"{row['study']}.{self._asked}"
        if "ris-cuts-accession" in self.defects:
            values["AccessionNumber"] = row["accession"][:10]
        if "ris-shows-arrived" in self.defects and row["state"] == "STARTED":
            values["ScheduledProcedureStepStatus"] = "ARRIVED"
        return values

    def _fits(
        self, values: Mapping[str, str], outer: Mapping[str, str], inner: Mapping[str, str]
    ) -> bool:
        ignored = {"SpecificCharacterSet", "TimezoneOffsetFromUTC", _SEQUENCE, ""}
        for defect, names in _IGNORED.items():
            if defect in self.defects:
                ignored.update(names)
        keys = {**outer, **inner}
        ends = keys.get(_DATE, "").partition("-")[2]
        if "ris-range-open" in self.defects and ends and values[_DATE] >= ends:
            return False
        if "ris-open-range-one-day" in self.defects:
            keys |= {name: keys.get(name, "").strip("-") for name in (_DATE, _TIME)}
        if "ris-midnight-day-before" in self.defects and values[_TIME] == "000000":
            values = {**values, _DATE: _day_before(values[_DATE])}
        if "ris-any-patient-key" in self.defects:
            given = [name for name in _PATIENT if keys.get(name)]
            if any(matches(_vr(name), keys[name], values[name]) for name in given):
                ignored.update(given)
        if "ris-matches-latin-only" in self.defects and not keys.get("PatientName", "").isascii():
            return False
        return all(
            matches(_vr(name), key, values.get(name, ""))
            for name, key in keys.items()
            if name not in ignored and name in values
        )

    def _item(
        self, values: Mapping[str, str], outer: Mapping[str, str], inner: Mapping[str, str]
    ) -> DataSet:
        asked = dict.fromkeys([*outer, *_OUTER])
        data = DataSet.of({name: values.get(name, "") for name in asked
                           if name not in {"", "SpecificCharacterSet", _SEQUENCE}
                           and _vr(name) != "SQ"})  # fmt: skip
        step = DataSet.of({name: values.get(name, "") for name in dict.fromkeys([*inner, *_INNER])
                           if name and _vr(name) != "SQ"})  # fmt: skip
        if "ris-omits-status" in self.defects:
            step.drop("ScheduledProcedureStepStatus")
        if "ris-empties-step-id" in self.defects:
            step.set("ScheduledProcedureStepID", "")
        data.set(_SEQUENCE, [] if "ris-empty-sequence" in self.defects else [step])
        releases.listed(data, self.defects)
        return data

    # ---- performed procedure steps

    def _create(self, request: Request, session: Session) -> Answer | None:
        data = request.data()
        if self._performed(request.sop_instance) is not None:
            if "ris-duplicate-create-aborts" in self.defects:
                session.abort()
                return None
            return Answer(status=0x0111, comment="this performed step exists")
        state = data.text("PerformedProcedureStepStatus")
        if state != "IN PROGRESS":
            return Answer(status=0x0106, comment="a step begins IN PROGRESS")
        steps = [item.text("ScheduledProcedureStepID", data.character_sets)
                 for item in data.items("ScheduledStepAttributesSequence")
                 if self._linked(item)]  # fmt: skip
        row = {"uid": request.sop_instance, "state": state, "steps": json.dumps(steps),
               "series": "[]"}  # fmt: skip
        self.store.commit([upsert("performed", ["uid"], row), *self._moved(steps, "STARTED")])
        return Answer(status=0)

    def _linked(self, item: DataSet) -> bool:
        if "ris-links-by-study" not in self.defects:
            return True
        sql = "SELECT sps_id FROM steps WHERE study = ?"
        return bool(self.store.rows(sql, [item.text("StudyInstanceUID")]))

    def _set(self, request: Request) -> Answer:
        data = request.data()
        known = self._performed(request.sop_instance)
        if known is None:
            lenient = "ris-takes-unknown-step" in self.defects
            return Answer(status=0 if lenient else 0x0112, comment="no such performed step")
        state = data.text("PerformedProcedureStepStatus") or known["state"]
        if known["state"] != "IN PROGRESS" and "ris-changes-final-step" not in self.defects:
            return Answer(status=0x0110, comment="the performed step is final")
        series = [item.text("SeriesInstanceUID") for item in data.items("PerformedSeriesSequence")]
        row = {"uid": request.sop_instance, "state": state, "steps": known["steps"],
               "series": json.dumps(series)}  # fmt: skip
        changes = [upsert("performed", ["uid"], row)]
        if state in {"COMPLETED", "DISCONTINUED"}:
            changes += self._moved(json.loads(known["steps"]), state)
        self.store.commit(changes)
        return Answer(status=0)

    def _performed(self, uid: str) -> Row | None:
        rows = self.store.rows("SELECT * FROM performed WHERE uid = ?", [uid])
        return rows[0] if rows else None

    def _moved(self, steps: list[str], state: str) -> list[tuple[str, Any]]:
        """The scheduled steps follow the performed one, all of them."""
        if "ris-moves-one-step" in self.defects:
            steps = steps[:1]
        if state == "STARTED" and "ris-misses-start" in self.defects:
            return []
        moved = [("UPDATE steps SET state = ? WHERE sps_id = ?", [state, one]) for one in steps]
        if self.told is None:
            return moved
        return [*moved, *(statement for one in steps for statement in self.told(one, state))]

    def _send_states(self) -> None:
        """What was stored with a state leaves after the device has its answer."""
        if self.nudge is not None:
            self.nudge()

    # ---- the control pipe

    def command(self, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        if name == "schedule":
            row = {column: str(args.get(column, "")) for column in FIELDS}
            if "ris-feed-loses-rare" in self.defects:
                row["name"] = row["name"].encode("gb2312", "replace").decode("gb2312")
            row["state"] = "SCHEDULED"
            self.store.commit(
                [upsert("steps", ["sps_id"], one) for one in _several(row, args.get("count"))]
            )
        elif name == "clear":
            self.store.commit([("DELETE FROM steps", []), ("DELETE FROM performed", [])])
        elif name == "cancel":
            sql = "UPDATE steps SET state = 'CANCELLED' WHERE sps_id = ?"
            self.store.commit([(sql, [args["sps_id"]])])
        elif name == "rename" and "ris-keeps-old-name" not in self.defects:
            sql = "UPDATE steps SET name = ?, latin = ? WHERE patient_id = ?"
            self.store.commit([(sql, [args["name"], args["latin"], args["patient_id"]])])
        return [] if name == "pending" else {}

    def stop(self) -> None:
        """Nothing is under way."""


def _day_before(date: str) -> str:
    return f"{datetime.strptime(date, '%Y%m%d') - timedelta(days=1):%Y%m%d}"  # noqa: DTZ007 - a date


def _several(row: dict[str, str], count: str | None) -> list[dict[str, str]]:
    """A step, or so many of one patient: the numbers end in that of the step, in four digits."""
    if count is None:
        return [row]
    ids = {name: row[name][:12] for name in ("sps_id", "accession", "procedure_id")}
    return [
        {**row, **{name: f"{base}{number:04d}" for name, base in ids.items()},
         "study": f"{row['study']}.{number}"}
        for number in range(1, int(count) + 1)
    ]  # fmt: skip


def _vr(name: str) -> str:
    return vr_of(tag_of(name))
