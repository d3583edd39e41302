"""What recordings hold, whatever they are: messages with who sent them to whom, and what about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.captures.layout import Layout
from harness.cases import dicom_about, soap
from harness.cases.framing import WIRE
from harness.cases.recorded_maker import Piece
from harness.cases.unread import Unread
from harness.evidence import correlate, correlate_http
from harness.evidence.correlate import Summary

_SUMMARIES = {"hl7": correlate.hl7, "astm": correlate.astm, "dicom": dicom_about.summary}

MALFORMED = "sessions whose framing is not as it should be; --framing keeps it"
MISFRAMED = "spots in HL7 whose framing is not as it should be; --framing keeps them"
ENCRYPTED = "encrypted connections (TLS): nothing in them can be read"
NO_MODEL: Final = "framed: such a line is read with the model of its instrument, --model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One message.

    Attributes:
        source: file that it comes from.
        at_s: seconds since 1970; 0 where the recording has no times.
        frm: who sent it, as the recording names it.
        to: to whom.
        protocol: ``hl7``, ``astm``, ``http``, ``dicom``, ``framed``, ``poct1a``.
        kind: type of the message, number of the transaction.
        ident: control id, msgid.
        corr: what it is about.
        payload: its bytes, without framing.
        link: name of the endpoint that it went over, where the recording says.
    """

    source: str
    at_s: float
    frm: str
    to: str
    protocol: str
    kind: str
    ident: str
    corr: dict[str, str]
    payload: bytes
    link: str = ""


@dataclass(slots=True)
class Recording:
    """Everything of some files.

    Attributes:
        left_out: what could not be taken, with its number: protocols, damage, kept bytes.
        framing: ASTM sessions and what is wrong in HL7's framing are taken byte for byte.
        layout: of the instrument with a framing of its own; None where no model was given.
        unread: associations of DICOM that nobody has asked for yet.
    """

    left_out: dict[str, int] = field(default_factory=dict)
    framing: bool = False
    layout: Layout | None = None
    unread: Unread[Recorded] = field(default_factory=Unread)
    _parts: list[list[Recorded] | int] = field(default_factory=list)

    def add(self, messages: Iterable[Recorded]) -> None:
        """What was read, behind all that is there."""
        self._parts.append(list(messages))

    def later(self) -> None:
        """The association that was put to the unread ones last stands behind all that is there."""
        self._parts.append(len(self.unread) - 1)

    @property
    def messages(self) -> list[Recorded]:
        """All messages by time; nothing stays unread."""
        self.unread.between(float("-inf"), float("inf"))
        return self.known

    @property
    def known(self) -> list[Recorded]:
        """By time, without the associations that nobody has asked for."""
        found = [
            one
            for part in self._parts
            for one in (self.unread.was_read(part) if isinstance(part, int) else part)
        ]
        found.sort(key=lambda one: one.at_s)
        return found

    def __len__(self) -> int:
        """How many messages there are, read or not."""
        read = sum(len(part) for part in self._parts if not isinstance(part, int))
        return read + self.unread.messages

    @property
    def untimed(self) -> int:
        """How many of them have no time; each association has one."""
        parts = [part for part in self._parts if not isinstance(part, int)]
        return sum(not one.at_s for part in parts for one in part)

    def miss(self, why: str, count: int = 1) -> None:
        """Count something that is not among the messages."""
        if count:
            self.left_out[why] = self.left_out.get(why, 0) + count


def piece(
    path: Path, protocol: str, data: bytes, text: bytes, ends: tuple[str, str], at_s: float,
    link: str = "",
) -> Recorded:  # fmt: skip
    """What was on the line, with what the message in it is about."""
    about = correlate.astm(text) if protocol == WIRE else about_of("hl7", text)
    return Recorded(
        source=path.name, at_s=at_s, frm=ends[0], to=ends[1], protocol=protocol,
        kind="session" if protocol == WIRE else about.type, ident=about.id, corr=about.corr,
        payload=data, link=link,
    )  # fmt: skip


def maker_piece(path: Path, one: Piece, link: str = "") -> Recorded:
    """What an instrument with a framing of its own said, or a device of POCT1-A2."""
    return Recorded(
        source=path.name, at_s=one.at_s, frm=one.side.frm, to=one.side.to, protocol=one.protocol,
        kind=one.about.type, ident=one.about.id, corr=dict(one.about.corr), payload=one.data,
        link=link,
    )  # fmt: skip


def about_of(protocol: str, payload: bytes) -> Summary:
    """Type, id and keys of a message of a protocol with a standard."""
    summary = _SUMMARIES.get(protocol)
    told = soap.about(payload) if protocol == "http" else None
    if told is not None:
        return told
    if summary is not None:
        about = summary(payload)
        more = dicom_about.of_order(payload) if protocol == "hl7" else {}
        return Summary(type=about.type, id=about.id, corr=more | about.corr) if more else about
    return Summary(
        type=correlate_http.member(payload, "infno"),
        id=correlate_http.member(payload, "msgid")
        or correlate_http.member(payload, "inf_refmsgid"),
        corr=correlate_http.keys_of(payload),
    )
