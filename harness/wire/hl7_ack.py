"""Acknowledgements: building one, and judging a received one (HL7 2.5.1 §2.9, §2.15.8, §2.15.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harness.errors import InputError
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_encoding import codec_of, detect, label_of
from harness.wire.hl7_escape import Delimiters, escape
from harness.wire.hl7_finding import CodecFinding, finding
from harness.wire.hl7_header import (
    HEADER_BYTES_MAX,
    Hl7Header,
    header,
    header_fields,
    header_signs,
)
from harness.wire.hl7_layout import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


class AckCode(StrEnum):
    """MSA-1, table 0008."""

    AA = "AA"
    """Application accept."""
    AE = "AE"
    """Application error: the content."""
    AR = "AR"
    """Application reject: type, version, processing id, or the system itself."""
    CA = "CA"
    """Commit accept: safely stored."""
    CE = "CE"
    """Commit error: could not be stored."""
    CR = "CR"
    """Commit reject: the header."""


POSITIVE: Final = frozenset({AckCode.AA, AckCode.CA})

ERROR_TEXTS: Final = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
"""Table 0357."""

_PLAIN_ACK_VERSIONS: Final = frozenset({"2.1", "2.2", "2.3", "2.3.1"})
"""Versions whose MSH-9 of an acknowledgement is ``ACK`` alone."""

_RESPONSES: Final = {
    "ORM": {"ORR"},
    "OML": {"ORL"},
    "OMG": {"ORG"},
    "OMI": {"ORI"},
    "OMP": {"ORP"},
    "OMD": {"ORD"},
    "OMS": {"ORS"},
    "OMN": {"ORN"},
    "OMB": {"ORB"},
    "RDE": {"RRE"},
    "RDS": {"RRD"},
    "RGV": {"RRG"},
    "RAS": {"RRA"},
    "ORU": {"ORA"},
    "QBP": {"RSP", "RTB", "RDY"},
    "QRY": {"ADR", "DSR", "ORF", "RSP"},
    "SQM": {"SQR"},
    "SRM": {"SRR"},
    "MFN": {"MFK"},
    "MFQ": {"MFR"},
    "VXQ": {"VXX", "VXR"},
}
"""Messages whose application acknowledgement is a response of its own type with an MSA."""

_SWAPPED: Final = ((3, 5), (4, 6), (5, 3), (6, 4))
"""Field of the answer, and the field of the message that it repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AckError:
    """What ERR says (HL7 2.5.1 §2.15.5).

    Attributes:
        code: table 0357.
        text: its text; empty takes that of the table.
        segment: where the error is, with ``sequence`` (which of that name) and ``field``.
        severity: table 0516: ``E``, ``W``, ``I`` or ``F``.
        user_message: ERR-8, for a person.
    """

    code: str
    text: str = ""
    segment: str = ""
    sequence: int = 1
    field: int = 0
    severity: str = "E"
    user_message: str = ""


def acknowledge(
    message: Hl7Header | Hl7Message | bytes,
    code: str,
    *,
    control_id: str,
    time: str,
    text: str = "",
    error: AckError | None = None,
) -> bytes:
    """The acknowledgement of ``message``, as bytes without framing.

    Sender and receiver are swapped, MSA-2, MSH-11 and MSH-12 are repeated byte for byte, and
    the last segment is terminated. It is written in the character set of the message; where
    that cannot hold ``text``, in UTF-8. MSH-18 says which.

    Args:
        message: what is acknowledged; of a header alone the character set is what it declares.
        code: MSA-1, see ``AckCode``; others are written as they are.
        control_id: MSH-10 of the acknowledgement itself.
        time: MSH-7, as HL7 writes it.
        text: MSA-3; some receivers cut it at 80 characters.
        error: makes an ERR segment.
    """
    if not text and error is None and isinstance(message, bytes):
        alike = _from_template(message, code, control_id, time)
        if alike is not None:
            return alike
    return _answer(message, code, control_id, time, text, error)


TEMPLATES_CACHED: Final = 1024
"""Headers that differ only in MSH-7 and MSH-10: one for each sender and type at a site."""

_TIME, _OWN, _THEIRS = "TIMEOFANSWER", "IDOFANSWER", "IDOFMESSAGE"
"""What a template is cut at; letters only, so that nothing is escaped."""


def _from_template(message: bytes, code: str, control_id: str, time: str) -> bytes | None:
    """The answer to one more message of a sender, at a tenth of the cost.

    None where it must be worked out: a header that is not plain, or words that need escaping.
    """
    end = message.find(b"\r", 0, HEADER_BYTES_MAX)
    segment = message[:end]
    words = code + control_id + time
    if end < HEAD_BYTES or not segment.startswith(b"MSH") or b"\n" in segment:
        return None
    if not (segment.isascii() and words.isascii() and words.isalnum()):
        return None
    fields = segment.split(segment[3:4], 10)
    if len(fields) < 10:
        return None
    ident = fields[9]
    fields[6] = fields[9] = b""
    pieces = _template(segment[3:4].join(fields), code)
    if pieces is None:
        return None
    sent, own = time.encode("ascii"), control_id.encode("ascii")
    return b"%b%b%b%b%b%b%b" % (pieces[0], sent, pieces[1], own, pieces[2], ident, pieces[3])


@lru_cache(maxsize=TEMPLATES_CACHED)
def _template(segment: bytes, code: str) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The answer to a message with this header, cut where answers differ."""
    sign = segment[3:4]
    fields = segment.split(sign, 10)
    fields[9] = _THEIRS.encode("ascii")
    answer = _answer(header(sign.join(fields) + b"\r"), code, _OWN, _TIME, "", None)
    pieces = re.split(f"{_TIME}|{_OWN}|{_THEIRS}".encode("ascii"), answer)
    return (pieces[0], pieces[1], pieces[2], pieces[3]) if len(pieces) == 4 else None


def _answer(
    message: Hl7Header | Hl7Message | bytes,
    code: str,
    control_id: str,
    time: str,
    text: str,
    error: AckError | None,
) -> bytes:
    head = message if isinstance(message, Hl7Header) else Hl7Message.parse(_raw(message)).header
    signs = header_signs(head.raw)
    taken = signs.field + signs.encoding_characters
    # A dot of an id or the plus of a time may be a delimiter of this message, and is escaped then.
    odd = not set(code + control_id + time).isdisjoint(taken) or b"\n" in head.raw
    if text or error is not None or odd:
        signs = _completed(signs)
    fields = [_one_line(field, signs) for field in header_fields(head.raw)]
    trigger = head.type.partition("^")[2]
    kind = (
        ["ACK", trigger, "ACK"]
        if trigger.isascii() and trigger.isalnum() and head.version not in _PLAIN_ACK_VERSIONS
        else ["ACK"]
    )
    err = "" if error is None else _err(signs, error, head.version)
    codec, label = _character_set(message, head, code + control_id + time + text + err)
    sign = signs.field.encode("ascii")

    def written(*components: str) -> bytes:
        return signs.component.join(escape(each, signs) for each in components).encode(codec)

    row = [b"MSH", signs.encoding_characters.encode("ascii")]
    row += [fields[theirs] for _, theirs in _SWAPPED]
    row += [written(time), b"", written(*kind), written(control_id), fields[11], fields[12]]
    if label:
        row += [b"", b"", b"", b"", b"", label]
    msa = [b"MSA", written(code), fields[10]]
    if text:
        msa.append(written(text))
    segments = [sign.join(row), sign.join(msa)]
    if err:
        segments.append(err.encode(codec))
    return b"".join(segment + b"\r" for segment in segments)


def _one_line(field: bytes, signs: Delimiters) -> bytes:
    """A field to repeat; a line feed in it would end the segment for many receivers."""
    escaped = f"{signs.escape}X0A{signs.escape}".encode("ascii")
    return field.replace(b"\n", escaped) if b"\n" in field else field


def _completed(signs: Delimiters) -> Delimiters:
    """The separators of the message, with an escape character where it names none.

    Such a message names three signs at most, so that one of the four is left to be it.
    """
    taken = signs.field + signs.encoding_characters
    if signs.escape:
        return signs
    missing = (sign for sign in "^~\\&" if sign not in taken)
    named = [signs.component, signs.repetition, signs.escape, signs.subcomponent]
    return Delimiters(signs.field, *(sign or next(missing, "") for sign in named))


def _raw(message: Hl7Message | bytes) -> bytes:
    return message.raw if isinstance(message, Hl7Message) else message


def _character_set(
    message: Hl7Header | Hl7Message | bytes, head: Hl7Header, text: str
) -> tuple[str, bytes]:
    """Codec to write in, and what MSH-18 says about it."""
    if head.raw.isascii() and text.isascii():
        return "ascii", head.charset.encode("ascii")  # plain ASCII is right in every set
    if isinstance(message, Hl7Header):
        codec = detect(head.raw, head.charset).codec
    else:
        codec = Hl7Message.parse(_raw(message)).encoding
    try:
        text.encode(codec)
    except UnicodeEncodeError as error:
        if not head.raw.isascii():
            raise InputError(
                f"{text[error.start : error.end]!r} cannot be written in {codec}",
                remedy="the header repeats bytes in that character set: choose other words",
            ) from error
        codec = "utf-8"
    label = head.charset if codec_of(head.charset) == codec else label_of(codec)
    return codec, label.encode(codec)


def _err(signs: Delimiters, error: AckError, version: str) -> str:
    """ERR: location, code, severity and text (2.5); before that all in ERR-1 (2.4 §2.16.5)."""
    coded = [error.code, error.text or ERROR_TEXTS.get(error.code, ""), "HL70357"]
    coded = [escape(part, signs) for part in coded]
    place = [error.segment, str(error.sequence), str(error.field or "")] if error.segment else []
    if _before_2_5(version):
        place = [*place, "", "", ""][:3]
        eld = signs.component.join([*place, signs.subcomponent.join(coded)])
        return signs.field.join(["ERR", eld])
    where = signs.component.join(place).rstrip(signs.component)
    fields = ["ERR", "", where, signs.component.join(coded), error.severity]
    if error.user_message:
        fields += ["", "", "", escape(error.user_message, signs)]
    return signs.field.join(fields)


def check_ack(message: bytes, ack: bytes) -> list[CodecFinding]:
    """Judge a received acknowledgement of ``message`` strictly; empty if it is faultless.

    ``ack`` comes without framing. What the bytes of the answer as such are reported for stands
    first. Whether its own control id is unique is for those who see more than one answer.
    """
    sent, answer = Hl7Message.parse(message), Hl7Message.parse(ack)
    found = [each for each in answer.findings if each.code != "hl7.no-header"]
    if not answer.header.raw:
        return [*found, finding("hl7.ack-no-header", 0)]
    found += _check_header(sent, answer)
    found += _check_msa(sent, answer)
    return found


def _check_header(sent: Hl7Message, answer: Hl7Message) -> Iterator[CodecFinding]:
    for ours, theirs in _SWAPPED:
        yield from _same("hl7.ack-header-not-swapped", sent, theirs, answer, ours)
    yield from _same("hl7.ack-processing-id-differs", sent, 11, answer, 11)
    yield from _same("hl7.ack-version-differs", sent, 12, answer, 12)
    head = answer.header
    if not head.time:
        yield finding("hl7.ack-time", path="MSH-7")
    if not head.control_id:
        yield finding("hl7.ack-own-control-id", path="MSH-10")
    expected = _expected_type(sent.header, head)
    actual = "^".join(part for part in (head.type, head.structure) if part)
    if actual != expected:
        yield finding("hl7.ack-type", path="MSH-9", expected=expected, actual=actual)


def _expected_type(sent: Hl7Header, head: Hl7Header) -> str:
    """MSH-9 that the answer should have; a response of another type stands as it is."""
    kind, _, trigger = sent.type.partition("^")
    actual = head.type.partition("^")[0]
    if actual in _RESPONSES.get(kind, frozenset()):
        return "^".join(part for part in (head.type, head.structure) if part)
    if not trigger or (sent.version in _PLAIN_ACK_VERSIONS and head.type == "ACK"):
        return "ACK"
    if sent.version in _PLAIN_ACK_VERSIONS and not head.structure:
        return f"ACK^{trigger}"
    return f"ACK^{trigger}^ACK"


def _same(
    code: str, sent: Hl7Message, theirs: int, answer: Hl7Message, ours: int
) -> Iterator[CodecFinding]:
    """Field ``ours`` of the answer must be field ``theirs`` of the message."""
    place, wanted = f"MSH-{ours}", f"MSH-{theirs}"
    if sent.delimiters == answer.delimiters:
        equal = _echoes(sent.raw_at(wanted), answer.raw_at(place), answer)
    else:
        equal = _components(sent, theirs) == _components(answer, ours)
    if not equal:
        expected, actual = sent.get(wanted) or "", answer.get(place) or ""
        yield finding(code, path=place, expected=expected, actual=actual)


def _echoes(theirs: bytes | None, ours: bytes | None, answer: Hl7Message) -> bool:
    """Whether a field was repeated byte for byte; a line feed may have been escaped."""
    wanted, actual = theirs or b"", ours or b""
    return actual in {wanted, _one_line(wanted, answer.delimiters)}


def _components(message: Hl7Message, number: int) -> list[str]:
    headers = message.segments("MSH")
    return (headers[0].components(number) if headers else []) or [""]


def _check_msa(sent: Hl7Message, answer: Hl7Message) -> Iterator[CodecFinding]:
    if answer.count("MSA") != 1:
        yield finding("hl7.ack-several-msa" if answer.count("MSA") else "hl7.ack-no-msa")
    if not answer.count("MSA"):
        return
    code = answer.get("MSA-1") or ""
    if code not in set(AckCode):
        yield finding("hl7.ack-code", path="MSA-1", expected=" ".join(AckCode), actual=code)
    elif not _fits_mode(sent.header, code):
        yield finding("hl7.ack-mode", path="MSA-1", actual=code)
    actual = answer.raw_at("MSA-2")
    if actual is None or not _echoes(sent.raw_at("MSH-10"), actual, answer):
        shown = answer.get("MSA-2") or ""
        yield finding(
            "hl7.ack-control-id-differs",
            path="MSA-2",
            expected=sent.header.control_id,
            actual=shown,
        )
    negative = code in set(AckCode) - POSITIVE
    if negative and not _before_2_5(sent.header.version) and not answer.count("ERR"):
        yield finding("hl7.ack-error-missing", path="ERR")


def _fits_mode(sent: Hl7Header, code: str) -> bool:
    """Whether the mode of HL7 2.5.1 §2.9.2 and §2.9.3 knows such an answer at all."""
    if code.startswith("C"):
        return bool(sent.accept_ack or sent.application_ack) and sent.accept_ack != "NE"
    return sent.application_ack != "NE"


def _before_2_5(version: str) -> bool:
    return version in _PLAIN_ACK_VERSIONS or version == "2.4"
