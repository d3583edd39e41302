"""Fault classes that the form of what an analyzer sends shows: link, records, HL7 blocks.

Each function looks for one row of the fault catalogue; ``wire_classes.py`` says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from harness.selfcheck.wire_story import ANALYZER, ASTM_LINK, HL7_LINK, Driver, Result, Story

USUAL_SIGNS: Final = b"|\\^&"
"""H.2 as nearly everybody has it (LIS02-A2 §5.4.5)."""

LARGE_BYTES: Final = 500
"""Embedded data that a narrow column would cut."""

FRAME_TEXT_MAX: Final = 240
"""Characters of text in one frame (LIS01-A2 §8.3.1.3 gives the older limit)."""


def other_signs(story: Story) -> bool:
    """H.2 is not the usual one."""
    return any(one.raw[1:5] not in {b"", USUAL_SIGNS} for one in story.uploads)


def escapes(story: Story) -> bool:
    """A separator of the header, escaped in a text (LIS02-A2 §5.4.6)."""
    for one in story.uploads:
        escape = re.escape(one.raw[4:5])
        if escape and re.search(escape + rb"[FSRE]" + escape, one.raw):
            return True
    return False


def short_records(story: Story) -> bool:
    """Fields that receivers rely on are not there."""
    return any(
        len(record.fields) < LAST_FIELDS[record.type]
        for one in story.uploads
        for record in one.message.records
        if record.type in LAST_FIELDS
    )


LAST_FIELDS: Final[Mapping[str, int]] = {"O": 26, "L": 3}
"""Fields up to the last that LIS02-A2 gives a meaning that receivers rely on."""


def empty_patient_fields(story: Story) -> bool:
    """A known patient has no name in P."""
    return any(
        record.type == "P" and (record.get("3") or "").strip(" ^") and not record.get("6")
        for one in story.uploads
        for record in one.message.records
    )


def several_specimens(story: Story) -> bool:
    """One message brings results of several specimens."""
    return any(len({result.specimen for result in one.results}) > 1 for one in story.uploads)


def unknown_channel(result: Result, driver: Driver) -> bool:
    """The item map of the analyzer does not have the channel."""
    return bool(driver.items) and result.code not in driver.items


def same_control_id(story: Story) -> bool:
    """Two messages of an analyzer with one MSH-10 and different results."""
    seen: dict[str, bytes] = {}
    for _, message in story.hl7_of(ANALYZER):
        if not message.count("OBX"):
            continue
        before = seen.setdefault(message.header.control_id, message.raw)
        if before != message.raw:
            return True
    return False


def hl7_cut_off(story: Story) -> bool:
    """The LIS lost its power over a result of an HL7 analyzer."""
    powerless = any(
        one["kind"] == "fault" and one["event"] == "fired" and one.get("action") == "kill"
        for one in story.records
    )
    return powerless and any(message.count("OBX") for _, message in story.hl7_of(ANALYZER))


def burst(story: Story) -> bool:
    """Two messages of an analyzer with no answer between them."""
    ends = [
        (record["frm"], record["conn"])
        for record, _ in story.hl7
        if ANALYZER in {record["frm"], record["to"]}
    ]
    return any(first == second and first[0] == ANALYZER for first, second in pairwise(ends))


def two_analyzers(story: Story) -> bool:
    """Results under two sender names, over two connections to one port."""
    senders = {one.sender for one in story.uploads if one.results}
    return len(senders) > 1 and story.opened(ASTM_LINK) > 1


def renamed(story: Story) -> bool:
    """Another sender name than before over the one connection that there was."""
    senders = {one.sender for one in story.uploads if one.results}
    return len(senders) > 1 and story.opened(ASTM_LINK) == 1


def one_code_two_items(story: Story) -> bool:
    """A code came that the maps of two analyzers give different items."""
    codes = {result.code for result in story.results}
    items: dict[str, set[str]] = {}
    for driver in story.drivers.values():
        for code, row in driver.items.items():
            items.setdefault(code, set()).add(str(row["item"]))
    return any(len(items.get(code, ())) > 1 for code in codes)


def counted_through(story: Story) -> bool:
    """The first O below P, or the first R below O, is not number 1."""
    return any(
        first.type + second.type in {"PO", "OR"}
        and (second.get("2") or "").strip() not in {"", "1"}
        for one in story.uploads
        for first, second in pairwise(one.message.records)
    )


def small_letters(story: Story) -> bool:
    """Record letters are in lower case (LIS02-A2 §5.5)."""
    return any(re.search(rb"\r[a-z]\|", one.raw) for one in story.uploads)


def empty_session(story: Story) -> bool:
    """ENQ and EOT with nothing between them."""
    return any(b"\x05\x04" in data for data in story.bytes_of(ASTM_LINK, ANALYZER).values())


def noise_between_blocks(story: Story) -> bool:
    """Bytes before the first MLLP block."""
    sent = story.bytes_of(HL7_LINK, ANALYZER).values()
    return any(data and not data.startswith(b"\x0b") for data in sent)


def frame_at_limit(story: Story) -> bool:
    """A frame is as long as the limit or longer."""
    return any(len(text) >= FRAME_TEXT_MAX for text, _ in story.frames)


def cut_inside(story: Story) -> bool:
    """A frame that another one follows does not end where a record does."""
    return any(more and not text.endswith(b"\r") for text, more in story.frames)


def several_records_in_frame(story: Story) -> bool:
    """A frame holds the ends of two records."""
    return any(text.count(b"\r") > 1 for text, _ in story.frames)


def results_before_order(story: Story) -> bool:
    """R stands before any O of its message."""
    for one in story.uploads:
        letters = "".join(record.type for record in one.message.records)
        if "R" in letters.partition("O")[0]:
            return True
    return False


def two_messages_in_session(story: Story) -> bool:
    """Two headers between ENQ and EOT."""
    return any(
        len(_HEADER.findall(session)) > 1
        for data in story.bytes_of(ASTM_LINK, ANALYZER).values()
        for session in data.split(b"\x04")
        if not _REPEATED.search(session)
    )


_HEADER = re.compile(rb"\x02[0-7]H\|")
_REPEATED = re.compile(rb"(\x02[0-7]H\|[^\x02]*)\1")
"""One header twice in a row is a frame that was sent again."""


def long_download(story: Story) -> bool:
    """A message to an analyzer does not fit one frame."""
    return any(len(one.raw) > FRAME_TEXT_MAX for one in story.downloads)


def nameless(story: Story) -> bool:
    """Results of patients under a P record without a name."""
    return any(
        one.results and any(not record.get("6") for record in one.message.of("P"))
        for one in story.uploads
    )


def large_data(story: Story) -> bool:
    """Curves or images in M records or ED values."""
    astm = (
        len(record.text) > LARGE_BYTES
        for one in story.uploads
        for record in one.message.records
        if record.type == "M"
    )
    hl7 = (
        message.count("OBX") and len(message.raw) > LARGE_BYTES * message.count("OBX")
        for _, message in story.hl7_of(ANALYZER)
    )
    return any(astm) or any(hl7)


FRAMED_LINK: Final = "analyzer-lis-framed"
"""Where instruments with a framing of their own are."""

_COLUMNS = re.compile(rb"\x02D1U\d{6}.{15}((?:[\d* ]{4}\d)+)\x03")
"""Sysmex K series: five columns a parameter, four digits and a flag."""


def implied_decimals(story: Story) -> bool:
    """Digits without a mark, in columns of which the LIS was told that they have decimals."""
    told = [
        int(places)
        for one in story.commanded("configure_port")
        for _, places in re.findall(r"([A-Z]+):(\d)", str(one["args"].get("setup", "")))
    ]
    rows = [
        [group[at : at + 4] for at in range(0, len(group), 5)]
        for data in story.bytes_of(FRAMED_LINK, ANALYZER).values()
        for group in _COLUMNS.findall(data)
    ]
    return any(
        cell.isdigit() and places
        for cells in rows
        if len(cells) == len(told)
        for cell, places in zip(cells, told, strict=True)
    )
