"""Associations over DICOM as values: what was offered, what was taken, what was refused or broken.

A version that takes fewer classes or other transfer syntaxes differs here, before any image is lost
by it. The path of a context is its class and what was offered for it, its value the transfer syntax
that was taken, or why none was (PS3.8 table 9-18). A request counts once it is answered: one that
nobody answered shows by the answer that is not there. Names of implementations are no values: every
version has another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.evidence.trace import Record
from harness.upgrade.dicom import Said
from harness.wire.dicom_items import Context
from harness.wire.dicom_pdu import Abort, Associate, Reject

Values = Mapping[str, str]

KIND: Final = "association"
"""Of an observation: its place among the messages of parallel connections says nothing."""

ASKED, ANSWERED, ABORTED = "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC/RJ", "A-ABORT"
"""Names of such observations; an answer is one, whichever way it goes."""

NOT_TAKEN: Final = {
    1: "user rejection", 2: "no reason", 3: "class not supported", 4: "syntaxes not supported",
}  # fmt: skip
"""Table 9-18 of PS3.8."""

UNANSWERED: Final = "not answered"


def observed(said: Sequence[Said]) -> Iterator[tuple[Record, str, Values]]:
    """The record of the bytes, the name, and the values of each."""
    asked: dict[str, Said] = {}
    for one in said:
        conn = str(one.record.get("conn", ""))
        match one.pdu:
            case Associate(accepted=False):
                asked[conn] = one
            case Associate() | Reject():
                question = asked.pop(conn, None)
                if question is not None and isinstance(question.pdu, Associate):
                    yield question.record, ASKED, dict(_offered(question.pdu))
                    yield one.record, ANSWERED, dict(_answer(one.pdu, question.pdu))
            case Abort(source=source, reason=reason):
                yield one.record, ABORTED, {"@source": str(source), "@reason": str(reason)}


def _offered(asked: Associate) -> Iterator[tuple[str, str]]:
    yield "@called", asked.called.decode("latin-1")
    yield "@calling", asked.calling.decode("latin-1")
    yield "@max-length", str(asked.items.user.max_length)
    for uid, contexts in _by_class(asked).items():
        syntaxes = dict.fromkeys(",".join(one.transfer_syntaxes) for one in contexts)
        yield f"@context/{uid}", " | ".join(syntaxes)


def _answer(answer: Associate | Reject, asked: Associate) -> Iterator[tuple[str, str]]:
    if isinstance(answer, Reject):
        told = f"result {answer.result}, source {answer.source}, reason {answer.reason}"
        yield "@answer", f"rejected: {told}"
        return
    yield "@answer", "accepted"
    yield "@max-length", str(answer.items.user.max_length)
    answers = {one.id: one for one in answer.items.contexts}
    for path, contexts in _alike(asked).items():
        said = dict.fromkeys(_of_context(answers.get(one.id)) for one in contexts)
        yield path, " | ".join(said)


def _by_class(asked: Associate) -> dict[str, list[Context]]:
    found: dict[str, list[Context]] = {}
    for one in asked.items.contexts:
        found.setdefault(one.abstract_syntax, []).append(one)
    return found


def _alike(asked: Associate) -> dict[str, list[Context]]:
    """Contexts of one class and one offer, by their path."""
    found: dict[str, list[Context]] = {}
    for one in asked.items.contexts:
        path = f"@context/{one.abstract_syntax}/{','.join(one.transfer_syntaxes)}"
        found.setdefault(path, []).append(one)
    return found


def _of_context(answer: Context | None) -> str:
    if answer is None:
        return UNANSWERED
    if answer.result:
        return NOT_TAKEN.get(answer.result, str(answer.result))
    return ",".join(answer.transfer_syntaxes)
