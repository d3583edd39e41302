"""Receiving HL7 reliably: stored before it is acknowledged, and known when it comes again.

Follows ``HL7 2.5.1 §2.9.2``: a control id that is known gets the answer of the first time and has
no second effect; the same id with other content is refused (table 0357: 205).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from simulators.hospital import messages
from simulators.store import Store, insert

Statement = tuple[str, Sequence[Any]]


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

    def take(self, conn: str, message: Message, apply: Apply, now_text: str) -> list[act.Command]:
        """Commit the effect, then acknowledge."""
        payload = message.payload
        parsed = Hl7Message.parse(self._decoded(payload))
        sender = f"{parsed.get('MSH-3') or ''}|{parsed.get('MSH-4') or ''}"
        control_id = parsed.get("MSH-10") or ""
        digest = hashlib.sha256(payload).hexdigest()
        known = self.store.rows(
            "SELECT digest, answer FROM received WHERE sender = ? AND control_id = ?",
            (sender, control_id),
        )
        if known and not self.has("stores-repeats"):
            return self._known(conn, payload, known[0], digest, now_text)
        code, error, text = "AA", "", ""
        statements: list[Statement] = []
        try:
            statements = apply(parsed)
        except Refusal as refusal:
            code, error, text = refusal.code, refusal.error, refusal.text
        if code == "AA" and not known:
            statements.append(
                insert(
                    "received",
                    {
                        "control_id": control_id,
                        "sender": sender,
                        "digest": digest,
                        "answer": code,
                    },
                )
            )
        answer = act.Send(
            conn=conn, event=Message(payload=self._ack(payload, code, error, text, now_text))
        )
        if not statements:
            return [answer]
        commit = act.Commit(statements=statements)
        if self.has("acknowledges-before-storing"):
            return [answer, commit]
        return [commit, answer]

    def _known(
        self, conn: str, payload: bytes, row: dict[str, Any], digest: str, now_text: str
    ) -> list[act.Command]:
        code, error, text = row["answer"], "", ""
        if row["digest"] != digest:
            code, error, text = "AE", "205", "control id used before for another message"
        ack = self._ack(payload, code, error, text, now_text)
        return [act.Send(conn=conn, event=Message(payload=ack))]

    def _decoded(self, payload: bytes) -> bytes:
        """The defect: the character set that the header declares is not looked at."""
        if not self.has("ignores-msh-18"):
            return payload
        text = payload.decode("latin-1")
        return text.encode("utf-8").replace(b"GB 18030-2000", b"UNICODE UTF-8")

    def _ack(self, payload: bytes, code: str, error: str, text: str, now_text: str) -> bytes:
        ack = messages.acknowledgement(
            payload, code, error=error, text=text, time=now_text, system=self.system
        )
        if self.has("wrong-msa-2"):
            return Hl7Message.parse(ack).set("MSA-2", "1").raw
        return ack

    def has(self, defect: str) -> bool:
        """Is this defect of ours switched on?"""
        return f"{self.prefix}-{defect}" in self.defects
