"""What the built-in LIS makes of one ASTM message: rows to store, and results to pass on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message
from simulators.hospital import messages
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

Row = dict[str, Any]

ENCODING = "gb18030"
"""Agreed with the analyzers out of band: ASTM declares no character set."""

VALUE_WIDTH_NARROW = 8
"""Width of the value column under the defect ``lis-narrow-value-column``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One result record with the order record above it."""

    barcode: str
    quality_control: bool
    instrument: str
    patient_name: str
    row: Row


def store(
    payload: bytes, store_: Store, outbox: Outbox, defects: set[str], time: str
) -> list[Statement]:
    """The statements that one message leads to; the ORU is stored for sending among them."""
    encoding = "latin-1" if "lis-reads-latin-1" in defects else ENCODING
    intake = _Intake(store_, defects, time)
    for one in _measured(AstmMessage.parse(payload, encoding), defects):
        intake.take(one)
    for order, rows in intake.passed_on.values():
        intake.statements.append(_pass_on(store_, outbox, order, rows, defects, time))
    return intake.statements


@dataclass(slots=True)
class _Intake:
    """One message on its way into the store; what it holds itself counts as stored already."""

    store: Store
    defects: set[str]
    time: str
    statements: list[Statement] = field(default_factory=list)
    passed_on: dict[str, tuple[Row, list[Row]]] = field(default_factory=dict)
    """By specimen: its order, and the rows to send on."""
    latest: dict[tuple[str, str], Row] = field(default_factory=dict)
    """By specimen and item: the newest result, stored or to be stored."""
    first_patient: str = ""

    def take(self, one: Measured) -> None:
        """One result: quality control, without an order, or of a patient."""
        if one.quality_control and "lis-quality-control-as-patient" not in self.defects:
            self.statements.append(_quality_control(one))
            return
        order = _order(self.store, one.barcode, self.defects)
        if order is not None:
            self._of_patient(one, order)
            return
        if "lis-drops-unmatched" not in self.defects:
            self.statements.append(_unmatched(one))
        if one.quality_control:
            row = one.row | {"patient_id": "", "version": 1}
            self.statements.append(insert("results", row))

    def _of_patient(self, one: Measured, order: Row) -> None:
        patient_id = order["patient_id"]
        self.first_patient = self.first_patient or patient_id
        if "lis-first-patient-for-all" in self.defects:
            patient_id = self.first_patient
        row = self._versioned(one, patient_id)
        if row is None:
            return
        self.latest[one.barcode, one.row["item"]] = row
        self.statements.append(insert("results", row))
        self.passed_on.setdefault(one.barcode, (order, []))[1].append(row)
        if "lis-takes-name-from-analyzer" in self.defects and one.patient_name:
            renamed = (one.patient_name, patient_id)
            self.statements.append(("UPDATE patients SET name = ? WHERE patient_id = ?", renamed))

    def _versioned(self, one: Measured, patient_id: str) -> Row | None:
        """The row to store; None for what is stored already (LIS02-A2 R.9 ``R``, or sent twice)."""
        row = one.row | {"patient_id": patient_id}
        if "lis-own-time" in self.defects:
            row["tested_at"] = self.time
        last = self._last(one.barcode, one.row["item"])
        if last is None:
            return row | {"version": 1}
        if "lis-stores-repeats-of-results" not in self.defects:
            same = all(last[name] == row[name] for name in ("value", "unit", "flag", "tested_at"))
            if same and row["status"] in {last["status"], "R"}:
                return None
        if "lis-ignores-corrections" in self.defects and row["status"] == "C":
            return None
        return row | {"version": last["version"] + 1}

    def _last(self, barcode: str, item: str) -> Row | None:
        if (barcode, item) in self.latest:
            return self.latest[barcode, item]
        rows = self.store.rows(
            "SELECT value, unit, flag, status, tested_at, version FROM results"
            " WHERE barcode = ? AND item = ? ORDER BY version DESC LIMIT 1",
            (barcode, item),
        )
        return rows[0] if rows else None


def _measured(message: AstmMessage, defects: set[str]) -> Iterator[Measured]:
    instrument = (message.get("H.5") or "").split("^")[0]
    name = barcode = ""
    quality_control = False
    for record in message.records:
        if record.type == "P":
            name = record.get("6") or ""
        elif record.type == "O":
            barcode = record.get("3.1") or ""
            quality_control = record.get("12") == "Q"
            if "lis-barcode-as-number" in defects:
                barcode = barcode.lstrip("0")
        elif record.type == "R" and (record.get("3.4") or record.get("4")):
            row = {
                "barcode": barcode,
                "item": record.get("3.4") or "",
                "value": _value(record.get("4") or "", defects),
                "unit": "" if "lis-drops-unit" in defects else record.get("5") or "",
                "flag": _flag(record.get("7") or "", defects),
                "status": _status(record.get("9") or "", defects),
                "tested_at": record.get("13") or "",
                "instrument": instrument,
            }
            yield Measured(
                barcode=barcode,
                quality_control=quality_control,
                instrument=instrument,
                patient_name=name,
                row=row,
            )


def _value(value: str, defects: set[str]) -> str:
    if "lis-drops-comparator" in defects:
        value = value.lstrip("<>≥≤ ")
    if "lis-narrow-value-column" in defects:
        value = value[:VALUE_WIDTH_NARROW]
    return value


def _flag(flag: str, defects: set[str]) -> str:
    return flag[:1] if "lis-flattens-flags" in defects else flag


def _status(status: str, defects: set[str]) -> str:
    return "F" if "lis-preliminary-as-final" in defects and status == "P" else status


def _order(store_: Store, barcode: str, defects: set[str]) -> Row | None:
    """Any order of this specimen that is not cancelled; no specimen id matches none."""
    if not barcode:
        return None
    state = "" if "lis-matches-cancelled" in defects else " AND state <> 'cancelled'"
    rows = store_.rows(
        f"SELECT placer, barcode, patient_id FROM orders WHERE barcode = ?{state} LIMIT 1",
        (barcode,),
    )
    return rows[0] if rows else None


def _quality_control(one: Measured) -> Statement:
    names = ("item", "value", "unit", "tested_at", "instrument")
    row = {"lot": one.barcode} | {name: one.row[name] for name in names}
    return insert("quality_control", row)


def _unmatched(one: Measured) -> Statement:
    return insert(
        "unmatched",
        {
            "barcode": one.barcode,
            "item": one.row["item"],
            "value": one.row["value"],
            "reason": "no open order",
            "instrument": one.instrument,
        },
    )


def _pass_on(
    store_: Store,
    outbox: Outbox,
    order: Row,
    rows: list[Row],
    defects: set[str],
    time: str,
) -> Statement:
    barcode = order["barcode"]
    found = store_.rows("SELECT * FROM patients WHERE patient_id = ?", (order["patient_id"],))
    patient = found[0] if found else _nobody(order["patient_id"])
    if "lis-sends-first-result-only" in defects:
        rows = rows[:1]
    if "lis-sends-no-unit" in defects:
        rows = [row | {"unit": ""} for row in rows]
    if "lis-sends-no-flag" in defects:
        rows = [row | {"flag": ""} for row in rows]
    versions = ",".join(str(row["version"]) for row in rows)
    control_id = messages.control_id("L", barcode, rows[0]["item"], versions)
    payload = messages.results(patient, order, rows, control_id=control_id, time=time)
    if "lis-declares-other-charset" in defects:
        payload = payload.decode(messages.CODEC).encode("utf-8")
    if "lis-shifts-birth" in defects:
        payload = Hl7Message.parse(payload).set("PID-7", f"{patient['birth']}080000").raw
    return outbox.put(control_id, "ORU^R01", barcode, payload)


def _nobody(patient_id: str) -> Row:
    names = ("name", "sex", "birth", "id_card", "ward", "bed", "phone")
    return {"patient_id": patient_id} | dict.fromkeys(names, "")
