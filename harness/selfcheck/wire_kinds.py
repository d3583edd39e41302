"""Fault classes that results show: whose they are, of which kind, and what came before.

Each function looks for one row of the fault catalogue; ``wire_classes.py`` says which.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Final

from harness.selfcheck.wire_story import ANALYZER, Story, specimen_of

OLD_S: Final = 60.0
"""A test that ended so long before its message: time of test and of receipt differ."""

ALIKE_CHARS: Final = 10
"""Two ids that begin alike so far become one in a narrow column."""


def padded_id(story: Story) -> bool:
    """A specimen id has blanks or zeros before it."""
    return any(
        part.startswith((" ", "00"))
        for one in story.uploads
        for record in one.message.of("O")
        for part in (record.get("3.1") or "", *record.components(4))
        if len(part) > ALIKE_CHARS - 1
    )


def alike_ids(story: Story) -> bool:
    """Two specimen ids begin alike."""
    found = {result.specimen for result in story.results}
    heads = Counter(one[:ALIKE_CHARS] for one in found if len(one) > ALIKE_CHARS)
    return any(count > 1 for count in heads.values())


def place_beside_id(story: Story) -> bool:
    """A rack or sequence number stands in the same field as the id."""
    fields = [
        record.components(3)
        for one in story.uploads
        for letter in ("Q", "O")
        for record in one.message.of(letter)
    ]
    return any(sum(bool(part.strip()) for part in parts) > 2 for parts in fields)


def other_person(story: Story) -> bool:
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


def rerun_beside_another_tube(story: Story) -> bool:
    """A re-run was asked for while its patient had another tube in the laboratory."""
    for one in story.commanded("rerun"):
        orders = story.orders.get(one["args"]["barcode"], [])
        tubes = [key for key, rows in story.orders.items() if {*rows} & {*orders}]
        if len(tubes) > 1:
            return True
    return False


def without_order(story: Story) -> bool:
    """A result for a specimen without an order that stands."""
    return any(
        result.specimen and "NW" not in {control for control, _ in rows[-1:]}
        for result in story.results
        for rows in [story.orders.get(result.specimen, [])]
    )


def several_of_one(story: Story) -> bool:
    """Several R records of one test in one message."""
    return any(
        count > 1
        for one in story.uploads
        for count in Counter((r.specimen, r.code) for r in one.results).values()
    )


def remark(story: Story) -> bool:
    """C behind R."""
    return any(
        first.type == "R" and second.type == "C"
        for one in story.uploads
        for first, second in pairwise(one.message.records)
    )


def control(story: Story) -> bool:
    """O.12 says quality control."""
    return any(r.get("12") == "Q" for one in story.uploads for r in one.message.of("O"))


def training(story: Story) -> bool:
    """H.12 says training or debugging."""
    return any((one.message.get("H.12") or "") in {"T", "D"} for one in story.uploads)


def second_value(story: Story) -> bool:
    """One test of one specimen twice, in two messages, with two values, as final."""
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    for result in story.results:
        key = (result.specimen, result.code)
        n, value = seen.setdefault(key, (result.upload.n, result.value))
        if n != result.upload.n and value != result.value and result.text("9") == "F":
            return True
    return False


def same_again(story: Story) -> bool:
    """A message came twice, byte for byte."""
    return any(count > 1 for count in Counter(one.raw for one in story.uploads).values())


def correction(story: Story) -> bool:
    """R.9 says correction, or results come after a review."""
    signed = [one["n"] for one in story.commanded("review")]
    late = signed and any(one.n > signed[0] and one.results for one in story.uploads)
    return bool(late) or any(result.text("9") == "C" for result in story.results)


def time_of_its_own(story: Story) -> bool:
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


def ambiguous_date(story: Story) -> bool:
    """A day that could be a month, and is another one."""
    return any(
        len(digits) >= 8
        and digits[:8].isdecimal()
        and digits[6:8] <= "12"
        and digits[4:6] != digits[6:8]
        for result in story.results
        for digits in [result.text("13")]
    )
