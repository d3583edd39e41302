"""The message account as items that a judge can look at, and its totals for a report.

An item is a record of kind ``account``, made from the trace and never written into it:

========= ======================================================================================
n, t      number of the first sending, and its time
link, frm, to, protocol, type, id, corr   as the message has them
outcome   ``ok``, ``failed`` or ``unknown``
deliveries  how often it went whole over the wire
looked, effect  ``yes`` or ``no``: a probe could have shown its effect; one did
lost, duplicated, unordered, unanswered, unapplied   ``yes`` or ``no``
========= ======================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from harness.evidence.account import (
    ANSWERED_WITHOUT_EFFECT,
    DUPLICATED,
    EFFECT_WITHOUT_ANSWER,
    LOST,
    OUT_OF_ORDER,
    MessageState,
    account,
)
from harness.evidence.trace import Record

KIND: Final = "account"

WORDS: Final = {
    "lost": LOST,
    "duplicated": DUPLICATED,
    "unordered": OUT_OF_ORDER,
    "unanswered": EFFECT_WITHOUT_ANSWER,
    "unapplied": ANSWERED_WITHOUT_EFFECT,
}
"""Field of an item, and what the account calls it."""


def entries(records: Sequence[Record]) -> list[Record]:
    """Every message of a trace as an item, in the order of first sending."""
    times = {record["n"]: record.get("t", 0.0) for record in records}
    return [_entry(state, times) for state in account(records)]


def _entry(state: MessageState, times: dict[int, float]) -> Record:
    first = state.records[0]
    entry: Record = {
        "kind": KIND,
        "n": first,
        "t": times.get(first, 0.0),
        "link": state.link,
        "frm": state.sender,
        "to": state.receiver,
        "protocol": state.protocol,
        "type": state.type,
        "id": state.id,
        "corr": dict(state.keys),
        "outcome": state.outcome.value,
        "deliveries": str(state.deliveries),
        "looked": _yes(state.effect.looked),
        "effect": _yes(state.effect.seen_at > 0),
    }
    return entry | {name: _yes(word in state.words) for name, word in WORDS.items()}


def _yes(holds: bool) -> str:  # noqa: FBT001 - the one thing that it says
    return "yes" if holds else "no"


def totals(records: Sequence[Record]) -> dict[str, Any]:
    """The account of a scenario in numbers, for a report.

    Returns:
        ``messages``; ``states``: how many reached each; ``words``: how many each is said of;
        ``named``: the messages of which something is said, as plain values.
    """
    states = account(records)
    return {
        "messages": len(states),
        "states": dict(Counter(state for one in states for state in one.states)),
        "words": dict(Counter(word for one in states for word in one.words)),
        "named": [one.data() for one in states if one.words],
    }
