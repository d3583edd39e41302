"""Defects of the LIS at its edges: the link, the text of a message, what a reading becomes.

Each function here is the clean behaviour where none of its defects is on. What they do in the
middle of the LIS stands where it happens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.wire.astm_link import AstmLinkConfig, MessageIncomplete
from simulators.hospital.lis_reading import Reading, Readings
from simulators.hospital.outbox import Statement

TESTS_NARROW: Final = 5
"""Tests of one order that are left under the defect ``lis-cuts-long-orders``."""

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
    return config


def half_message(event: MessageIncomplete, defects: set[str]) -> bytes:
    """The beginning of a message that is taken in all the same; empty as a rule."""
    late = event.reason == "timeout"
    wanted = "lis-stores-after-timeout" if late else "lis-stores-after-break"
    if wanted not in defects or b"\rR|" not in event.data:
        return b""
    return event.data


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
    if "lis-nameless-as-control" in defects and not one.patient_name and one.kind == "patient":
        one = replace(one, kind="control")
    return one


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
