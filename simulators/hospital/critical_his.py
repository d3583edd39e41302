"""The HIS's part in the 危急值 loop: an alert in, a doctor's receipt and handling out.

The LIS tells by ORU^R40 which event it is about (ZCV-1); what a doctor does goes back by ORA^R41.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import InputError
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import build
from simulators.hospital import adt, messages
from simulators.hospital.inbox import Refusal
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

Row = dict[str, Any]


def alerted(message: Hl7Message, store: Store) -> list[Statement]:
    """The statements of one ORU^R40: a new alarm, a further recipient, or the end of one.

    An alarm that the result itself raised is the same alarm; it only learns its event.

    Raises:
        Refusal: it does not say whom, what or which event.
    """
    patient_id = adt.identifier(message, "PatientNO")
    barcode, item = message.get("OBR-3") or "", message.get("OBX-3.1") or ""
    event, state = message.get("ZCV-1") or "", message.get("ZCV-2") or ""
    if not (patient_id and barcode and item and event):
        raise Refusal("AE", "101", "an alert needs PID-3, OBR-3, OBX-3 and ZCV-1")
    if state == "cancelled":
        return [("UPDATE alarms SET state = 'cancelled' WHERE alert = ?", (event,))]
    told = (message.get("ZCV-4") or "", int(message.get("ZCV-5") or 0))
    if store.rows("SELECT 1 AS n FROM alarms WHERE alert = ?", (event,)):
        return [("UPDATE alarms SET recipient = ?, escalation = ? WHERE alert = ?", (*told, event))]
    value = message.get("OBX-5") or ""
    rows = store.rows(
        "SELECT id FROM alarms WHERE barcode = ? AND item = ? AND value = ?"
        " AND COALESCE(alert, '') = '' ORDER BY id DESC LIMIT 1",
        (barcode, item, value),
    )
    if rows:
        sql = "UPDATE alarms SET alert = ?, recipient = ?, escalation = ? WHERE id = ?"
        return [(sql, (event, *told, rows[0]["id"]))]
    found = store.rows("SELECT ward FROM patients WHERE patient_id = ?", (patient_id,))
    alarm = {
        "barcode": barcode,
        "patient_id": patient_id,
        "item": item,
        "value": value,
        "level": message.get("ZCV-3") or "",
        "state": "notified",
        "ward": found[0]["ward"] if found else message.get("PV1-3.1") or "",
        "acknowledged_by": "",
        "alert": event,
        "recipient": told[0],
        "escalation": told[1],
    }
    return [insert("alarms", alarm)]


def received(store: Store, outbox: Outbox, args: Mapping[str, str], time: str) -> list[Statement]:
    """A doctor confirms a critical value; the LIS hears of it where it asked."""
    where = "WHERE barcode = ? AND item = ? AND state = 'notified'"
    key = (args["barcode"], args["item"])
    rows = store.rows(f"SELECT * FROM alarms {where}", key)
    sql = f"UPDATE alarms SET state = 'acknowledged', acknowledged_by = ? {where}"
    return [(sql, (args["by"], *key)), *_tell(outbox, rows, "received", args["by"], "", time)]


def handled(store: Store, outbox: Outbox, args: Mapping[str, str], time: str) -> list[Statement]:
    """A doctor has done something about a critical value.

    Raises:
        InputError: nobody confirmed it, or there is none.
    """
    where = "WHERE barcode = ? AND item = ? AND state = 'acknowledged'"
    key = (args["barcode"], args["item"])
    rows = store.rows(f"SELECT * FROM alarms {where}", key)
    if not rows:
        raise InputError(f"no confirmed alarm {args['barcode']} {args['item']}")
    note = args.get("note", "")
    sql = f"UPDATE alarms SET state = 'handled', handled_by = ?, note = ? {where}"
    return [
        (sql, (args["by"], note, *key)),
        *_tell(outbox, rows, "handled", args["by"], note, time),
    ]


def _tell(
    outbox: Outbox, rows: list[Row], step: str, who: str, note: str, time: str
) -> list[Statement]:
    """An ORA^R41 for each alarm that the LIS asked about."""
    return [_message(outbox, row, step, who, note, time) for row in rows if row["alert"]]


def _message(outbox: Outbox, row: Row, step: str, who: str, note: str, time: str) -> Statement:
    control_id = messages.control_id("V", row["alert"], step, time)
    payload = build(
        [
            messages.header("HIS", "LIS", "ORA^R41", "ORA_R41", control_id=control_id, time=time),
            ["PID", "1", None, [row["patient_id"], "", "", "", "PatientNO"]],
            ["OBR", "1", None, row["barcode"], [row["item"]]],
            ["ZCV", row["alert"], step, who, time, note],
        ],
        encoding=messages.CODEC,
    )
    return outbox.put(control_id, "ORA^R41", row["alert"], payload)
