"""Lines of instruments with a framing of their own, and of POCT1-A2 devices, out of recordings.

Such a line says little about itself: which conversation is one is seen from its bytes, by the model
of the instrument or by the root of a device message. What names no specimen belongs to the one
before it on the same line, and an acknowledgement to what it acknowledges; what belongs to nobody
is the greeting and the closing of its conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.captures.layout import Layout
from harness.captures.network import protocol_of
from harness.captures.poct import ACKNOWLEDGEMENT, POCT, is_poct, messages
from harness.cases import framing_maker, maker_places
from harness.cases.recorded_dicom import moment
from harness.cases.recorded_wire import BEHIND, Side
from harness.evidence import trace
from harness.evidence.correlate import Summary
from harness.wire import poct1a
from harness.wire.astm_decode import decode_stream

SESSION: Final = "session"
"""Key of what one conversation has in common."""

PROTOCOLS: Final = frozenset({framing_maker.WIRE, POCT})

UNSOUND: Final = "spots in a maker's framing that are not as they should be; they are kept"

_KEYS: Final = {"SPC.specimen_id": "barcode", "PT.patient_id": "patient"}
_ASTM_SIGN: Final = re.compile(rb"\A[\x00\r\n]*\x05")

At = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One side of a conversation.

    Attributes:
        frm: who said it.
        to: to whom.
        data: the bytes.
        at: when a byte passed; 0 where nobody knows.
    """

    frm: str
    to: str
    data: bytes
    at: At


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One message, as it stood on the line.

    Attributes:
        protocol: ``framed`` or ``poct1a``.
        data: the bytes.
        side: who said it.
        at_s: when.
        about: what it is.
        sound: nothing is wrong with its framing.
    """

    protocol: str
    data: bytes
    side: Spoken
    at_s: float
    about: Summary
    sound: bool = True


def speaks(sides: Sequence[bytes], layout: Layout | None) -> str:
    """``poct1a``, ``framed``, or nothing of both.

    Bytes that begin as ASTM does are the instrument's own where no frame of ASTM is sound.
    """
    if any(is_poct(one) for one in sides):
        return POCT
    if layout is None:
        return ""
    first, second = [*sides, b"", b""][:2]
    named = protocol_of(first, second)
    astm = named == "astm" and not any(_ASTM_SIGN.match(one) for one in sides) and not any(
        unit.kind == "FRAME" and unit.sound for one in sides for unit in decode_stream(one)
    )  # fmt: skip
    return framing_maker.WIRE if (named == "unknown" or astm) and _fits(sides, layout) else ""


def _fits(sides: Sequence[bytes], layout: Layout) -> bool:
    """Whether any message is one of the instrument."""
    for data in sides:
        for one in framing_maker.said(data, layout):
            parts, _ = layout.parts(layout.decoded(one.text)[1])
            if any(part.whole for part in parts):
                return True
    return False


def pieces(sides: Sequence[Spoken], layout: Layout | None, session: str) -> list[Piece]:
    """All messages of one conversation, by time; empty where it speaks something else.

    Args:
        sides: the one, or both.
        layout: of the instrument; None where there is no model.
        session: names the conversation.
    """
    protocol = speaks([one.data for one in sides], layout)
    if protocol == POCT:
        found = _devices(sides)
    elif protocol and layout is not None:
        found = _makers(sides, layout)
    else:
        return []
    found.sort(key=lambda one: one.at_s)
    return [_in_session(one, session) for one in found]


def _in_session(one: Piece, session: str) -> Piece:
    about = Summary(type=one.about.type, id=one.about.id, corr={**one.about.corr, SESSION: session})
    return replace(one, about=about)


def _makers(sides: Sequence[Spoken], layout: Layout) -> list[Piece]:
    cut = [(side, one) for side in sides for one in framing_maker.said(side.data, layout)]
    known: set[str] = set()
    for _, one in cut:
        barcode = maker_places.about(one.text, layout).corr.get("barcode", "")
        known |= {barcode} if len(barcode) > maker_places.SHORT_MAX else set()
    found: list[Piece] = []
    last: dict[str, dict[str, str]] = {}
    for side, one in cut:
        about = maker_places.about(one.text, layout, known)
        keys = about.corr
        if keys.get("barcode"):
            last[side.frm] = keys
        elif about.type in {"result", "specimen"}:
            keys = last.get(side.frm, {})
        elif about.type in {"open", "close"}:
            last.pop(side.frm, None)
        found.append(
            Piece(
                protocol=framing_maker.WIRE, data=one.data, side=side, at_s=side.at(one.offset),
                about=Summary(type=about.type, id="", corr=dict(keys)), sound=one.sound,
            )
        )  # fmt: skip
    return found


def device_about(payload: bytes) -> Summary:
    """What a device message is about: its root, its control id, its specimen and patient."""
    read = poct1a.read(payload)
    corr = {key: value for name, key in _KEYS.items() if (value := read.get(name).strip())}
    if read.kind == ACKNOWLEDGEMENT:
        corr |= {"acknowledges": read.get("ACK.ack_control_id"), "code": read.get("ACK.type_cd")}
    corr = {key: _latin(value) for key, value in corr.items() if value}
    return Summary(type=read.kind, id=_latin(read.control_id), corr=corr)


def _latin(text: str) -> str:
    """Keys are read as Latin-1."""
    return text.encode("utf-8").decode("latin-1")


def _devices(sides: Sequence[Spoken]) -> list[Piece]:
    found = [
        Piece(
            protocol=POCT, data=one.data, side=side, at_s=side.at(one.offset),
            about=device_about(one.message), sound=one.sound,
        )
        for side in sides
        for one in messages(side.data)
    ]  # fmt: skip
    told = {(one.side.frm, one.about.id): one.about.corr for one in found if one.about.id}
    return [_acknowledging(one, told) for one in found]


def _acknowledging(one: Piece, told: Mapping[tuple[str, str], Mapping[str, str]]) -> Piece:
    """An acknowledgement is about what it acknowledges."""
    whose = told.get((one.side.to, one.about.corr.get("acknowledges", "")), {})
    keys = {key: whose[key] for key in _KEYS.values() if key in whose}
    about = Summary(type=one.about.type, id=one.about.id, corr={**keys, **one.about.corr})
    return replace(one, about=about)


@dataclass(slots=True)
class MakersOfTrace:
    """Conversations of one trace that may be such; fed record by record.

    Args:
        layout: of the instrument; without it only device messages are kept.
    """

    layout: Layout | None
    _sides: dict[tuple[str, str], dict[str, Side]] = field(default_factory=dict)
    _other: set[tuple[str, str]] = field(default_factory=set)
    _times: dict[int, float] = field(default_factory=dict)

    def take(self, record: Mapping[str, Any]) -> None:
        """A record of the kind ``bytes``."""
        key = (str(record.get("link", "")), str(record.get("conn", "")))
        if key in self._other:
            return
        data = trace.unpack(record["raw"])
        if key not in self._sides and self.layout is None and not is_poct(data):
            self._other.add(key)
            return
        sides = self._sides.setdefault(key, {})
        frm, to = str(record["frm"]), str(record["to"])
        side = sides.setdefault(frm, Side(key[0], frm, to, caller=not sides))
        number = int(record["n"])
        self._times[number] = moment(str(record["w"]))
        side.moments.append((len(side.data), float(number)))
        side.data += data

    def pieces(self) -> Iterator[tuple[int, str, Piece]]:
        """Of each that is one: number of the record with its first byte, link, message.

        Where a relay stood between, of each side what was heard of it.
        """
        for number, ((link, conn), sides) in enumerate(self._sides.items(), 1):
            if conn.endswith(BEHIND) and (link, conn.removesuffix(BEHIND)) in self._sides:
                continue
            far = self._sides.get((link, f"{conn}{BEHIND}"), {})
            heard = [far.get(frm, one) if one.caller else one for frm, one in sides.items()]
            spoken = [Spoken(one.frm, one.to, bytes(one.data), one.at_s) for one in heard]
            for one in pieces(spoken, self.layout, f"conversation-{number}"):
                yield int(one.at_s), link, replace(one, at_s=self._times[int(one.at_s)])
