"""What the built-in LIS makes of an analyzer's results: rows to store, and results to pass on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message
from simulators.hospital import (
    critical,
    lis_driver,
    lis_flaws,
    lis_flaws_guess,
    lis_reading,
    lis_values,
    messages,
)
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_people import patient_of
from simulators.hospital.lis_reading import Attached, Reading, Readings
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

Row = dict[str, Any]

FIRST_CODEC = "gb18030"
"""Reads the header, which is ASCII, before the driver says what the rest is."""

ATTACHMENT_BYTES_NARROW = 64
"""What is left of an attachment under the defect ``lis-cuts-attachments``."""

BARCODE_WIDTH_NARROW = 10
"""Characters of a specimen id under the defect ``lis-cuts-barcode``."""


def store(
    payload: bytes, store_: Store, outbox: Outbox, defects: set[str], time: str
) -> list[Statement]:
    """The statements that one ASTM message leads to; the ORU is stored for sending among them."""
    payload = lis_flaws.payload(payload, defects)
    sender = lis_reading.sender_of(AstmMessage.parse(payload, FIRST_CODEC))
    driver = lis_flaws.driver(sender, store_, defects)
    if driver is None:
        return []
    driver = lis_flaws_guess.driver(driver, defects)
    if "lis-reads-latin-1" in defects:
        driver = replace(driver, encoding="latin-1")
    if "lis-splits-bytes" in defects:
        found = lis_reading.readings(AstmMessage.parse(payload, "latin-1"), driver, defects)
        found.results = [_decoded(one, driver.encoding) for one in found.results]
    else:
        encoding = lis_flaws.encoding(payload, driver.encoding, defects)
        message = AstmMessage.parse(payload, encoding)
        found = lis_reading.readings(message, driver, defects)
    found = lis_flaws.mixed_up(lis_flaws.readings(found, defects), store_, defects)
    wiped = lis_flaws.wiped(found, defects)
    return [*take(found, driver, store_, outbox, defects, time), *wiped]


def take(
    found: Readings, driver: Driver, store_: Store, outbox: Outbox, defects: set[str], time: str
) -> list[Statement]:
    """The statements for what one message brought, over whichever protocol."""
    intake = Intake(store_, driver, defects, time)
    for one in found.results:
        intake.take(one)
    for attached in found.attached:
        intake.attach(attached)
    intake.pass_on(outbox)
    return intake.statements


def _decoded(one: Reading, encoding: str) -> Reading:
    """The defect's other half: fields were cut on bytes, and become text only now."""
    names = ("value", "unit", "flag", "comment", "patient_name")
    texts = {
        name: getattr(one, name).encode("latin-1", "replace").decode(encoding, "replace")
        for name in names
    }
    return replace(one, **texts)


@dataclass(slots=True)
class Intake:
    """One message on its way into the store; what it holds itself counts as stored already."""

    store: Store
    driver: Driver
    defects: set[str]
    time: str
    statements: list[Statement] = field(default_factory=list)
    passed_on: dict[str, tuple[Row, list[Row]]] = field(default_factory=dict)
    """By specimen: its order, and the rows to send on."""
    latest: dict[tuple[str, str], Row] = field(default_factory=dict)
    """By specimen and item: the newest result, stored or to be stored."""
    first_patient: str = ""
    rerun: set[tuple[str, str]] = field(default_factory=set)
    """Specimens and items that this message brings a wanted re-run of."""
    repeated: dict[tuple[str, str], Row] = field(default_factory=dict)
    """What came before and came again."""

    def take(self, one: Reading) -> None:
        """One result: of no patient, of nothing that we know, without an order, or of a patient."""
        if one.kind != "patient" and not _as_patient(one.kind, self.defects):
            if self.driver.channel(one.channel) is None:
                self._unmatched(one, "unknown channel")
            else:
                item = self._item_of(one)
                lot = lis_flaws_guess.lot(one, item, self.store, self.defects)
                self.statements.append(_quality_control(one, item, lot))
            return
        if self._set_aside(one):
            return
        order = self._order(one)
        if order is not None:
            self._of_patient(one, order)
            return
        if "lis-drops-unmatched" not in self.defects:
            self._unmatched(one, "no open order")
        if one.kind != "patient":
            row = self._row(one, one.barcode) | {"patient_id": "", "version": 1}
            self.statements.append(insert("results", row))

    def _item_of(self, one: Reading) -> str:
        row = self.driver.channel(one.channel)
        return one.channel if row is None else row.item

    def _set_aside(self, one: Reading) -> bool:
        """Is it no result of ours: an unknown channel, no value, or raw data beside one?"""
        if self.driver.channel(one.channel) is None:
            if "lis-drops-unknown-channel" not in self.defects:
                self._unmatched(one, "unknown channel")
            return True
        nothing = filter(None, self.driver.no_value.split(","))
        if one.value.strip() in set(nothing) and "lis-sentinel-as-value" not in self.defects:
            self._unmatched(one, "no value")
            return True
        kept = self.driver.aspect_keep.split(",")
        if one.aspect and one.aspect not in kept and "lis-takes-every-aspect" not in self.defects:
            order = self._order(one)
            row = self._row(one, one.barcode)
            row["patient_id"] = order["patient_id"] if order else ""
            self.statements.append(_aside(row, f"aspect {one.aspect}"))
            return True
        return False

    def _unmatched(self, one: Reading, reason: str) -> None:
        row = {
            "barcode": one.barcode,
            "item": self._item_of(one),
            "value": one.value,
            "reason": reason,
            "instrument": one.instrument,
        }
        self.statements.append(insert("unmatched", row))

    def _of_patient(self, one: Reading, order: Row) -> None:
        patient_id = order["patient_id"]
        self.first_patient = self.first_patient or patient_id
        if "lis-first-patient-for-all" in self.defects:
            patient_id = self.first_patient
        self._note_rerun(order, self._item_of(one))
        if (order["barcode"], self._item_of(one)) in self.rerun:
            order = _other_tube(self.store, order, self.defects)
        row = self._row(one, order["barcode"]) | {"patient_id": patient_id}
        if self._in_other_unit(row):
            self.statements.append(_aside(row, "other unit"))
            return
        versioned = self._versioned(row)
        if versioned is None:
            return
        self.latest[row["barcode"], row["item"]] = versioned
        self.passed_on.setdefault(row["barcode"], (order, []))[1].append(versioned)
        if "lis-takes-name-from-analyzer" in self.defects and one.patient_name:
            renamed = (one.patient_name, patient_id)
            self.statements.append(("UPDATE patients SET name = ? WHERE patient_id = ?", renamed))

    def _in_other_unit(self, row: Row) -> bool:
        """A test that this message brings already, in another unit: the first one stands.

        Where the driver tells several results of a test apart by their aspect, the unit is none.
        """
        if self.driver.aspect_place:
            return False
        first = self.latest.get((row["barcode"], row["item"]))
        if first is None or "lis-takes-other-unit" in self.defects:
            return False
        return bool(first["sent_unit"] != row["sent_unit"])

    def _note_rerun(self, order: Row, item: str) -> None:
        """A wanted re-run has come: the order is as any other again."""
        where = "WHERE barcode = ? AND item = ? AND state = 'rerun'"
        values = (order["barcode"], item)
        if self.store.rows(f"SELECT 1 AS n FROM orders {where}", values):
            self.rerun.add(values)
            self.statements.append((f"UPDATE orders SET state = 'ordered' {where}", values))

    def _row(self, one: Reading, barcode: str) -> Row:
        item = self.driver.channel(one.channel)
        if item is None:
            item = lis_driver.Item(channel=one.channel, item=one.channel)
        unit = item.unit or one.unit
        if "lis-unit-of-other-row" in self.defects and self.driver.items:
            unit = self.driver.items[0].unit
        return {
            "barcode": barcode,
            "item": item.item,
            "value": lis_values.converted(one.value, item, self.driver, self.defects),
            "unit": "" if "lis-drops-unit" in self.defects else unit,
            "flag": one.flag[:1] if "lis-flattens-flags" in self.defects else one.flag,
            "status": _status(one.status, self.defects),
            "tested_at": self.time if "lis-own-time" in self.defects else one.tested_at,
            "instrument": one.instrument,
            "channel": one.channel,
            "sent_value": one.value,
            "sent_unit": one.unit,
            "comment": one.comment,
            "reviewed_by": "",
        }

    def _versioned(self, row: Row) -> Row | None:
        """The row as stored; None for what is stored already, and for what is kept aside.

        Stored already: LIS02-A2 R.9 ``R``, or sent twice.
        """
        last = self._last(row["barcode"], row["item"])
        if last is None:
            return self._insert(row | {"version": 1})
        if "lis-stores-repeats-of-results" not in self.defects:
            same = all(last[name] == row[name] for name in ("value", "unit", "flag", "tested_at"))
            if same and row["status"] in {last["status"], "R"}:
                if "lis-critical-on-repeat" in self.defects:
                    again = row | {"version": last["version"]}
                    self.repeated[row["barcode"], row["item"]] = again
                return None
        if "lis-ignores-corrections" in self.defects and row["status"] == "C":
            return None
        reason = self._reason_aside(row, last)
        if reason:
            self.statements.append(_aside(row, reason))
            return None
        if "lis-second-overwrites" in self.defects:
            row = row | {"version": last["version"]}
            key = "barcode = ? AND item = ? AND version = ?"
            gone = (row["barcode"], row["item"], row["version"])
            self.statements.append((f"DELETE FROM results WHERE {key}", gone))
            return self._insert(row)
        return self._insert(row | {"version": last["version"] + 1})

    def _insert(self, row: Row) -> Row:
        self.statements.append(insert("results", row))
        return row

    def _reason_aside(self, row: Row, last: Row) -> str:
        """Why a further result does not stand; a correction always does (LIS02-A2 R.9 ``C``)."""
        if row["status"] == "C":
            return ""
        if last["reviewed_by"] and "lis-overwrites-reviewed" not in self.defects:
            return "reviewed"
        if last["status"] == "P" or "lis-ignores-repeat-policy" in self.defects:
            return ""
        return {"keep-first": "first kept", "add-rerun": "re-run"}.get(self.driver.repeats, "")

    def _last(self, barcode: str, item: str) -> Row | None:
        if (barcode, item) in self.latest:
            return self.latest[barcode, item]
        rows = self.store.rows(
            "SELECT value, unit, flag, status, tested_at, version, reviewed_by FROM results"
            " WHERE barcode = ? AND item = ? ORDER BY version DESC LIMIT 1",
            (barcode, item),
        )
        return rows[0] if rows else None

    def _order(self, one: Reading) -> Row | None:
        """Any order of this specimen that is not cancelled; no specimen id matches none."""
        if not one.barcode:
            return None
        known = "barcode = ?"
        barcode = lis_flaws_guess.barcode(one.barcode, self.store, self.defects)
        if "lis-cuts-barcode" in self.defects:
            known, barcode = "SUBSTR(barcode, 1, 10) = ?", barcode[:BARCODE_WIDTH_NARROW]
        state = "" if "lis-matches-cancelled" in self.defects else " AND state <> 'cancelled'"
        rows = self.store.rows(
            f"SELECT placer, barcode, patient_id FROM orders WHERE {known}{state} LIMIT 1",
            (barcode,),
        )
        return rows[0] if rows else None

    def attach(self, attached: Attached) -> None:
        """Keep what came beside the results: its size and hash, with the specimen."""
        rows = self.store.rows(
            "SELECT patient_id FROM orders WHERE barcode = ? AND state <> 'cancelled' LIMIT 1",
            (attached.barcode,),
        )
        data = attached.data
        if "lis-cuts-attachments" in self.defects:
            data = data[:ATTACHMENT_BYTES_NARROW]
        row = {
            "barcode": attached.barcode,
            "kind": attached.kind,
            "name": attached.name,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "instrument": attached.instrument,
        }
        known = self.store.rows(
            "SELECT 1 AS n FROM attachments WHERE barcode = ? AND name = ? AND sha256 = ?",
            (row["barcode"], row["name"], row["sha256"]),
        )
        if not known:
            row["patient_id"] = rows[0]["patient_id"] if rows else ""
            self.statements.append(insert("attachments", row))

    def pass_on(self, outbox: Outbox) -> None:
        """An ORU for each specimen, then the start of the 危急值 loop for what is critical."""
        for order, rows in self.passed_on.values():
            self.statements.append(
                pass_on(self.store, outbox, order, rows, self.defects, self.time)
            )
        for row in (self.repeated | self.latest).values():
            self.statements += critical.judged(self.store, row, self.defects, self.time)


def _as_patient(kind: str, defects: set[str]) -> bool:
    """The defects: what belongs to no patient is taken for a patient's."""
    return (
        (kind == "control" and "lis-quality-control-as-patient" in defects)
        or (kind == "calibration" and "lis-calibration-as-patient" in defects)
        or (kind == "background" and "lis-background-as-patient" in defects)
        or (kind == "training" and "lis-training-as-patient" in defects)
    )


def _status(status: str, defects: set[str]) -> str:
    return "F" if "lis-preliminary-as-final" in defects and status == "P" else status


def _other_tube(store_: Store, order: Row, defects: set[str]) -> Row:
    """The defect: a re-run goes to the newest tube of the patient."""
    if "lis-rerun-on-other-tube" not in defects:
        return order
    rows = store_.rows(
        "SELECT placer, barcode, patient_id FROM orders"
        " WHERE patient_id = ? AND barcode <> ? AND state <> 'cancelled' LIMIT 1",
        (order["patient_id"], order["barcode"]),
    )
    return rows[0] if rows else order


def _quality_control(one: Reading, item: str, lot: str) -> Statement:
    row = {name: getattr(one, name) for name in ("value", "unit", "tested_at", "instrument")}
    return insert("quality_control", {"lot": lot, "item": item, "kind": one.kind} | row)


def _aside(row: Row, reason: str) -> Statement:
    names = ("barcode", "patient_id", "item", "value", "unit", "flag", "status", "tested_at",
             "instrument")  # fmt: skip
    return insert("reruns", {name: row[name] for name in names} | {"reason": reason})


def pass_on(
    store_: Store,
    outbox: Outbox,
    order: Row,
    rows: Sequence[Row],
    defects: set[str],
    time: str,
) -> Statement:
    """The ORU of one specimen, put aside for sending."""
    barcode = order["barcode"]
    patient = patient_of(store_, order["patient_id"])
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
    return lis_flaws_guess.routed(outbox.put(control_id, "ORU^R01", barcode, payload), defects)
