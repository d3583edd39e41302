"""The dialect of recorded imaging traffic: which transfer syntaxes are offered, taken and used.

What a listener accepts is asked by associating (``contract.dicom``). What the devices of this site
offer it, and in what they then send, stands in recordings only: a modality that was set from
lossless to lossy after an upgrade, or falls back to another syntax since its first choice is
refused, is not seen by asking the PACS. Of an association the negotiation and the command sets are
read (PS3.8 §9.3, PS3.7 §E.1); no data set is looked at, so nothing of a patient gets into a
snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.captures.conversations import conversations
from harness.captures.packets import Packets
from harness.contract.dicom import CLASSES, RESULTS, SYNTAXES
from harness.dialect.sources import CAPTURE, TRACE, journals
from harness.errors import InputError
from harness.evidence.line import unpack
from harness.i18n import tr
from harness.wire import dicom_command as command
from harness.wire.dicom_items import Context
from harness.wire.dicom_pdu import Associate, Data, PduError, PduType, decode_pdu, whole_pdus

NOT_AGREED: Final = "a context that was not agreed"
NOT_CHOSEN: Final = "another one was taken"
NOT_ANSWERED: Final = "not answered"

_BEGINS: Final = bytes((PduType.ASSOCIATE_RQ, 0))
"""How a connection of DICOM begins (PS3.8 §9.3.2)."""


@dataclass(slots=True)
class _Side:
    """What one side said and is not read yet."""

    left: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    """A command set, as far as it came."""


@dataclass(slots=True)
class Talk:
    """One association: what was offered, what was taken, what then went over it."""

    asked: Associate | None = None
    answered: Associate | None = None
    used: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    """Services by context and class."""
    _sides: tuple[_Side, _Side] = field(default_factory=lambda: (_Side(), _Side()))

    def take(self, data: bytes, *, server: bool) -> None:
        """Bytes of one side, in their order."""
        side = self._sides[server]
        side.left += data
        for kind, body in whole_pdus(side.left):
            try:
                self._pdu(side, decode_pdu(kind, body))
            except (PduError, command.CommandError):
                side.said.clear()  # broken, perhaps on purpose: it agrees and carries nothing

    def _pdu(self, side: _Side, pdu: object) -> None:
        match pdu:
            case Associate(accepted=True):
                self.answered = pdu
            case Associate():
                self.asked = pdu
            case Data():
                for one in pdu.values:
                    if one.command:
                        side.said += one.data
                        if one.last:
                            raw = bytes(side.said)
                            side.said.clear()
                            self._message(one.context, command.decode(raw))

    def _message(self, context: int, said: dict[int, command.Value]) -> None:
        """A message; one without a data set uses no transfer syntax."""
        number = said.get(command.FIELD)
        data = said.get(command.DATA_SET_TYPE, command.NO_DATA_SET)
        if data == command.NO_DATA_SET or not isinstance(number, int):
            return
        try:
            service = command.Service(number & ~command.RESPONSE).name.replace("_", "-")
        except ValueError:
            service = f"{number:04X}H"
        uid = said.get(command.AFFECTED_CLASS) or said.get(command.REQUESTED_CLASS) or ""
        self.used.setdefault((context, str(uid)), set()).add(service)

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and values; a value for each time that it is so."""
        if self.asked is None:
            return
        who = self.asked.calling.decode("latin-1").strip(" \0")
        answers = {one.id: one for one in self.answered.items.contexts} if self.answered else {}
        for one in self.asked.items.contexts:
            answer = answers.get(one.id)
            for uid in one.transfer_syntaxes:
                yield (
                    f"offered {who} {_class(one.abstract_syntax)} {_syntax(uid)}",
                    _said(answer, uid),
                )
        for (context, uid), services in self.used.items():
            agreed = _taken(answers.get(context))
            how = _syntax(agreed) if agreed else NOT_AGREED
            for service in services:
                yield f"used {who} {_class(uid)} {how}", service


def _taken(answer: Context | None) -> str:
    """The transfer syntax of an accepted context; empty where it was not accepted."""
    if answer is None or answer.result or not answer.transfer_syntaxes:
        return ""
    return answer.transfer_syntaxes[0]


def _said(answer: Context | None, uid: str) -> str:
    """What became of one transfer syntax that was offered."""
    if answer is None or answer.result is None:
        return NOT_ANSWERED
    if answer.result:
        return RESULTS.get(answer.result, str(answer.result))
    return RESULTS[0] if _taken(answer) == uid else NOT_CHOSEN


def _class(uid: str) -> str:
    return CLASSES.get(uid, uid)


def _syntax(uid: str) -> str:
    return SYNTAXES.get(uid, uid)


def items(path: Path) -> dict[str, str]:
    """What the traffic in a trace, a capture or a folder of them offers, takes and uses.

    A syntax that is answered in several ways has all of them as its value.

    Raises:
        InputError: nothing can be read, or there is no association in it.
    """
    found: dict[str, set[str]] = {}
    for talk in _talks(path):
        for name, value in talk.items():
            found.setdefault(name, set()).add(value)
    if not found:
        raise InputError(tr("there is no DICOM association in it"), where=str(path))
    return {name: " | ".join(sorted(values)) for name, values in sorted(found.items())}


def _talks(path: Path) -> Iterator[Talk]:
    if not path.exists():
        raise InputError(tr("there is no recorded traffic"), where=str(path))
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_dir() or file.parent.name == "blobs":
            continue
        if file.suffix in {TRACE, CAPTURE}:
            for records in journals([file]):
                yield from _of_journal(records)
        else:
            yield from _of_packets(file, alone=file == path)


def _of_journal(records: Iterator[dict[str, Any]]) -> Iterator[Talk]:
    """The associations of one trace."""
    talks: dict[tuple[str, str], tuple[str, Talk] | None] = {}
    for record in records:
        if record["kind"] != "bytes":
            continue
        key = (str(record.get("link", "")), str(record.get("conn", "")))
        data = unpack(str(record.get("raw", "")))
        if key not in talks:
            talks[key] = (str(record["frm"]), Talk()) if data.startswith(_BEGINS) else None
        known = talks[key]
        if known is not None:
            known[1].take(data, server=record["frm"] != known[0])
    yield from (one[1] for one in talks.values() if one is not None)


def _of_packets(file: Path, *, alone: bool) -> Iterator[Talk]:
    """The associations of a network capture; another file is a mistake only where it was named."""
    with file.open("rb") as opened:
        packets = Packets(opened)
        talks = conversations(packets.segments())
    if not talks and packets.damage and alone:
        said = tr("neither a trace nor a network capture: {reason}", reason=packets.damage)
        raise InputError(said, where=str(file))
    for one in talks:
        if not one.client.data.startswith(_BEGINS):
            continue
        talk = Talk()
        talk.take(one.client.data, server=False)
        talk.take(one.server.data, server=True)
        yield talk
