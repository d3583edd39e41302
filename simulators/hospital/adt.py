"""What the built-in LIS makes of admissions, updates, merges and orders."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from harness.wire.hl7 import NULL, Hl7Message
from simulators.hospital.inbox import Refusal, Statement
from simulators.store import Store, upsert

FIELDS = {
    "name": "PID-5.1",
    "sex": "PID-8",
    "birth": "PID-7",
    "phone": "PID-13",
    "ward": "PV1-3.1",
    "bed": "PV1-3.3",
}
"""Columns of ``patients`` and where the dialect has them."""

STATES = {"A01": "admitted", "A03": "discharged", "A04": "registered", "A13": "admitted"}

IDENTIFIERS_MAX = 50
"""Repetitions of PID-3 that are looked at: a person has a handful of numbers."""

KNOWN = frozenset({"A01", "A02", "A03", "A04", "A08", "A13", "A40"})


STATUSES = {"NW": frozenset({"", "SC", "IP"}), "CA": frozenset({"", "CA"})}
"""Order controls that the site agreed on, each with the states in ORC-5 that do not gainsay it
(HL7 2.4 tables 0119 and 0038)."""

_ZONE = re.compile(r"(\d{8})(\d{4,6})?(?:\.\d+)?([+-])(\d{2})(\d{2})")
_BEIJING = timedelta(hours=8)


def apply(message: Hl7Message, store: Store, defects: set[str], prefix: str) -> list[Statement]:
    """The statements of one ADT message."""
    event = message.get("MSH-9.2") or ""
    if event not in KNOWN:
        if f"{prefix}-accepts-unknown-types" in defects:
            return []
        raise Refusal("AR", "201", f"unsupported event {event}")
    patient_id = identifier(message, "PatientNO")
    if f"{prefix}-first-identifier" in defects:
        patient_id = message.get("PID-3[1].1") or ""
    if not patient_id:
        raise Refusal("AE", "101", "PID-3 has no PatientNO")
    if event == "A40":
        return _merge(message, store, patient_id, defects, prefix)
    if retired(store, patient_id) and f"{prefix}-retired-number-lives" not in defects:
        raise Refusal("AE", "204", f"{patient_id} was merged into another number")
    row: dict[str, Any] = {"patient_id": patient_id}
    id_card = identifier(message, "IdentifyNO")
    if id_card or f"{prefix}-empty-component-counts" in defects:
        row["id_card"] = id_card
    for column, path in FIELDS.items():
        value = message.get(path)
        if column == "birth":
            value = _day(value, defects, prefix)
        if column == "phone" and f"{prefix}-phone-from-next-field" in defects:
            value = message.get("PID-14") or value
        if value == NULL and not defects & {f"{prefix}-ignores-null", f"{prefix}-stores-null"}:
            row[column] = ""
        elif value and (value != NULL or f"{prefix}-stores-null" in defects):
            row[column] = value
        elif value == "" and f"{prefix}-empty-deletes" in defects:
            row[column] = ""
    if event == "A02" and f"{prefix}-ignores-transfer" in defects:
        row.pop("ward", None)
        row.pop("bed", None)
    if event in STATES:
        row["state"] = STATES[event]
    return [upsert("patients", ["patient_id"], row)]


def identifier(message: Hl7Message, kind: str) -> str:
    """The repetition of PID-3 with that type code."""
    for repetition in range(1, IDENTIFIERS_MAX + 1):
        value = message.get(f"PID-3[{repetition}].1")
        if value is None:
            break
        if message.get(f"PID-3[{repetition}].5") == kind:
            return "" if value == NULL else value
    return ""


def _day(value: str | None, defects: set[str], prefix: str) -> str | None:
    """PID-7 as the day that it names; a time and a zone behind it do not move a day of birth."""
    found = _ZONE.fullmatch(value or "")
    if found and f"{prefix}-moves-birth-by-zone" in defects:
        day, time, sign, hours, minutes = found.groups(default="")
        moment = datetime.strptime(day + time.ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - a zone comes next
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
        return (moment - offset + _BEIJING).strftime("%Y%m%d")
    return value[:8] if value and value[:8].isdecimal() else value


def retired(store: Store, patient_id: str) -> bool:
    """Whether the number lives on under another one."""
    sql = "SELECT 1 AS n FROM patients WHERE patient_id = ? AND state = 'merged'"
    return bool(store.rows(sql, (patient_id,)))


def _merge(
    message: Hl7Message, store: Store, survivor: str, defects: set[str], prefix: str
) -> list[Statement]:
    """HL7 2.4 §3.3.40: what the retired number had lives on under the survivor.

    A survivor that was retired before comes back where the other number is in use: the merge was
    the wrong way round, and this one undoes it. Two retired numbers have nothing to merge.
    """
    old = message.get("MRG-1.1") or ""
    itself = old == survivor and f"{prefix}-merges-with-itself" not in defects
    if not old or itself:
        raise Refusal("AE", "204", "MRG-1 names nobody to merge")
    back = retired(store, survivor)
    if back and retired(store, old):
        raise Refusal("AE", "204", f"{old} and {survivor} were merged into others before")
    tables: tuple[str, ...] = ("orders", "results")
    if f"{prefix}-merge-forgets-orders" in defects:
        tables = ("results",)
    if f"{prefix}-merge-forgets-results" in defects:
        tables = ("orders",)
    statements: list[Statement] = [
        (f"UPDATE {table} SET patient_id = ? WHERE patient_id = ?", (survivor, old))
        for table in tables
    ]
    if back and f"{prefix}-merge-cannot-be-undone" not in defects:
        state = store.rows("SELECT state FROM patients WHERE patient_id = ?", (old,))
        again = state[0]["state"] if state else "registered"
        sql = "UPDATE patients SET state = ? WHERE patient_id = ?"
        statements.append((sql, (again, survivor)))
    statements.append(("UPDATE patients SET state = 'merged' WHERE patient_id = ?", (old,)))
    return statements


def apply_order(message: Hl7Message, store: Store, defects: set[str]) -> list[Statement]:
    """The statements of one OML^O21: new orders and cancellations."""
    patient_id = identifier(message, "PatientNO")
    count = message.count("OBR")  # at most ``inbox.BLOCKS_MAX``
    if not patient_id or not count:
        raise Refusal("AE", "101", "an order needs PID-3 and OBR")
    if retired(store, patient_id) and "lis-retired-number-lives" not in defects:
        raise Refusal("AE", "204", f"{patient_id} was merged into another number")
    statements: list[Statement] = []
    for number in range(1, count + 1):
        control = message.get(f"ORC[{number}]-1") or ""
        placer = message.get(f"OBR[{number}]-2") or ""
        item = message.get(f"OBR[{number}]-4.1") or ""
        status = message.get(f"ORC[{number}]-5") or ""
        if control not in STATUSES:
            raise Refusal("AE", "103", f"ORC-1 {control} is not supported")
        if status not in STATUSES[control] and "lis-ignores-order-status" not in defects:
            raise Refusal("AE", "103", f"ORC-5 {status} gainsays ORC-1 {control}")
        if not placer or not item:
            raise Refusal("AE", "101", "an order needs OBR-2 and OBR-4")
        if control == "CA":
            statements.append(_cancel(placer, item, store, defects))
        else:
            row = {
                "placer": placer,
                "barcode": message.get(f"OBR[{number}]-3") or "",
                "patient_id": patient_id,
                "item": item,
                "priority": message.get(f"OBR[{number}]-5.1") or "",
                "state": "ordered",
            }
            statements.append(upsert("orders", ["placer", "item"], row))
    if "lis-first-order-only" in defects:
        return statements[:1]
    return statements


def _cancel(placer: str, item: str, store: Store, defects: set[str]) -> Statement:
    known = store.rows("SELECT 1 AS n FROM orders WHERE placer = ? AND item = ?", (placer, item))
    if not known:
        raise Refusal("AE", "204", f"no order {placer} {item}")
    state = "ordered" if "lis-ignores-cancel" in defects else "cancelled"
    return "UPDATE orders SET state = ? WHERE placer = ? AND item = ?", (state, placer, item)
