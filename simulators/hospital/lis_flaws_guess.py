"""Defects of the LIS in finding whose a result is, and in what it has after a restart.

Each function here is the clean behaviour where none of its defects is on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from harness.wire.hl7 import Hl7Message
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_reading import Reading
from simulators.hospital.outbox import Statement
from simulators.store import Store

FLOOD: Final = 5
"""Copies of one download under the defect ``lis-floods-after-timeout``."""

TABLE_0211: Final = frozenset({"", "ASCII", "8859/1", "UNICODE UTF-8", "GB 18030-2000"})
"""Spellings of MSH-18 that the defect ``lis-knows-listed-charsets`` knows."""

SHORT_MAX: Final = 6
"""Longer numbers are no sample numbers of the day under the defect ``lis-matches-endings``."""

_UNREAD = re.compile(r"[@*?#]\d*")


def barcode(ident: str, store: Store, defects: set[str]) -> str:
    """The specimen id that a result is matched by."""
    if "lis-matches-typed-name" in defects:
        found = store.rows(
            "SELECT o.barcode FROM orders AS o JOIN patients AS p ON p.patient_id = o.patient_id"
            " WHERE p.name = ? ORDER BY o.barcode LIMIT 1",
            (ident,),
        )
        ident = _first(found, ident)
    if "lis-matches-unread" in defects and _UNREAD.fullmatch(ident):
        found = store.rows(
            "SELECT barcode FROM orders WHERE state = 'ordered' ORDER BY rowid DESC LIMIT 1"
        )
        ident = _first(found, ident)
    if "lis-matches-endings" in defects and ident and len(ident) <= SHORT_MAX:
        found = store.rows(
            "SELECT barcode FROM orders WHERE SUBSTR(barcode, ?) = ? ORDER BY barcode LIMIT 1",
            (-len(ident), ident),
        )
        ident = _first(found, ident)
    return ident


def _first(rows: list[dict[str, Any]], ident: str) -> str:
    return str(rows[0]["barcode"]) if rows else ident


def driver(known: Driver, defects: set[str]) -> Driver:
    """The driver as far as ids and values go."""
    if "lis-ignores-aliquot-suffix" in defects:
        known = replace(known, id_suffix="")
    if "lis-keeps-two-values" in defects:
        known = replace(known, value_place="4")
    return known


def lot(one: Reading, item: str, store: Store, defects: set[str]) -> str:
    """The lot that a control is stored under."""
    if "lis-first-lot-for-all" not in defects or one.kind != "control":
        return one.barcode
    rows = store.rows(
        "SELECT lot FROM quality_control WHERE kind = 'control' AND item = ?"
        " AND instrument = ? ORDER BY id LIMIT 1",
        (item, one.instrument),
    )
    return str(rows[0]["lot"]) if rows else one.barcode


def ordered(statements: list[Statement], defects: set[str]) -> list[Statement]:
    """What an order does to the results that came before it: nothing, a person looks at them."""
    if "lis-order-clears-unmatched" not in defects:
        return statements
    sql = "DELETE FROM unmatched WHERE barcode IN (SELECT barcode FROM orders)"
    return [*statements, (sql, ())]


def routed(statement: Statement, defects: set[str]) -> Statement:
    """A message for the HIS as it is put aside for sending."""
    if "lis-routes-nowhere" not in defects:
        return statement
    sql, values = statement
    return sql, ["no route" if value == "pending" else value for value in values]


def declared(payload: bytes, defects: set[str]) -> bytes:
    """An HL7 message as the LIS reads it: whatever MSH-18 calls its character set."""
    if "lis-knows-listed-charsets" not in defects:
        return payload
    if (Hl7Message.parse(payload).get("MSH-18[1]") or "") in TABLE_0211:
        return payload
    return payload.decode("latin-1").encode("utf-8")
