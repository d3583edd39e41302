"""What the message account says of each message, as a line among its details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.evidence.account import MessageState, account
from harness.evidence.trace import Record
from harness.i18n import tr

NEEDED: Final = frozenset({"link", "conn", "frm", "to"})
"""What an account cannot do without; a damaged trace has no account."""

MESSAGES_MAX: Final = 500
"""An account takes time with the square of the messages; a longer trace goes without."""


def account_lines(records: Sequence[Record]) -> dict[int, str]:
    """States, deliveries and words of each message, by the number of its first record."""
    sent = [record for record in records if record["kind"] in {"message", "bytes", "link"}]
    messages = sum(record["kind"] == "message" for record in sent)
    if not 0 < messages <= MESSAGES_MAX or not all(record.keys() >= NEEDED for record in sent):
        return {}
    return {state.records[0]: _line(state) for state in account(records)}


def _line(state: MessageState) -> str:
    words = {
        "sent": tr("was sent"),
        "on the wire": tr("on the wire"),
        "accepted": tr("accepted"),
        "applied": tr("applied"),
        "effect seen": tr("effect seen"),
        "lost": tr("lost"),
        "duplicated": tr("duplicated"),
        "answered without effect": tr("answered without effect"),
        "effect without answer": tr("effect without answer"),
        "out of order": tr("out of order"),
    }
    told = [words[one] for one in (*state.states, *state.words)]
    return tr("{states}; {count} deliveries", states=", ".join(told), count=state.deliveries)
