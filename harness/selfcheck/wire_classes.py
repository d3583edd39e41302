"""Fault classes that a message itself shows: read from the wire, whoever sent it and why.

A link fault is planned and fires; a decimal comma, a control among patients or a control id that
comes again is just sent. Each function here looks for one row of the catalogue in what a trace
shows of the wire. No scenario says which rows it shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from harness.evidence.trace import Record as TraceRecord
from harness.selfcheck.wire_story import ANALYZER, Driver, Result, Story, specimen_of

USUAL_SIGNS: Final = b"|\\^&"
"""H.2 as nearly everybody has it (LIS02-A2 §5.4.5)."""

LONG_CHARS: Final = 12
"""A value that a narrow column would cut."""

LARGE_BYTES: Final = 500
"""Embedded data that a narrow column would cut."""

OLD_S: Final = 60.0
"""A test that ended so long before its message: time of test and of receipt differ."""

ALIKE_CHARS: Final = 10
"""Two ids that begin alike so far become one in a narrow column."""

_SENTINEL = re.compile(r"-{3,}|\*\d{2,}|:{3,}|\.0|-0x0fffffff", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[<>]?\d+,\d+", re.ASCII)
_COMPARED = re.compile(r"[<>≤≥]\s*\d")
_GBK_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")


def shown_classes(records: Sequence[TraceRecord]) -> list[str]:
    """Rows of the catalogue that the messages of a trace show."""
    story = Story(records)
    return [row for row, shows in CLASSES.items() if shows(story)]


def _any(test: Callable[[Result], bool]) -> Callable[[Story], bool]:
    return lambda story: any(test(result) for result in story.results)


def _driver(story: Story, sender: str) -> Driver:
    return story.drivers.get(sender, Driver())


def _mapped(test: Callable[[Result, Driver], bool]) -> Callable[[Story], bool]:
    """A result of an analyzer that the LIS has a map or settings for."""
    return lambda story: any(
        test(result, _driver(story, result.upload.sender)) for result in story.results
    )


# -- messages --------------------------------------------------------------------------------------


def _other_signs(story: Story) -> bool:
    return any(one.raw[1:5] not in {b"", USUAL_SIGNS} for one in story.uploads)


def _escapes(story: Story) -> bool:
    """A separator of the header, escaped in a text (LIS02-A2 §5.4.6)."""
    for one in story.uploads:
        escape = re.escape(one.raw[4:5])
        if escape and re.search(escape + rb"[FSRE]" + escape, one.raw):
            return True
    return False


def _short_records(story: Story) -> bool:
    return any(
        len(record.fields) < LAST_FIELDS[record.type]
        for one in story.uploads
        for record in one.message.records
        if record.type in LAST_FIELDS
    )


LAST_FIELDS: Final[Mapping[str, int]] = {"O": 26, "L": 3}
"""Fields up to the last that LIS02-A2 gives a meaning that receivers rely on."""


def _empty_patient_fields(story: Story) -> bool:
    return any(
        record.type == "P" and (record.get("3") or "").strip(" ^") and not record.get("6")
        for one in story.uploads
        for record in one.message.records
    )


def _several_specimens(story: Story) -> bool:
    return any(len({result.specimen for result in one.results}) > 1 for one in story.uploads)


def _unknown_channel(result: Result, driver: Driver) -> bool:
    return bool(driver.items) and result.code not in driver.items


def _same_control_id(story: Story) -> bool:
    """Two messages of an analyzer with one MSH-10 and different results."""
    seen: dict[str, bytes] = {}
    for _, message in story.hl7_of(ANALYZER):
        if not message.count("OBX"):
            continue
        before = seen.setdefault(message.header.control_id, message.raw)
        if before != message.raw:
            return True
    return False


def _hl7_cut_off(story: Story) -> bool:
    """The LIS lost its power over a result of an HL7 analyzer."""
    powerless = any(
        one["kind"] == "fault" and one["event"] == "fired" and one["action"] == "kill"
        for one in story.records
    )
    return powerless and any(message.count("OBX") for _, message in story.hl7_of(ANALYZER))


def _burst(story: Story) -> bool:
    """Two messages of an analyzer with no answer between them."""
    senders = [
        record["frm"] for record, _ in story.hl7 if ANALYZER in {record["frm"], record["to"]}
    ]
    return any(first == second == ANALYZER for first, second in pairwise(senders))


def _large_data(story: Story) -> bool:
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


# -- identity --------------------------------------------------------------------------------------


def _padded_id(story: Story) -> bool:
    return any(
        part.startswith((" ", "00"))
        for one in story.uploads
        for record in one.message.of("O")
        for part in (record.get("3.1") or "", *record.components(4))
        if len(part) > ALIKE_CHARS - 1
    )


def _alike_ids(story: Story) -> bool:
    found = {result.specimen for result in story.results}
    heads = Counter(one[:ALIKE_CHARS] for one in found if len(one) > ALIKE_CHARS)
    return any(count > 1 for count in heads.values())


def _place_beside_id(story: Story) -> bool:
    """A rack or sequence number stands in the same field as the id."""
    fields = [
        record.components(3)
        for one in story.uploads
        for letter in ("Q", "O")
        for record in one.message.of(letter)
    ]
    return any(sum(bool(part.strip()) for part in parts) > 2 for parts in fields)


def _other_person(story: Story) -> bool:
    """P names somebody else than the one for whom the specimen below it was ordered."""
    for one in story.uploads:
        patient = ""
        for record in one.message.records:
            if record.type == "P":
                patient = (record.get("3") or "").strip(" ^")
            elif record.type == "O":
                ordered = {who for _, who in story.orders.get(specimen_of(record), [])}
                if patient and ordered and patient not in ordered:
                    return True
    return False


def _rerun_beside_another_tube(story: Story) -> bool:
    """A re-run was asked for while its patient had another tube in the laboratory."""
    for one in story.commanded("rerun"):
        orders = story.orders.get(one["args"]["barcode"], [])
        tubes = [key for key, rows in story.orders.items() if {*rows} & {*orders}]
        if len(tubes) > 1:
            return True
    return False


def _without_order(story: Story) -> bool:
    return any(
        result.specimen and "NW" not in {control for control, _ in rows[-1:]}
        for result in story.results
        for rows in [story.orders.get(result.specimen, [])]
    )


# -- kinds and life cycle --------------------------------------------------------------------------


def _several_of_one(story: Story) -> bool:
    """Several R records of one test in one message."""
    return any(
        count > 1
        for one in story.uploads
        for count in Counter((r.specimen, r.code) for r in one.results).values()
    )


def _remark(story: Story) -> bool:
    """C behind R."""
    return any(
        first.type == "R" and second.type == "C"
        for one in story.uploads
        for first, second in pairwise(one.message.records)
    )


def _control(story: Story) -> bool:
    return any(r.get("12") == "Q" for one in story.uploads for r in one.message.of("O"))


def _marked(setting: str) -> Callable[[Story], bool]:
    return _mapped(lambda result, driver: driver.marked(setting, result.specimen))


def _training(story: Story) -> bool:
    return any((one.message.get("H.12") or "") in {"T", "D"} for one in story.uploads)


def _second_value(story: Story) -> bool:
    """One test of one specimen twice, in two messages, with two values, as final."""
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    for result in story.results:
        key = (result.specimen, result.code)
        n, value = seen.setdefault(key, (result.upload.n, result.value))
        if n != result.upload.n and value != result.value and result.text("9") == "F":
            return True
    return False


def _same_again(story: Story) -> bool:
    return any(count > 1 for count in Counter(one.raw for one in story.uploads).values())


def _correction(story: Story) -> bool:
    signed = [one["n"] for one in story.commanded("review")]
    late = signed and any(one.n > signed[0] and one.results for one in story.uploads)
    return bool(late) or any(result.text("9") == "C" for result in story.results)


def _time_of_its_own(story: Story) -> bool:
    """The time of a test is not the time of its message, or has an offset."""
    for result in story.results:
        digits = result.text("13")
        if len(digits) == 14 and digits.isdecimal():
            sent = datetime.fromisoformat(result.upload.wall).replace(tzinfo=None)
            measured = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007
            if abs((sent - measured).total_seconds()) > OLD_S:
                return True
    return any(
        re.fullmatch(r"\d{14}[+-]\d{4}", message.get("OBX-14") or message.get("OBX-19") or "")
        for _, message in story.hl7_of(ANALYZER)
    )


# -- orders ----------------------------------------------------------------------------------------


def _asked(story: Story) -> list[list[str]]:
    """The tubes of each question."""
    return [
        [
            max((part.strip() for part in record.components(3, at)), key=len, default="")
            for at in range(1, max(len(record.repeats(3)), 1) + 1)
        ]
        for one in story.uploads
        for record in one.message.of("Q")
    ]


def _asked_with_order(story: Story) -> bool:
    return any(tube in story.orders for tubes in _asked(story) for tube in tubes)


def _asked_without_order(story: Story) -> bool:
    return any(tube not in story.orders for tubes in _asked(story) for tube in tubes)


def _asked_for_many(story: Story) -> bool:
    return any(len(tubes) > 1 for tubes in _asked(story))


# -- text ------------------------------------------------------------------------------------------


def _chinese(story: Story) -> bool:
    return any(_GBK_PAIR.search(one.raw) for one in story.uploads)


def _delimiter_bytes(story: Story) -> bool:
    """A character whose second byte is a separator, either way over the line."""
    payloads = [one.raw for one in story.uploads] + [one.raw for one in story.downloads]
    return any(
        pair[1:] in {b"|", b"^", b"\\", b"&"}
        for payload in payloads
        for pair in _GBK_PAIR.findall(payload)
    )


def _either_encoding(story: Story) -> bool:
    """Text that is valid in GB 18030 and in UTF-8, and not ASCII."""
    for one in story.uploads:
        for field in re.split(rb"[\r|^]", one.raw):
            if not field.isascii() and _readable(field, "utf-8") and _readable(field, "gb18030"):
                return True
    return False


def _readable(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _name_downloaded(story: Story) -> bool:
    return any(not (one.get("P.6") or "").isascii() for one in story.downloads)


# -- critical values -------------------------------------------------------------------------------


def _critical_number(story: Story) -> bool:
    """A value with a sign, or one that letter by letter compares otherwise than as a number."""
    return any(
        _COMPARED.match(result.value)
        or len(result.value.partition(".")[0]) != len(str(rule["high"]).partition(".")[0])
        for result in story.results
        for rule in [story.critical_items.get(result.code)]
        if rule is not None
    )


def _critical_again(story: Story) -> bool:
    return bool(story.critical_items) and _same_again(story)


def _alerts(story: Story) -> list[TraceRecord]:
    return [record for record, _ in story.hl7_of("LIS", "ORU^R40")]


def _alert_unanswered(story: Story) -> bool:
    """An alert went out, and nobody had received it when the next one did."""
    return len(_alerts(story)) > 1 and not any(story.commanded("acknowledge"))


def _corrected_after_alert(story: Story) -> bool:
    first = min((one["n"] for one in _alerts(story)), default=None)
    return first is not None and any(one["n"] > first for one in story.commanded("correct"))


CLASSES: Final[Mapping[str, Callable[[Story], bool]]] = {
    "lab-30": _other_signs,
    "lab-31": _escapes,
    "lab-32": _short_records,
    "lab-34": _several_specimens,
    "lab-38": _empty_patient_fields,
    "lab-39": _mapped(_unknown_channel),
    "lab-41": _same_control_id,
    "lab-42": _hl7_cut_off,
    "lab-43": _burst,
    "lab-46": _large_data,
    "lab-48": _padded_id,
    "lab-49": _alike_ids,
    "lab-50": _place_beside_id,
    "lab-57": _other_person,
    "lab-58": _rerun_beside_another_tube,
    "lab-59": _without_order,
    "lab-60": _any(lambda result: bool(_COMPARED.match(result.value))),
    "lab-61": _any(lambda result: bool(_COMMA.fullmatch(result.value))),
    "lab-63": _any(lambda result: "10*" in result.text("5")),
    "lab-64": _mapped(
        lambda result, driver: driver.items.get(result.code, {}).get("unit", "")
        not in {"", result.text("5")}
    ),
    "lab-66": _any(lambda result: bool(_SENTINEL.fullmatch(result.value))),
    "lab-68": _several_of_one,
    "lab-70": _any(lambda result: result.text("7") in {"HH", "LL"}),
    "lab-71": _any(lambda result: result.text("9") in {"P", "W", "X", "I"}),
    "lab-74": _remark,
    "lab-76": _mapped(
        lambda result, driver: result.value in driver.items.get(result.code, {}).get("texts", {})
    ),
    "lab-77": _any(lambda result: len(result.value) >= LONG_CHARS),
    "lab-78": _control,
    "lab-80": _marked("background_prefix"),
    "lab-81": _marked("calibration_prefix"),
    "lab-83": _training,
    "lab-87": _second_value,
    "lab-88": _same_again,
    "lab-89": _correction,
    "lab-93": _time_of_its_own,
    "lab-95": _asked_with_order,
    "lab-96": _asked_without_order,
    "lab-97": _asked_for_many,
    "lab-101": _chinese,
    "lab-102": _delimiter_bytes,
    "lab-103": _either_encoding,
    "lab-105": _name_downloaded,
    "lab-107": _critical_number,
    "lab-110": _critical_again,
    "lab-111": _alert_unanswered,
    "lab-112": _corrected_after_alert,
}
"""How each row shows itself."""
