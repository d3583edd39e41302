"""What a peer did otherwise in one exercise, told from the trace and from what the peer reported.

Answers are read here by hand, byte by byte, so that our own reading of them is not its own judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from expected import Observed
from rig import Rig
from samples import NAME, PATIENT, RESULTS

from harness.evidence.trace import unpack

Pairs = Iterator[tuple[str, str]]
"""Finding and place."""


def fields(payload: bytes, name: bytes) -> list[bytes]:
    """The fields of the first segment of this name; entry n is field n, of MSH field n + 1."""
    for segment in payload.split(b"\r"):
        if segment.split(b"|")[0] == name:
            return segment.split(b"|")
    return []


def at(parts: Sequence[bytes], index: int) -> bytes:
    """One of them, or empty."""
    return parts[index] if index < len(parts) else b""


def of_server(
    exercise: str, sent: Sequence[bytes], rig: Rig, said: Iterable[dict[str, Any]]
) -> set[Observed]:
    """What a receiver did otherwise: framing, answers, effects, connection."""
    answers = [unpack(one["raw"]) for one in rig.messages("peer")]
    pairs = [*_framing(rig), *_answers(sent, answers), *_effects(sent, said)]
    # Closing after the last answer is anybody's right, and may be seen or not.
    if rig.ends_by_peer and (len(sent) > 1 or len(answers) < len(sent)):
        pairs.append(("closed", "mllp connection"))
    return {Observed(id=f"server.{exercise}.{finding}", place=place) for finding, place in pairs}


def of_client(
    exercise: str, wanted: Sequence[bytes], rig: Rig, said: Iterable[dict[str, Any]]
) -> set[Observed]:
    """What a sender did otherwise: framing, the messages themselves, and answers it missed."""
    received = [unpack(one["raw"]) for one in rig.messages("peer")]
    pairs = [*_framing(rig), *_messages(wanted, received), *_heard(wanted, said)]
    return {Observed(id=f"client.{exercise}.{finding}", place=place) for finding, place in pairs}


def _framing(rig: Rig) -> Pairs:
    for violation in rig.violations():
        yield "framing", f"mllp {violation['code'].removeprefix('mllp.')}"


def _answers(sent: Sequence[bytes], answers: Sequence[bytes]) -> Pairs:
    """Each message is answered once, in order, by an answer that names it."""
    ids = [at(fields(one, b"MSH"), 9) for one in sent]
    told = [at(fields(one, b"MSA"), 2) for one in answers]
    counts = Counter(told)
    if any(not counts[each] for each in ids):
        yield "answer-missing", "hl7 MSA-2"
    if any(counts[each] > 1 for each in ids):
        yield "answer-repeated", "hl7 MSA-2"
    if set(told) - set(ids):
        yield "answer-foreign", "hl7 MSA-2"
    first = [each for n, each in enumerate(told) if each not in told[:n] and each in ids]
    if first != [each for each in ids if each in first]:
        yield "answer-out-of-order", "hl7 MSA-2"
    own = [at(fields(one, b"MSH"), 9) for one in answers]
    if len(set(own)) < len(own):
        yield "control-id-repeated", "hl7 MSH-10"
    for answer in answers:
        message = next((one for one in sent if at(fields(one, b"MSH"), 9) in answer), b"")
        yield from _answer(message, answer)


def _answer(message: bytes, answer: bytes) -> Pairs:
    """One answer, strictly (HL7 2.4 §2.9.2, §2.16.8)."""
    head, theirs = fields(answer, b"MSH"), fields(message, b"MSH")
    if not answer.endswith(b"\r"):
        yield "segment-unterminated", "hl7 MSA"
    if at(fields(answer, b"MSA"), 1) != b"AA":
        yield "answer-negative", "hl7 MSA-1"
    if [at(head, n) for n in (2, 3, 4, 5)] != [at(theirs, n) for n in (4, 5, 2, 3)]:
        yield "header-not-swapped", "hl7 MSH-3"
    if at(head, 6) == b"":
        yield "time-missing", "hl7 MSH-7"
    if at(head, 8) != b"ACK^R01^ACK":
        yield "answer-type", "hl7 MSH-9"
    if at(head, 10) != at(theirs, 10):
        yield "processing-id-differs", "hl7 MSH-11"
    if at(head, 11) != at(theirs, 11):
        yield "version-differs", "hl7 MSH-12"


def _effects(sent: Sequence[bytes], said: Iterable[dict[str, Any]]) -> Pairs:
    """Each message is handled once, with its patient and all its results."""
    handled = list(said)
    counts = Counter(one.get("id", "") for one in handled)
    for message in sent:
        count = counts[at(fields(message, b"MSH"), 9).decode("ascii")]
        if count == 0:
            yield "effect-missing", "program"
        elif count > 1:
            yield "effect-repeated", "program"
    for one in handled:
        if "error" in one:
            yield "error", "program"
            continue
        if one["patient"] != PATIENT:
            yield "patient-altered", "hl7 PID-3"
        if one["name"] != NAME:
            yield "name-altered", "hl7 PID-5"
        if one["results"] != RESULTS:
            yield "results-altered", "hl7 OBX"


def _messages(wanted: Sequence[bytes], received: Sequence[bytes]) -> Pairs:
    """What arrived is what the sender was told to send, byte for byte."""
    if len(received) < len(wanted):
        yield "message-missing", "mllp frame"
    if len(received) > len(wanted):
        yield "message-repeated", "mllp frame"
    for ours, theirs in zip(wanted, received, strict=False):
        if ours == theirs:
            continue
        if ours == theirs + b"\r":
            yield "segment-unterminated", "hl7 OBX"
        else:
            yield "message-altered", "hl7 PID"  # it may be anybody's: never to be expected


def _heard(wanted: Sequence[bytes], said: Iterable[dict[str, Any]]) -> Pairs:
    """The sender saw one positive answer for each of its messages, in order."""
    heard = list(said)
    ids = [at(fields(one, b"MSH"), 9).decode("ascii") for one in wanted]
    told = [one["acknowledges"] for one in heard]
    if told != ids:
        yield ("answer-unseen" if len(told) < len(ids) else "answer-seen-twice"), "hl7 MSA-2"
    if any(one["code"] != "AA" for one in heard):
        yield "answer-misread", "hl7 MSA-1"
