"""Fault classes about ids that are none, and about one test that comes with two readings.

Each function looks for one row of the fault catalogue; ``wire_classes.py`` says which.
"""

from __future__ import annotations

import re
from typing import Final

from harness.evidence.line import unpack
from harness.selfcheck.wire_story import ANALYZER, ASTM_LINK, Result, Story

SHORT_CHARS: Final = 6
"""A number of so few characters is the sample number of a day, not a specimen id."""

LISTED: Final = frozenset({"", "ASCII", "8859/1", "UNICODE UTF-8", "GB 18030-2000"})
"""Names of character sets that table 0211 has, of those that are met."""

_UNREAD = re.compile(r"[@*?#]+\d*")


def typed_id(result: Result) -> bool:
    """Something that a person typed: letters beyond ASCII, or blanks inside."""
    return not result.specimen.isascii() or " " in result.specimen.strip()


def unread_id(result: Result) -> bool:
    """What an instrument writes where it could not read the label."""
    return _UNREAD.fullmatch(result.specimen) is not None


def short_id(story: Story) -> bool:
    """A short id that the id of an ordered specimen ends with."""
    return any(
        0 < len(result.specimen) <= SHORT_CHARS
        and any(one.endswith(result.specimen) for one in story.orders)
        for result in story.results
    )


def aliquot(story: Story) -> bool:
    """An ordered specimen id with something behind it."""
    return any(
        result.specimen.startswith(one) and result.specimen != one
        for result in story.results
        for one in story.orders
    )


def two_values(result: Result) -> bool:
    """R.4 has two components that are not empty."""
    return sum(bool(part.strip()) for part in result.record.components(4)) > 1


def two_units(story: Story) -> bool:
    """One test of one specimen in two units, in one message."""
    for one in story.uploads:
        units: dict[tuple[str, str], str] = {}
        for result in one.results:
            unit = result.text("5")
            if units.setdefault((result.specimen, result.code), unit) != unit:
                return True
    return False


def two_lots(story: Story) -> bool:
    """One control test of one instrument under two lots."""
    lots: dict[tuple[str, str], str] = {}
    for one in story.uploads:
        for record in one.message.of("O"):
            test, lot = record.get("5") or "", (record.get("3.1") or "").strip()
            if record.get("12") == "Q" and lots.setdefault((one.sender, test), lot) != lot:
                return True
    return False


def before_order(story: Story) -> bool:
    """A result for a specimen whose first order comes later."""
    first: dict[str, int] = {}
    for record, _ in story.hl7_of("HIS", "OML"):
        first.setdefault(record.get("corr", {}).get("barcode", ""), record["n"])
    return any(result.upload.n < first.get(result.specimen, 0) for result in story.results)


def other_type(story: Story) -> bool:
    """One analyzer sends results in two types of HL7 message."""
    types: dict[str, str] = {}
    for _, message in story.hl7_of(ANALYZER):
        kind = message.get("MSH-9.1") or ""
        sender = message.get("MSH-3.1") or message.get("MSH-4.1") or ""
        if kind in {"ORU", "OUL"} and types.setdefault(sender, kind) != kind:
            return True
    return False


def other_spelling(story: Story) -> bool:
    """Text beyond ASCII under a name that table 0211 does not have."""
    return any(
        not message.raw.isascii() and (message.get("MSH-18[1]") or "") not in LISTED
        for _, message in story.hl7_of(ANALYZER)
    )


def contention(story: Story) -> bool:
    """Each side calls while the call of the other is on its way, over one connection."""
    last: dict[str, str] = {}
    for one in story.records:
        if one["kind"] != "bytes" or one.get("link") != ASTM_LINK:
            continue
        data, conn = unpack(one["raw"]), one["conn"]
        before = last.get(conn, "")
        if data == b"\x05" and before and before != one["frm"]:
            return True
        last[conn] = one["frm"] if data == b"\x05" else ""
    return False
