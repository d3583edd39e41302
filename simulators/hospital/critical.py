"""The 危急值 loop as the LIS drives it: detected, rechecked, notified, received, handled, closed.

One row of ``critical_event`` an event, with the time of every step, and one line of
``critical_log`` a step. The HIS is told by ORU^R40 and answers by ORA^R41 with a segment ZCV of our
own dialect: ZCV-1 event, 2 state, 3 level or person, 4 recipient or time, 5 escalation or note.
Without rules nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import build
from simulators.hospital import critical_rules, messages
from simulators.hospital.inbox import Refusal
from simulators.hospital.lis_people import patient_of
from simulators.hospital.outbox import Statement
from simulators.store import Store, insert

RECIPIENTS: Final = ("nurse-station", "charge-nurse", "duty-doctor", "medical-office")
"""Whom the first notification and each escalation goes to."""

OPEN: Final = "('rechecking', 'sent', 'notified', 'escalated', 'received')"
"""States of an event that is not over."""

DUE_MAX: Final = 200
"""Events that one turn looks at; the next turn comes at once."""

Row = dict[str, Any]


# -- detection -------------------------------------------------------------------------------------


def judged(store: Store, row: Row, defects: set[str], time: str) -> list[Statement]:
    """What a stored result means for the loop: nothing, a new event, or the end of an open one."""
    patient = patient_of(store, row["patient_id"])
    rule = critical_rules.rule_of(store, row["item"], patient, time, defects)
    if rule is None or row["status"] == "P":
        return []
    judged_row = row
    if "lis-critical-before-conversion" in defects:
        judged_row = row | {"value": row.get("sent_value") or row["value"]}
    level = critical_rules.level(judged_row, rule, defects)
    rows = store.rows(
        f"SELECT * FROM critical_event WHERE barcode = ? AND item = ? AND state IN {OPEN}"
        " ORDER BY version DESC LIMIT 1",
        (row["barcode"], row["item"]),
    )
    before = rows[0] if rows else None
    if before is None and not level:
        return []
    if before is None:
        return _detected(store, row, rule, level, defects, time)
    if before["state"] == "rechecking":
        return _rechecked(store, before, row, level, defects, time)
    if level and before["value"] == row["value"]:
        if "lis-critical-on-repeat" in defects:
            return _detected(store, row, rule, level, defects, time)
        return []
    if not level and "lis-correction-keeps-alarm" in defects:
        return []
    ended = _over(store, before, "superseded" if level else "corrected", time)
    if level:
        return [*ended, *_detected(store, row, rule, level, defects, time)]
    return ended


def _detected(
    store: Store, row: Row, rule: Row, level: str, defects: set[str], time: str
) -> list[Statement]:
    found = store.rows(
        "SELECT COUNT(*) AS n FROM critical_event WHERE barcode = ? AND item = ?",
        (row["barcode"], row["item"]),
    )
    event: Row = {name: row[name] for name in ("barcode", "patient_id", "item", "value", "unit")}
    event |= {"id": f"{row['barcode']}-{row['item']}-{found[0]['n'] + 1}", "level": level,
              "version": row["version"], "state": "rechecking", "reason": "", "control_id": "",
              "escalations": 0, "detected_at": time}  # fmt: skip
    empty = ("rechecked_at", "notified_at", "received_at", "received_by", "escalated_at",
             "handled_at", "handled_by", "note", "closed_at", "due_at")  # fmt: skip
    event |= dict.fromkeys(empty, "")
    if rule["recheck"]:
        wanted = (row["barcode"], row["item"])
        return [
            insert("critical_event", event),
            _log(event, "detected", time),
            ("UPDATE orders SET state = 'rerun' WHERE barcode = ? AND item = ?", wanted),
        ]
    sent = _alert(store, event, "active", time)
    due = _later(time, critical_rules.minutes(store, "receive"))
    event |= {"state": "sent", "control_id": sent[0], "due_at": due}
    statements = [insert("critical_event", event), _log(event, "detected", time)]
    if "lis-critical-not-notified" not in defects:
        statements.append(sent[1])
    return statements


def _rechecked(
    store: Store, event: Row, row: Row, level: str, defects: set[str], time: str
) -> list[Statement]:
    """The second value confirms the first, or refutes it."""
    if not level:
        sql = (
            "UPDATE critical_event SET state = 'refuted', reason = ?, rechecked_at = ?,"
            " closed_at = ? WHERE id = ?"
        )
        closed = (sql, (f"recheck {row['value']}", time, time, event["id"]))
        return [closed, _log(event, "refuted", time)]
    control_id, sent = _alert(store, event | {"value": row["value"]}, "active", time)
    sql = (
        "UPDATE critical_event SET state = 'sent', control_id = ?, rechecked_at = ?, value = ?,"
        " version = ?, due_at = ? WHERE id = ?"
    )
    due = _later(time, critical_rules.minutes(store, "receive"))
    values = (control_id, time, row["value"], row["version"], due, event["id"])
    statements = [(sql, values), _log(event, "rechecked", time)]
    if "lis-critical-not-notified" not in defects:
        statements.append(sent)
    return statements


def _over(store: Store, event: Row, reason: str, time: str) -> list[Statement]:
    """An open event ends because the value no longer stands; the HIS is told."""
    _, sent = _alert(store, event, "cancelled", time)
    sql = (
        "UPDATE critical_event SET state = 'cancelled', reason = ?, closed_at = ?, due_at = ''"
        " WHERE id = ?"
    )
    return [(sql, (reason, time, event["id"])), _log(event, "cancelled", time, text=reason), sent]


# -- messages --------------------------------------------------------------------------------------


def _alert(
    store: Store, event: Row, state: str, time: str, escalation: int = 0
) -> tuple[str, Statement]:
    """An ORU^R40 to the HIS, put aside for sending, and its control id."""
    control_id = messages.control_id("C", event["id"], state, escalation)
    patient = patient_of(store, event["patient_id"])
    result = {name: event[name] for name in ("item", "value", "unit")}
    result |= {"flag": event["level"], "status": "F", "tested_at": event["detected_at"]}
    recipient = RECIPIENTS[min(escalation, len(RECIPIENTS) - 1)]
    payload = build(
        [
            messages.header("LIS", "HIS", "ORU^R40", "ORU_R40", control_id=control_id, time=time),
            messages.patient(patient),
            messages.visit(patient),
            ["OBR", "1", None, event["barcode"], ["CRITICAL"]],
            messages.observation(1, result),
            ["ZCV", event["id"], state, event["level"], recipient, str(escalation)],
        ],
        encoding=messages.CODEC,
    )
    row = {"control_id": control_id, "kind": "ORU^R40", "subject": event["id"],
           "payload": payload.hex(), "state": "pending", "tries": 0}  # fmt: skip
    return control_id, insert("outbox", row)


def answered(store: Store, message: Hl7Message, time: str) -> list[Statement]:
    """What the HIS says of an event: ORA^R41 with ZCV state ``received`` or ``handled``.

    Raises:
        Refusal: it names no event of ours, or no step.
    """
    ident, step = message.get("ZCV-1") or "", message.get("ZCV-2") or ""
    who, note = message.get("ZCV-3") or "", message.get("ZCV-5") or ""
    rows = store.rows("SELECT * FROM critical_event WHERE id = ?", (ident,))
    if not rows:
        raise Refusal("AE", "204", f"no critical event {ident}")
    event = rows[0]
    if step not in {"received", "handled"}:
        raise Refusal("AE", "103", f"ZCV-2 {step} is not supported")
    if event["state"] in {"cancelled", "refuted", "closed"} or event[f"{step}_at"]:
        return [_log(event, f"{step}-again", time, who=who)]
    if step == "received":
        taken = _seconds(event["notified_at"] or event["detected_at"], time)
        due = _later(time, critical_rules.minutes(store, "handle"))
        sql = (
            "UPDATE critical_event SET state = 'received', received_at = ?, received_by = ?,"
            " receive_s = ?, due_at = ? WHERE id = ?"
        )
        return [(sql, (time, who, taken, due, ident)), _log(event, step, time, who=who)]
    sql = (
        "UPDATE critical_event SET state = 'closed', handled_at = ?, handled_by = ?, note = ?,"
        " handle_s = ?, closed_at = ?, due_at = '' WHERE id = ?"
    )
    taken = _seconds(event["received_at"] or event["detected_at"], time)
    return [
        (sql, (time, who, note, taken, time, ident)),
        _log(event, step, time, who=who, text=note),
        _log(event, "closed", time),
    ]


# -- time ------------------------------------------------------------------------------------------


def turn(store: Store, defects: set[str], time: str) -> list[Statement]:
    """What became of notifications, and which limits ran out."""
    statements: list[Statement] = []
    for event in _noticed(store):
        sql = "UPDATE critical_event SET state = ?, notified_at = ?, notify_s = ? WHERE id = ?"
        state = "notified" if event["state"] == "sent" else event["state"]
        taken = _seconds(event["detected_at"], time)
        statements.append((sql, (state, time, taken, event["id"])))
        statements.append(_log(event, "notified", time, who=RECIPIENTS[0]))
    late = store.rows(
        f"SELECT * FROM critical_event WHERE state IN {OPEN} AND due_at <> '' AND due_at <= ?"
        " ORDER BY id LIMIT ?",
        (time, DUE_MAX),
    )
    for event in late:
        statements += _late(store, event, defects, time)
    return statements


def _noticed(store: Store) -> list[Row]:
    """Events whose first message the HIS has accepted since."""
    return store.rows(
        "SELECT e.* FROM critical_event AS e JOIN outbox AS o ON o.control_id = e.control_id"
        " WHERE e.notified_at = '' AND e.control_id <> '' AND o.state = 'accepted'"
        f" AND e.state IN {OPEN} ORDER BY e.id LIMIT ?",
        (DUE_MAX,),
    )


def _late(store: Store, event: Row, defects: set[str], time: str) -> list[Statement]:
    if event["state"] == "received":
        sql = "UPDATE critical_event SET due_at = '' WHERE id = ?"
        return [(sql, (event["id"],)), _log(event, "handling-overdue", time)]
    number = event["escalations"] + 1
    if number >= len(RECIPIENTS) or "lis-no-escalation" in defects:
        sql = "UPDATE critical_event SET due_at = '' WHERE id = ?"
        if "lis-no-escalation" in defects:
            return [(sql, (event["id"],))]
        return [(sql, (event["id"],)), _log(event, "nobody-answers", time)]
    _, sent = _alert(store, event, "active", time, number)
    sql = (
        "UPDATE critical_event SET state = 'escalated', escalations = ?, escalated_at = ?,"
        " due_at = ? WHERE id = ?"
    )
    due = _later(time, critical_rules.minutes(store, "receive"))
    first = event["escalated_at"] or time
    return [
        (sql, (number, first, due, event["id"])),
        _log(event, "escalated", time, who=RECIPIENTS[number]),
        sent,
    ]


def wait_s(store: Store, time: str) -> float | None:
    """Seconds until the next limit runs out; 0 if a turn is due; None if nothing is open."""
    if _noticed(store):
        return 0.0
    rows = store.rows(
        f"SELECT MIN(due_at) AS due FROM critical_event WHERE state IN {OPEN} AND due_at <> ''"
    )
    due = rows[0]["due"]
    return None if not due else float(max(0, _seconds(time, due)))


def _log(event: Row, step: str, time: str, *, who: str = "", text: str = "") -> Statement:
    row = {"event": event["id"], "step": step, "at": time, "who": who, "text": text}
    return insert("critical_log", row)


def _read(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)  # only subtracted


def _later(stamp: str, minutes: int) -> str:
    return messages.stamp(_read(stamp) + timedelta(minutes=minutes))


def _seconds(begin: str, end: str) -> int:
    return int((_read(end) - _read(begin)).total_seconds())


# -- indicators ------------------------------------------------------------------------------------

INDICATORS_SQL: Final = """
SELECT COUNT(*) AS due,
  COALESCE(SUM(CASE WHEN notified_at <> '' THEN 1 ELSE 0 END), 0) AS notified,
  COALESCE(SUM(CASE WHEN notified_at <> '' AND notify_s <= 60 *
    COALESCE((SELECT minutes FROM critical_setting WHERE name = 'notify'), 10)
    THEN 1 ELSE 0 END), 0) AS timely,
  COALESCE(SUM(CASE WHEN received_at <> '' THEN 1 ELSE 0 END), 0) AS received,
  COALESCE(SUM(CASE WHEN handled_at <> '' THEN 1 ELSE 0 END), 0) AS handled
FROM critical_event WHERE state <> 'refuted' AND state <> 'rechecking'"""
"""The counts behind the national indicators of 2015.

危急值通报率 is notified / due, 危急值通报及时率 is timely / due. Which minutes count as timely is
the site's; what a recheck refuted was never due.
"""


def indicators(rows: Sequence[Row]) -> dict[str, str]:
    """The two rates in percent with two places, from the one row of ``INDICATORS_SQL``.

    >>> indicators([{"due": 3, "notified": 2, "timely": 1}])
    {'notified_percent': '66.67', 'timely_percent': '33.33'}
    """
    due = int(rows[0]["due"])
    return {
        f"{name}_percent": "" if not due else _percent(int(rows[0][name]), due)
        for name in ("notified", "timely")
    }


def _percent(part: int, whole: int) -> str:
    hundredths = (part * 20_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
