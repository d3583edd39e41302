"""Fault classes of HL7 that the messages and the frames between HIS and LIS show by themselves.

As ``wire_classes.py`` does for analyzers: each entry looks for one row of the catalogue, whoever
sent it and why. No scenario says which rows it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.evidence.trace import Record
from harness.selfcheck import wire_feeds_engine as engine
from harness.selfcheck import wire_feeds_link as link
from harness.selfcheck import wire_feeds_text as text
from harness.selfcheck.wire_feeds_look import Exchange

CLASSES: Final[Mapping[str, Callable[[Exchange], bool]]] = {
    "hl7-05": link.several_on_one_line,
    "hl7-07": link.answer_without_blocks,
    "hl7-08": link.wrapped_twice,
    "hl7-09": link.other_end,
    "hl7-10": link.closes_each_time,
    "hl7-11": link.after_a_pause,
    "hl7-13": link.many_connections,
    "hl7-14": link.above_buffer,
    "hl7-15": link.empty_line,
    "hl7-16": link.half_frame_elsewhere,
    "hl7-18": link.again_and_again,
    "hl7-20": engine.back_after_restart,
    "hl7-21": engine.odd_certificate,
    "hl7-22": link.commit_block,
    "hl7-23": link.foreign_accept,
    "hl7-24": link.unknown_id,
    "hl7-25": link.late_answer,
    "hl7-26": link.crossed_answers,
    "hl7-27": link.malformed_answer,
    "hl7-28": link.accept_then_apply,
    "hl7-30": link.cannot_be_processed,
    "hl7-31": link.free_text,
    "hl7-32": link.header_not_swapped,
    "hl7-33": link.other_type_or_version,
    "hl7-34": link.no_last_end,
    "hl7-35": link.same_answer_id,
    "hl7-36": link.batch,
    "hl7-38": link.answer_takes_long,
    "hl7-39": link.unsupported,
    "hl7-40": link.long_error,
    "hl7-41": link.unusual_conditions,
    "hl7-42": link.answer_takes_long,
    "hl7-43": link.refused_before_others,
    "hl7-44": engine.second_connection,
    "hl7-45": link.resent_before_next,
    "hl7-46": link.without_waiting,
    "hl7-48": link.one_id_two_contents,
    "hl7-49": link.again_over_new_line,
    "hl7-50": link.small_behind_large,
    "hl7-51": engine.number_missing,
    "hl7-52": link.older_state,
    "hl7-53": text.declared_decides,
    "hl7-54": text.some(text.declares_unicode),
    "hl7-55": engine.other_charset_after_upgrade,
    "hl7-56": text.both_encodings,
    "hl7-57": text.some(text.otherwise_than_declared),
    "hl7-58": text.two_sets,
    "hl7-59": text.some(text.undeclared),
    "hl7-60": text.some(text.order_mark),
    "hl7-61": text.some(text.separator_byte),
    "hl7-62": text.some(text.rare),
    "hl7-63": text.some(text.long_name),
    "hl7-64": text.some(text.unit_signs),
    "hl7-65": text.some(text.chinese),
    "hl7-66": text.some(text.escaped),
    "hl7-67": text.some(text.looks_escaped),
    "hl7-68": text.some(text.line_end_in_text),
    "hl7-69": text.some(text.hexadecimal),
    "hl7-70": text.some(text.line_feeds),
    "hl7-71": text.some(text.raw_separators),
    "hl7-72": text.some(text.lone_backslash),
    "hl7-73": text.some(text.fifth_sign),
    "hl7-74": text.some(text.other_signs),
    "hl7-75": text.some(text.zone_in_header),
    "hl7-76": text.some(text.very_many),
    "hl7-77": text.some(text.null),
    "hl7-78": text.some(text.repeated),
    "hl7-79": text.some(text.all_identifiers),
    "hl7-80": text.some(text.unknown_segment),
    "hl7-81": text.some(text.other_order),
    "hl7-82": text.some(text.other_version),
    "hl7-83": text.some(text.unknown_type),
    "hl7-84": text.some(text.irregular_number),
    "hl7-85": text.some(text.coded),
    "hl7-86": text.some(text.day_only),
    "hl7-87": text.some(text.neighbours),
    "hl7-88": text.some(text.order_control),
    "hl7-89": text.merges,
    "hl7-90": text.some(text.empty_components),
    "hl7-91": link.very_large,
    "hl7-92": engine.all_kinds_after_upgrade,
    "hl7-93": text.some(text.embedded),
}
"""How each row shows itself."""


def shown_classes(records: Sequence[Record]) -> list[str]:
    """Rows of the HL7 catalogue that a trace shows."""
    story = Exchange(records)
    return [row for row, shows in CLASSES.items() if shows(story)] if story.reads else []
