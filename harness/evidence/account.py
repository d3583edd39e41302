"""The message account: what became of each message, read from the records of a trace alone.

One account for every protocol. A message is who sent it, its own id and its content; sending it
again is another sending of the same message, not another message. Its states are *sent*, *on the
wire*, *accepted*, *applied* and *effect seen*. An outcome is *unknown* where it was sent and no
answer can be trusted: the answer was lost, names another message or makes no sense.

The account says what can be read off; whether that is right is for the judges to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.evidence import correlate_http
from harness.evidence.account_effect import Effect, effect_of
from harness.evidence.account_wire import Wire
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.model import Outcome

POSITIVE = frozenset({"AA", "CA"})
NEGATIVE = frozenset({"AE", "AR", "CE", "CR"})
"""MSA-1 (HL7 2.5.1 table 0008); anything else is no answer that can be trusted."""

HTTP_DONE = frozenset({correlate_http.DONE, correlate_http.FILE})
"""``infcode`` of success, and a file; another whole number is a refusal, anything else unknown."""

APPLIED = frozenset({"AA"}) | HTTP_DONE
"""Codes by which the receiver says that it is done, and not only that it has it."""

PROTOCOLS = frozenset({"hl7", "astm", "http"})
"""Protocols whose messages have an account."""

DIGEST_CHARACTERS = 16
"""Of SHA-256: enough to tell the messages of a scenario apart, short enough to read."""

LOST = "lost"
DUPLICATED = "duplicated"
ANSWERED_WITHOUT_EFFECT = "answered without effect"
EFFECT_WITHOUT_ANSWER = "effect without answer"
OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to a message.

    Attributes:
        record: its number in the trace.
        code: MSA-1; for ASTM the way in which the transfer ended; for HTTP the ``infcode``.
        acknowledges: the id that it names.
        trusted: it names this message, says something that is defined, and reached the sender.
    """

    record: int
    code: str
    acknowledges: str
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageState:
    """What became of one message.

    Attributes:
        protocol: ``hl7``, ``astm`` or ``http``.
        link: over which it went.
        sender: role.
        receiver: role.
        type: such as ``ORU^R01``, ``astm result`` or ``2207``.
        id: MSH-10, H.3 or msgid.
        digest: of its content.
        keys: what it is about: barcode, patient ...
        records: numbers of its ``message`` records: how often it was sent.
        deliveries: how often it went whole over the wire to the receiver.
        answers: all of them, in order.
        outcome: as its sender has to take it.
        effect: what probes showed of it.
        words: what is to be said of it; empty if nothing is.
    """

    protocol: str
    link: str
    sender: str
    receiver: str
    type: str
    id: str
    digest: str
    keys: Mapping[str, str]
    records: tuple[int, ...]
    deliveries: int
    answers: tuple[Answer, ...]
    outcome: Outcome
    effect: Effect
    words: tuple[str, ...] = ()

    @property
    def states(self) -> tuple[str, ...]:
        """The states that it was seen in, in their order."""
        reached = {
            "sent": True,
            "on the wire": self.deliveries > 0,
            "accepted": self.outcome is Outcome.OK,
            "applied": any(one.trusted and one.code in APPLIED for one in self.answers),
            "effect seen": self.effect.seen_at > 0,
        }
        return tuple(state for state, seen in reached.items() if seen)

    def data(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"outcome": self.outcome.value, "states": list(self.states)}


def account(records: Sequence[Record]) -> list[MessageState]:
    """Every message of a trace, in the order of first sending; answers stand with theirs."""
    wire = Wire.of(records)
    sendings: dict[tuple[str, ...], list[Record]] = {}
    answers: list[Record] = []
    for record in records:
        if record["kind"] != "message" or record["protocol"] not in PROTOCOLS:
            continue
        if _is_answer(record):
            answers.append(record)
        else:
            sendings.setdefault(_identity(record), []).append(record)
    given = _given(list(sendings.values()), answers, wire)
    arrivals = [wire.arrivals(sent) for sent in sendings.values()]
    late = _late(list(sendings.values()), arrivals)
    return [
        _state(sent, answered, arrived, out_of_order=overtaken, records=records)
        for sent, answered, arrived, overtaken in zip(
            sendings.values(), given, arrivals, late, strict=True
        )
    ]


def _is_answer(record: Record) -> bool:
    """Whatever has no type that can be read is taken for an answer: nobody could do more."""
    kind = record["type"]
    if record["protocol"] == "http":
        return "code" in record["corr"]
    return "acknowledges" in record["corr"] or kind.startswith("ACK") or not kind


def digest(payload: bytes) -> str:
    """The content of a message as its identity has it."""
    return hashlib.sha256(payload).hexdigest()[:DIGEST_CHARACTERS]


def _identity(record: Record) -> tuple[str, ...]:
    """Sender, id and content; an ASTM control id is optional and often constant."""
    ident = "" if record["protocol"] == "astm" else record["id"]
    return record["link"], record["frm"], record["protocol"], ident, digest(unpack(record["raw"]))


# -- answers -----------------------------------------------------------------------------------


def _given(
    sendings: Sequence[Sequence[Record]], answers: Sequence[Record], wire: Wire
) -> list[tuple[Answer, ...]]:
    """The answers to each message; one that names none stands with the message before it."""
    found: list[list[Answer]] = [[] for _ in sendings]
    for index, sent in enumerate(sendings):
        if sent[0]["protocol"] == "astm":
            found[index] = [
                Answer(record=end.record, code=end.how, acknowledges="", trusted=end.trusted)
                for end in (wire.transfer(one) for one in sent)
                if end is not None
            ]
    for record in answers:
        named = record["corr"].get("acknowledges", "")
        code = record["corr"].get("code", "")
        before = [index for index, sent in enumerate(sendings) if _precedes(sent, record)]
        meant = [index for index in before if sendings[index][0]["id"] == named]
        nearest = sorted(meant or before, key=lambda index: _last_before(sendings[index], record))
        for index in nearest[-1:]:
            found[index].append(
                Answer(
                    record=record["n"],
                    code=code,
                    acknowledges=named,
                    trusted=bool(meant)
                    and _means_something(record["protocol"], code)
                    and not wire.swallowed(record)
                    and wire.left_whole(record),
                )
            )
    return [tuple(one) for one in found]


def _precedes(sent: Sequence[Record], answer: Record) -> bool:
    first = sent[0]
    there_and_back = (first["link"], first["frm"]) == (answer["link"], answer["to"])
    same = first["protocol"] == answer["protocol"] != "astm"
    return there_and_back and same and first["n"] < answer["n"]


def _means_something(protocol: str, code: str) -> bool:
    if protocol == "http":
        return code in HTTP_DONE or code.removeprefix("-").isdecimal()
    return code in POSITIVE | NEGATIVE


def _last_before(sent: Sequence[Record], answer: Record) -> int:
    return max(int(one["n"]) for one in sent if one["n"] < answer["n"])


def _outcome(answers: Sequence[Answer]) -> Outcome:
    """What the sender has to make of it: the last answer that can be trusted."""
    for answer in reversed(answers):
        if answer.trusted:
            good = answer.code in POSITIVE | HTTP_DONE or answer.code == "delivered"
            return Outcome.OK if good else Outcome.FAILED
    return Outcome.UNKNOWN


# -- words -------------------------------------------------------------------------------------


def _late(sendings: Sequence[Sequence[Record]], arrivals: Sequence[Sequence[int]]) -> list[bool]:
    """Whether each message arrived behind one about the same patient that was sent after it."""
    late = []
    for mine, arrived in zip(sendings, arrivals, strict=True):
        overtaken = any(
            _same_patient(mine[0], other[0])
            and mine[0]["n"] < other[0]["n"]
            and arrived
            and theirs
            and theirs[0] < arrived[0]
            for other, theirs in zip(sendings, arrivals, strict=True)
        )
        late.append(overtaken)
    return late


def _same_patient(one: Record, other: Record) -> bool:
    patient = one["corr"].get("patient", "")
    same_way = (one["link"], one["frm"]) == (other["link"], other["frm"])
    return bool(patient) and same_way and patient == other["corr"].get("patient")


def _words(outcome: Outcome, effect: Effect, deliveries: int, *, out_of_order: bool) -> list[str]:
    words = []
    missing = effect.looked and not effect.seen_at
    if (missing and outcome is Outcome.UNKNOWN) or not (deliveries or effect.seen_at):
        words.append(LOST)
    if missing and outcome is Outcome.OK:
        words.append(ANSWERED_WITHOUT_EFFECT)
    if effect.seen_at and outcome is not Outcome.OK:
        words.append(EFFECT_WITHOUT_ANSWER)
    if effect.times > 1:
        words.append(DUPLICATED)
    if out_of_order:
        words.append(OUT_OF_ORDER)
    return words


def _state(
    sent: Sequence[Record],
    answers: tuple[Answer, ...],
    arrived: Sequence[int],
    *,
    out_of_order: bool,
    records: Sequence[Record],
) -> MessageState:
    first = sent[0]
    outcome = _outcome(answers)
    effect = effect_of(first, records)
    words = _words(outcome, effect, len(arrived), out_of_order=out_of_order)
    return MessageState(
        protocol=first["protocol"],
        link=first["link"],
        sender=first["frm"],
        receiver=first["to"],
        type=first["type"],
        id=first["id"],
        digest=digest(unpack(first["raw"])),
        keys=dict(first["corr"]),
        records=tuple(one["n"] for one in sent),
        deliveries=len(arrived),
        answers=answers,
        outcome=outcome,
        effect=effect,
        words=tuple(words),
    )
