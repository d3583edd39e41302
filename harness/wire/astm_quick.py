"""Which links may take the short way through LIS01-A2, and what is short about it.

Nearly every frame is the next one, comes alone in one read and has nothing odd about it. Such a
frame, and the ACK to such a frame, need neither the reader nor the table of states: the short way
recognises them whole, does what the table would do, and leaves everything else to it. A link takes
it only while all that its dialect can say about a frame is the standard's, and while nobody sees
or changes its units.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Final

from harness.wire.astm_config import AstmLinkConfig

_INDIFFERENT: Final = frozenset(
    {
        "side", "timers", "cut", "frame_text_max", "receive_text_max", "message_bytes_max",
        "block_end", "lower_case_checksum", "refuse_forbidden", "transmissions_max", "bids_max",
        "junk_is_refusal", "on_interrupt", "on_enq", "eot_ends_message", "restart_receive_timer",
        "busy", "parts_reported",
    }
)  # fmt: skip
"""Switches that do not touch a good frame that is the next one, or that the short way honours."""

_ASIDE: Final = tuple(one for one in fields(AstmLinkConfig) if one.name not in _INDIFFERENT)

_KNOWN_MAX: Final = 256
_known: dict[int, tuple[AstmLinkConfig, bool]] = {}
"""What was found of a configuration: who connects anew each time has the same one each time."""

PLAIN: Final = re.compile(rb"\x02[0-7][^\x00-\x0c\x0e-\x1f]*[\x03\x17][0-9A-F]{2}\r\n")
"""A frame with nothing odd about it (LIS01-A2 §8.3.1, §8.6)."""

INNER: Final = re.compile(rb"\x02[0-7][HPORCMQS][^\x00-\x1f]*\r\x03[0-9A-F]{2}\r\n")
"""One that is a whole record and does not end a message."""


def may_be_short(config: AstmLinkConfig) -> bool:
    """Whether every other switch stands as the standard has it; one that is new counts as other."""
    known = _known.get(id(config))
    if known is None or known[0] is not config:
        short = all(
            one.default is not MISSING and getattr(config, one.name) == one.default
            for one in _ASIDE
        )
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        known = _known[id(config)] = (config, short)
    return known[1]
