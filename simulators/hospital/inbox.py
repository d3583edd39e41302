"""Receiving HL7 reliably: stored before it is acknowledged, and known when it comes again.

Follows ``HL7 2.5.1 §2.9.2``: a control id that is known gets the answer of the first time and has
no second effect; the same id with other content is refused (table 0357: 205). What cannot be read
as a message is answered, too; only an acknowledgement is never acknowledged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from simulators import trouble
from simulators.hospital import inbox_flaws, messages
from simulators.store import Store, insert

Statement = tuple[str, Sequence[Any]]

BLOCKS_MAX = 1_000
"""Segments of one name that a message may repeat: above any panel, far below what would hold up
everybody else while it is read."""


class Refusal(Exception):  # noqa: N818 - an answer to the sender, not an error of ours
    """A message that is answered with AE or AR and has no effect."""

    def __init__(self, code: str, error: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.error = error
        self.text = text


Apply = Callable[[Hl7Message], list[Statement]]
"""What a message changes; raises ``Refusal``."""


@dataclass(slots=True)
class Inbox:
    """The receiving half of a system, as part of its actor.

    Args:
        system: our name in MSH-3 of acknowledgements.
        store: where control ids are remembered.
        defects: switched-on defects of the system.
        prefix: of the defects that concern this inbox, ``lis`` or ``his``.
    """

    system: str
    store: Store
    defects: set[str]
    prefix: str
    _codecs: dict[str, str] = field(default_factory=dict)

    def take(self, conn: str, message: Message, apply: Apply, now_text: str) -> list[act.Command]:
        """Commit the effect, then acknowledge; an error of ours is answered as one (207)."""
        try:
            return self._take(conn, message.payload, apply, now_text)
        except Exception as error:  # noqa: BLE001 - one message must not end the whole system
            trouble.tell(self.system, error)
            text = f"application error: {type(error).__name__}"
            return [self._answer(conn, message.payload, Refusal("AE", "207", text), now_text)]

    def _take(self, conn: str, payload: bytes, apply: Apply, now_text: str) -> list[act.Command]:
        read = inbox_flaws.misread(self._decoded(payload), self.defects, conn, self._codecs)
        parsed = Hl7Message.parse(read)
        if parsed.get("MSH-9.1") == "ACK":
            return []
        sender = f"{parsed.get('MSH-3') or ''}|{parsed.get('MSH-4') or ''}"
        control_id = parsed.get("MSH-10") or ""
        digest = hashlib.sha256(payload).hexdigest()
        known = self.store.rows(
            "SELECT digest, answer FROM received WHERE sender = ? AND control_id = ?",
            (sender, control_id),
        )
        if known and not self.has("stores-repeats"):
            return [self._known(conn, payload, known[0], digest, now_text)]
        try:
            check(parsed)
            statements = apply(parsed)
        except Refusal as refusal:
            return [self._answer(conn, payload, refusal, now_text)]
        if not known:
            row = {"control_id": control_id, "sender": sender, "digest": digest, "answer": "AA"}
            statements.append(insert("received", row))
        answer = self._answer(conn, payload, None, now_text)
        if not statements:
            return [answer]
        commit = act.Commit(statements=statements)
        if self.has("acknowledges-before-storing"):
            return [answer, commit]
        return [commit, answer]

    def _known(
        self, conn: str, payload: bytes, row: dict[str, Any], digest: str, now_text: str
    ) -> act.Command:
        refusal = None
        if row["digest"] != digest and not self.has("swallows-changed-content"):
            refusal = Refusal("AE", "205", "control id used before for another message")
        return self._answer(conn, payload, refusal, now_text)

    def _decoded(self, payload: bytes) -> bytes:
        """The defect: the character set that the header declares is not looked at."""
        if not self.has("ignores-msh-18"):
            return payload
        text = payload.decode("latin-1")
        return text.encode("utf-8").replace(b"GB 18030-2000", b"UNICODE UTF-8")

    def _answer(
        self, conn: str, payload: bytes, refusal: Refusal | None, now_text: str
    ) -> act.Command:
        code, error, text = ("AA", "", "")
        if refusal is not None:
            code, error, text = refusal.code, refusal.error, refusal.text
        if not asked_for(payload, refused=refusal is not None) and not self.has("ignores-msh-16"):
            return act.SetTimer(name="unanswered", at=None)
        if refusal is not None and self.has("silent-on-error"):
            return act.SetTimer(name="unanswered", at=None)
        if refusal is not None and self.has("refuses-in-text"):
            return act.Send(conn=conn, event=Message(payload=f"ERROR: {text}".encode("gb18030")))
        ack = messages.acknowledgement(
            payload, code, error=error, text=text, time=now_text, system=self.system
        )
        if self.has("wrong-msa-2"):
            ack = Hl7Message.parse(ack).set("MSA-2", "1").raw
        ack = inbox_flaws.misanswer(ack, self.defects)
        return act.Send(conn=conn, event=Message(payload=ack))

    def has(self, defect: str) -> bool:
        """Is this defect of ours switched on?"""
        return f"{self.prefix}-{defect}" in self.defects


def asked_for(payload: bytes, *, refused: bool) -> bool:
    """Whether the sender wants this answer (MSH-15, MSH-16, HL7 table 0155).

    Without either the original mode holds, and every message is answered.
    """
    message = Hl7Message.parse(payload)
    conditions = [message.get(path) for path in ("MSH-15", "MSH-16")]
    wanted = {"NE": False, "ER": refused, "SU": not refused}
    given = [one for one in conditions if one]
    return not given or any(wanted.get(one, True) for one in given)


def check(message: Hl7Message) -> None:
    """What every message must have before its content is looked at.

    Raises:
        Refusal: ``AR`` where there is no message to answer for (HL7 2.5.1 §2.9.2.2 step 1), ``AE``
            with a condition code of table 0357 otherwise.
    """
    if not message.count("MSH"):
        raise Refusal("AR", "100", "no MSH segment")
    if not message.get("MSH-10"):
        raise Refusal("AE", "101", "MSH-10 is empty")
    if b"\0" in message.raw:
        # HL7 2.5.1 §2.5.4 allows no control characters in data, and no database keeps a NUL.
        raise Refusal("AE", "102", "a NUL character stands in the message")
    for name in ("PID", "ORC", "OBR", "OBX"):
        if message.count(name) > BLOCKS_MAX:
            raise Refusal("AE", "207", f"more than {BLOCKS_MAX} {name} segments")
