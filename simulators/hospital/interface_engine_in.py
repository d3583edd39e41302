"""The receiving half of the interface engine: read, judged, routed and stored before the answer.

It takes single messages and batches, fragments (DSC), and senders that number their messages
(MSH-13). In enhanced mode it commits first (``CA``) and lets the application answer follow over a
connection of its own (HL7 2.5.1 §2.9.3, §2.10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import HarnessError
from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_batch import Batch, answer_batch, is_batch, read_batch
from harness.wire.hl7_continuation import join, pointer_in, pointer_out
from harness.wire.hl7_sequence import Turn, judge
from simulators import trouble
from simulators.hospital import interface_engine_out as out
from simulators.hospital import messages
from simulators.hospital.inbox import Refusal, asked_for, check
from simulators.hospital.interface_engine_rules import Route, routes_for, transform
from simulators.store import Store, insert, upsert

Statement = tuple[str, Sequence[Any]]

FRAGMENTS_MAX: Final = 1_000
"""Fragments of one message: 64 MB in pieces of a common buffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is made of one message: what is to be stored, and what is answered.

    Attributes:
        code: MSA-1.
        statements: to be committed before the answer.
        error: table 0357; empty where it is accepted.
        text: MSA-3.
        expected: MSA-4; 0 for none.
        links: destinations that have something to do.
    """

    code: str
    statements: Sequence[Statement] = ()
    error: str = ""
    text: str = ""
    expected: int = 0
    links: tuple[str, ...] = ()


@dataclass(slots=True)
class Intake:
    """Everything that comes in.

    Args:
        store: of the engine.
        defects: switched-on defects of the engine.
        routes: of the rule file.
        active: destinations that are switched on.
    """

    store: Store
    defects: set[str]
    routes: Sequence[Route]
    active: set[str]
    upgraded: bool = False

    def take(
        self, conn: str, link: str, payload: bytes, now_text: str
    ) -> tuple[list[act.Command], set[str]]:
        """Commit, then answer; which destinations have something new."""
        if is_batch(payload):
            return self._take_batch(conn, link, read_batch(payload), now_text)
        taken = self._judged(link, payload)
        if taken is None:
            return [], set()
        answer = self._answer(conn, payload, taken, now_text)
        return self._in_order([answer], list(taken.statements)), set(taken.links)

    def _in_order(
        self, answers: list[act.Command], statements: list[Statement]
    ) -> list[act.Command]:
        commit: list[act.Command] = [act.Commit(statements=statements)] if statements else []
        if "engine-acknowledges-before-storing" in self.defects:
            return [*answers, *commit]
        return [*commit, *answers]

    def _take_batch(
        self, conn: str, link: str, batch: Batch, now_text: str
    ) -> tuple[list[act.Command], set[str]]:
        """All of it in one transaction, and one answer for all (§2.10.3.2)."""
        wanted = batch.messages[:1] if self.has("takes-first-of-batch") else batch.messages
        pairs = [(one, taken) for one in wanted if (taken := self._judged(link, one)) is not None]
        statements = [one for _, taken in pairs for one in taken.statements]
        links = {one for _, taken in pairs for one in taken.links}
        if self.has("answers-batch-singly"):
            answers = [self._answer(conn, one, taken, now_text) for one, taken in pairs]
            return self._in_order(answers, statements), links
        ident = messages.control_id("B", batch.control_id, *(len(one) for one in batch.messages))
        codes = [(one, taken.code) for one, taken in pairs]
        if self.has("takes-first-of-batch"):
            codes = [(one, "AA") for one in batch.messages]
        reply = answer_batch(batch, codes, control_id=ident, time=now_text)
        answer: act.Command = act.Send(conn=conn, event=Message(payload=reply))
        return self._in_order([answer], statements), links

    def has(self, defect: str) -> bool:
        """Is this defect of ours switched on?"""
        return f"engine-{defect}" in self.defects

    # -- one message ---------------------------------------------------------------------------

    def _judged(self, link: str, payload: bytes) -> Taken | None:
        """None for an acknowledgement, which is never acknowledged."""
        try:
            return self._one(link, payload)
        except Refusal as refusal:
            return Taken(code=refusal.code, error=refusal.error, text=refusal.text)
        except HarnessError as error:
            return Taken(code="AE", error="207", text=error.message)
        except Exception as error:  # noqa: BLE001 - one message must not end the whole engine
            trouble.tell("ENGINE", error)
            return Taken(code="AE", error="207", text=f"internal error: {type(error).__name__}")

    def _one(self, link: str, payload: bytes) -> Taken | None:
        message = Hl7Message.parse(payload)
        if message.get("MSH-9.1") == "ACK":
            return None
        check(message)
        sender = f"{message.get('MSH-3') or ''}|{message.get('MSH-4') or ''}"
        turn, expected, counted = self._numbered(message, sender)
        if turn is Turn.START:
            return Taken(code="AA", expected=expected)
        if turn is Turn.BROKEN or (turn is Turn.GAP and not self.has("ignores-gaps")):
            text = f"sequence number {expected} is expected"
            return Taken(code="AE", error="207", text=text, expected=expected)
        control_id, digest = message.get("MSH-10") or "", hashlib.sha256(payload).hexdigest()
        known = self.store.rows(
            "SELECT digest FROM received WHERE sender = ? AND control_id = ?", (sender, control_id)
        )
        good = "CA" if message.get("MSH-15") else "AA"
        if known and not self.has("forwards-repeats"):
            if known[0]["digest"] != digest:
                raise Refusal("AE", "205", "control id used before for another message")
            return Taken(code=good, expected=expected)
        statements, links = self._routed(link, message, sender)
        row = {"control_id": control_id, "sender": sender, "digest": digest, "answer": good}
        statements += [upsert("received", ["sender", "control_id"], row), *counted]
        return Taken(code=good, statements=statements, expected=expected, links=links)

    def _numbered(self, message: Hl7Message, sender: str) -> tuple[Turn, int, list[Statement]]:
        number = message.get("MSH-13") or ""
        if not number:
            return Turn.NONE, 0, []
        rows = self.store.rows("SELECT last FROM sequence WHERE sender = ?", (sender,))
        judged = judge(number, rows[0]["last"] if rows else None)
        if judged.turn is Turn.NEXT:
            counted = upsert("sequence", ["sender"], {"sender": sender, "last": judged.last})
            return judged.turn, judged.expected, [counted]
        return judged.turn, judged.expected, []

    def _routed(
        self, link: str, message: Hl7Message, sender: str
    ) -> tuple[list[Statement], tuple[str, ...]]:
        """The statements that store a message for its destinations, or a part of it."""
        payload = message.raw
        statements: list[Statement] = []
        known = _known(message)
        if not self.has("forwards-fragments"):
            pointer, before = pointer_out(payload), pointer_in(payload)
            chain, parts = self._parts(sender, before) if before else (known["ident"], [])
            if pointer:
                part = {"sender": sender, "pointer": pointer, "chain": chain,
                        "payload": payload.hex()}  # fmt: skip
                return [insert("fragments", part)], ()
            if parts:
                payload = join([*parts, payload])
                gone = ("DELETE FROM fragments WHERE sender = ? AND chain = ?", (sender, chain))
                statements.append(gone)
        ways = routes_for(self.routes, link, known["kind"])
        if self.upgraded and self.has("upgrade-loses-rule"):
            ways = [way for way in ways if known["kind"] != "ADT^A08"]
        if not ways:
            raise Refusal("AR", "200", f"no route for {known['kind']}")
        wants_answer = bool(message.get("MSH-15")) and message.get("MSH-16") in {"AL", "SU"}
        ways = [way for way in ways if way.to in self.active]
        for index, way in enumerate(ways):
            origin = payload if wants_answer and not index else b""
            put = out.row_of(way.to, transform(self._way(way), payload, self.defects), origin)
            statements.append(insert("queue", put))
        return statements, tuple(way.to for way in ways)

    def _way(self, way: Route) -> Route:
        """The defect: what was set before an upgrade is not set after it."""
        if not (self.upgraded and self.has("upgrade-forgets-charset")):
            return way
        return Route(name=way.name, frm=way.frm, to=way.to, types=way.types, rules=way.rules)

    def _parts(self, sender: str, pointer: str) -> tuple[str, list[bytes]]:
        """The message that a fragment continues, and its fragments so far."""
        sql = "SELECT chain FROM fragments WHERE sender = ? AND pointer = ?"
        rows = self.store.rows(sql, (sender, pointer))
        if not rows:
            raise Refusal("AE", "204", "MSH-14 names no fragment that came before")
        chain = rows[0]["chain"]
        sql = "SELECT payload FROM fragments WHERE sender = ? AND chain = ? ORDER BY id"
        parts = self.store.rows(sql, (sender, chain))
        if len(parts) > FRAGMENTS_MAX:
            raise Refusal("AE", "207", f"more than {FRAGMENTS_MAX} fragments")
        return chain, [bytes.fromhex(row["payload"]) for row in parts]

    # -- answers -------------------------------------------------------------------------------

    def _answer(self, conn: str, payload: bytes, taken: Taken, now_text: str) -> act.Command:
        refused = bool(taken.error)
        if not asked_for(payload, refused=refused):
            return act.SetTimer(name="unanswered", at=None)
        ack = messages.acknowledgement(
            payload, taken.code, error=taken.error, text=taken.text, time=now_text, system="ENGINE"
        )
        if taken.expected:
            ack = Hl7Message.parse(ack).set("MSA-4", str(taken.expected)).raw
        return act.Send(conn=conn, event=Message(payload=ack))


def _known(message: Hl7Message) -> Mapping[str, str]:
    return {
        "ident": message.get("MSH-10") or "",
        "kind": f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}",
    }
