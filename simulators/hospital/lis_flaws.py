"""Defects of the LIS at its edges: the link, the text of a message, what a reading becomes.

Each function here is the clean behaviour where none of its defects is on. What they do in the
middle of the LIS stands where it happens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.wire.astm_link import AstmLinkConfig, InterruptPolicy, MessageIncomplete
from simulators.hospital import lis_driver
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_reading import Reading, Readings
from simulators.hospital.outbox import Statement
from simulators.store import Store

TESTS_NARROW: Final = 5
"""Tests of one order that are left under the defect ``lis-cuts-long-orders``."""

BURST_S: Final = 0.005
"""A message that follows so soon is lost under the defect ``lis-loses-bursts``."""

_SIGNS: Final = b"|\\^&"


def link_config(config: AstmLinkConfig, defects: set[str]) -> AstmLinkConfig:
    """How the LIS keeps the link."""
    if "lis-ignores-checksums" in defects:
        config = replace(config, check_checksum=False)
    if "lis-ignores-frame-numbers" in defects:
        config = replace(config, check_numbers=False)
    if "lis-gives-up-when-refused" in defects:
        config = replace(config, transmissions_max=1)
    if "lis-calls-once" in defects:
        config = replace(config, bids_max=1)
    if "lis-ignores-middle-checksums" in defects:
        config = replace(config, check_middle_checksum=False)
    if "lis-ignores-interrupt" in defects:
        config = replace(config, on_interrupt=InterruptPolicy.IGNORE)
    if "lis-does-not-yield" in defects:
        config = replace(config, timers=replace(config.timers, contention_host_s=0.0))
    return config


def half_message(event: MessageIncomplete, defects: set[str]) -> bytes:
    """The beginning of a message that is taken in all the same; empty as a rule."""
    taken = (
        (event.reason == "timeout" and "lis-stores-after-timeout" in defects)
        or (event.reason == "restarted" and "lis-stores-after-new-call" in defects)
        or (event.reason == "connection-lost" and "lis-stores-after-break" in defects)
    )
    return event.data if taken and b"\rR|" in event.data else b""


def payload(data: bytes, defects: set[str]) -> bytes:
    """A message as the LIS reads it."""
    if "lis-fixed-delimiters" in defects:
        data = data[:1] + _SIGNS + data[5:]
    if "lis-seven-bits" in defects:
        data = bytes(byte & 0x7F for byte in data)
    return data


def encoding(data: bytes, known: str, defects: set[str]) -> str:
    """The character set that a message is read in."""
    if "lis-guesses-utf-8" in defects and not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return known
        return "utf-8"
    return known


def readings(found: Readings, defects: set[str]) -> Readings:
    """What the LIS makes of what it read."""
    found.results = [_reading(one, defects) for one in found.results]
    return found


def _reading(one: Reading, defects: set[str]) -> Reading:
    if "lis-keeps-escapes" in defects:
        value = one.value.replace("&", "&E&").replace("|", "&F&").replace("^", "&S&")
        one = replace(one, value=value)
    if "lis-rewrites-powers" in defects:
        one = replace(one, unit=one.unit.replace("10*", "10^"))
    if "lis-flips-positive" in defects and one.flag == "A":
        one = replace(one, flag="N")
    if "lis-swaps-day-and-month" in defects:
        time = one.tested_at
        one = replace(one, tested_at=time[:4] + time[6:8] + time[4:6] + time[8:])
    if "lis-nameless-as-control" in defects and not one.patient_name and one.kind == "patient":
        one = replace(one, kind="control")
    return one


def mixed_up(found: Readings, store: Store, defects: set[str]) -> Readings:
    """Defects: one analyzer for all at the port; results before their O go to the last tube."""
    if "lis-keeps-last-specimen" in defects:
        last = store.rows("SELECT barcode FROM results ORDER BY id DESC LIMIT 1")
        barcode = last[0]["barcode"] if last else ""
        found.results = [replace(one, barcode=one.barcode or barcode) for one in found.results]
    if "lis-first-analyzer-for-all" in defects:
        rows = store.rows("SELECT instrument FROM results ORDER BY id LIMIT 1")
        if rows:
            first = rows[0]["instrument"]
            found.results = [replace(one, instrument=first) for one in found.results]
    return found


def driver(sender: str, store: Store, defects: set[str]) -> Driver | None:
    """The driver for a sender; None where its results are not taken in at all."""
    known = lis_driver.load(store, sender)
    rows = store.rows("SELECT sender FROM analyzer_driver ORDER BY rowid")
    senders = [row["sender"] for row in rows]
    if "lis-drops-unknown-senders" in defects and senders and sender not in senders:
        return None
    if "lis-first-map-for-all" in defects and senders:
        return replace(known, items=lis_driver.load(store, senders[0]).items)
    return known


def wiped(found: Readings, defects: set[str]) -> list[Statement]:
    """The defect: a name that an analyzer leaves empty deletes the registered one."""
    if "lis-empty-name-wipes" not in defects:
        return []
    barcodes = {one.barcode for one in found.results if not one.patient_name}
    sql = (
        "UPDATE patients SET name = '' WHERE patient_id IN"
        " (SELECT patient_id FROM orders WHERE barcode = ?)"
    )
    return [(sql, (barcode,)) for barcode in sorted(barcodes)]
