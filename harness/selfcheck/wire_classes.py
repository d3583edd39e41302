"""Fault classes that a message itself shows: read from the wire, whoever sent it and why.

A link fault is planned and fires; a decimal comma, a control among patients or a control id that
comes again is just sent. Each function here looks for one row of the catalogue in what a trace
shows of the wire. No scenario says which rows it shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from harness.evidence.trace import Record as TraceRecord
from harness.selfcheck import wire_feeds, wire_yb
from harness.selfcheck import wire_forms as forms
from harness.selfcheck import wire_ids as ids
from harness.selfcheck import wire_kinds as kinds
from harness.selfcheck.wire_story import Driver, Result, Story

LONG_CHARS: Final = 12
"""A value that a narrow column would cut."""

EVERY: Final = "ALL"
"""A question for whatever there is (LIS02-A2 §11.1.3)."""

_SENTINEL = re.compile(r"-{3,}|\*\d{2,}|:{3,}|\.0|-0x0fffffff", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[<>]?\d+,\d+", re.ASCII)
_COMPARED = re.compile(r"[<>≤≥]\s*\d")
_GBK_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")


def shown_classes(records: Sequence[TraceRecord]) -> list[str]:
    """Rows of the catalogue that the messages of a trace show."""
    story = Story(records)
    shown = [row for row, shows in CLASSES.items() if shows(story)]
    return [*shown, *wire_feeds.shown_classes(records), *wire_yb.shown_classes(records)]


def _any(test: Callable[[Result], bool]) -> Callable[[Story], bool]:
    return lambda story: any(test(result) for result in story.results)


def _driver(story: Story, sender: str) -> Driver:
    return story.drivers.get(sender, Driver())


def _mapped(test: Callable[[Result, Driver], bool]) -> Callable[[Story], bool]:
    """A result of an analyzer that the LIS has a map or settings for."""
    return lambda story: any(
        test(result, _driver(story, result.upload.sender)) for result in story.results
    )


def _marked(setting: str) -> Callable[[Story], bool]:
    return _mapped(lambda result, driver: driver.marked(setting, result.specimen))


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
    known = {*story.orders, EVERY} if story.orders else set()
    return any(tube in known for tubes in _asked(story) for tube in tubes)


def _asked_without_order(story: Story) -> bool:
    tubes = {tube for some in _asked(story) for tube in some} - {EVERY}
    return not tubes <= {*story.orders}


def _asked_for_many(story: Story) -> bool:
    return any(len(tubes) > 1 or tubes == [EVERY] for tubes in _asked(story))


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


def _critical_converted(story: Story) -> bool:
    """A value with limits comes in another unit, with a factor in the item map."""
    return any(
        str(row.get("factor") or "1") != "1" and row["item"] in story.critical_items
        for result in story.results
        for row in [_driver(story, result.upload.sender).items.get(result.code)]
        if row is not None
    )


def _critical_for_some(story: Story) -> bool:
    """A rule for some only, and a result that it and the general rule judge differently.

    Whose the result is, is looked up in the admissions of the HIS.
    """
    wards = {
        message.get("PID-3[1].1") or "": message.get("PV1-3.1") or ""
        for _, message in story.hl7_of("HIS", "ADT")
    }
    owners = {tube: rows[0][1] for tube, rows in story.orders.items()}
    return any(
        rule["ward"] == wards.get(owners.get(result.specimen, ""))
        and _beyond(result.value, rule) is not _beyond(result.value, general)
        for result in story.results
        for rule in story.critical_rules
        for general in story.critical_rules
        if rule["item"] == general["item"] == result.code
        if rule.get("ward") and not general.get("ward")
    )


def _beyond(value: str, rule: Mapping[str, object]) -> bool:
    try:
        number = Decimal(value)
        low, high = (Decimal(str(rule[name] or "NaN")) for name in ("low", "high"))
    except InvalidOperation:
        return False
    return (not low.is_nan() and number < low) or (not high.is_nan() and number > high)


def _critical_again(story: Story) -> bool:
    return bool(story.critical_items) and kinds.same_again(story)


def _alerts(story: Story) -> list[TraceRecord]:
    return [record for record, _ in story.hl7_of("LIS", "ORU^R40")]


def _alert_unanswered(story: Story) -> bool:
    """An alert went out, and nobody had received it when the next one did."""
    return len(_alerts(story)) > 1 and not any(story.commanded("acknowledge"))


def _corrected_after_alert(story: Story) -> bool:
    first = min((one["n"] for one in _alerts(story)), default=None)
    return first is not None and any(one["n"] > first for one in story.commanded("correct"))


CLASSES: Final[Mapping[str, Callable[[Story], bool]]] = {
    "lab-11": ids.contention,
    "lab-19": forms.cut_inside,
    "lab-20": forms.several_records_in_frame,
    "lab-21": forms.frame_at_limit,
    "lab-22": forms.empty_session,
    "lab-28": forms.two_analyzers,
    "lab-30": forms.other_signs,
    "lab-31": forms.escapes,
    "lab-32": forms.short_records,
    "lab-33": forms.results_before_order,
    "lab-34": forms.several_specimens,
    "lab-35": forms.two_messages_in_session,
    "lab-36": forms.counted_through,
    "lab-37": forms.small_letters,
    "lab-38": forms.empty_patient_fields,
    "lab-39": _mapped(forms.unknown_channel),
    "lab-40": forms.renamed,
    "lab-41": forms.same_control_id,
    "lab-42": forms.hl7_cut_off,
    "lab-43": forms.burst,
    "lab-44": forms.noise_between_blocks,
    "lab-46": forms.large_data,
    "lab-47": ids.other_type,
    "lab-48": kinds.padded_id,
    "lab-49": kinds.alike_ids,
    "lab-50": kinds.place_beside_id,
    "lab-51": _any(ids.typed_id),
    "lab-52": _any(ids.unread_id),
    "lab-53": ids.short_id,
    "lab-55": forms.one_code_two_items,
    "lab-56": ids.aliquot,
    "lab-57": kinds.other_person,
    "lab-58": kinds.rerun_beside_another_tube,
    "lab-59": kinds.without_order,
    "lab-60": _any(lambda result: bool(_COMPARED.match(result.value))),
    "lab-61": _any(lambda result: bool(_COMMA.fullmatch(result.value))),
    "lab-62": forms.implied_decimals,
    "lab-63": _any(lambda result: "10*" in result.text("5")),
    "lab-64": _mapped(
        lambda result, driver: (
            driver.items.get(result.code, {}).get("unit", "") not in {"", result.text("5")}
        )
    ),
    "lab-66": _any(lambda result: bool(_SENTINEL.fullmatch(result.value))),
    "lab-67": _any(ids.two_values),
    "lab-68": kinds.several_of_one,
    "lab-69": ids.two_units,
    "lab-70": _any(lambda result: result.text("7") in {"HH", "LL"}),
    "lab-71": _any(lambda result: result.text("9") in {"P", "W", "X", "I"}),
    "lab-74": kinds.remark,
    "lab-76": _mapped(
        lambda result, driver: result.value in driver.items.get(result.code, {}).get("texts", {})
    ),
    "lab-77": _any(lambda result: len(result.value) >= LONG_CHARS),
    "lab-78": kinds.control,
    "lab-79": forms.nameless,
    "lab-80": _marked("background_prefix"),
    "lab-81": _marked("calibration_prefix"),
    "lab-82": ids.two_lots,
    "lab-83": kinds.training,
    "lab-87": kinds.second_value,
    "lab-88": kinds.same_again,
    "lab-89": kinds.correction,
    "lab-90": ids.before_order,
    "lab-93": kinds.time_of_its_own,
    "lab-94": kinds.ambiguous_date,
    "lab-95": _asked_with_order,
    "lab-96": _asked_without_order,
    "lab-97": _asked_for_many,
    "lab-98": forms.long_download,
    "lab-101": _chinese,
    "lab-102": _delimiter_bytes,
    "lab-103": _either_encoding,
    "lab-104": ids.other_spelling,
    "lab-105": _name_downloaded,
    "lab-107": _critical_number,
    "lab-108": _critical_for_some,
    "lab-109": _critical_converted,
    "lab-110": _critical_again,
    "lab-111": _alert_unanswered,
    "lab-112": _corrected_after_alert,
}
"""How each row shows itself."""
