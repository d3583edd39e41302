"""ASTM captures: frames by the second reader of LIS01-A2, records by that of LIS02-A2.

Whatever a strict receiver would refuse is read as far as it can be, named with its clause, and kept
byte for byte. Where the dialect of the instrument is known, what differs from it is named apart: a
frame without CR LF breaks the standard and may still be what was agreed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.captures.sources import Stream
from harness.wire.astm_config import AstmLinkConfig, BlockEnd, CutPolicy, NumberPolicy
from harness.wire.astm_decode import DecodedUnit, decode_stream
from harness.wire.astm_events import PROBLEMS
from harness.wire.astm_records import AstmMessage, messages

_MORE: Final = {
    "astm.no-frames": ("Records stand on the line without frames", "§8.3"),
    "astm.records-share-frame": ("Two records stand in one frame", "§8.3.1"),
}
"""What a receiver lets pass and a judge names."""

TEXT_MAX: Final = 63_993
"""Text of one frame: 64 000 characters with 7 of overhead (LIS01-A2 §8.3.1)."""

_FORBIDDEN: Final = frozenset(
    (1, 2, 3, 4, 5, 6, 10, 16, 17, 18, 19, 20, 21, 22, 23)
)  # fmt: skip
"""LIS01-A2 §8.6."""

_TRAILERS: Final = {b"\r\n": "cr-lf", b"\r": "cr", b"": "none"}


def read_astm(
    stream: Stream, *, encoding: str = "gb18030", agreed: AstmLinkConfig | None = None
) -> Reading:
    """Everything that one direction says; any bytes will do.

    Args:
        stream: bytes of one direction, or of both where the capture does not tell them apart.
        encoding: agreed for the records.
        agreed: dialect of the instrument; None holds the capture against the standard alone.

    Raises:
        LocalProtocolError: there is no such codec.
    """
    reader = _Reader(Reading(direction=stream.direction), agreed)
    units = decode_stream(stream.data)
    if not any(unit.kind == "FRAME" for unit in units):
        reader.unframed(units)
    else:
        for unit, again in zip(units, _come_again(units), strict=True):
            reader.take(unit, again=again)
        reader.end()
    for offset, text in reader.texts:
        reader.reading.messages += [_message(one, encoding, offset) for one in messages(text)]
    return reader.reading


def _message(data: bytes, encoding: str, offset: int) -> ReadMessage:
    message = AstmMessage.parse(data, encoding)
    findings = [
        CaptureFinding(
            against="standard", code=one.code, message=one.message, clause=one.clause,
            record=one.record, expected=one.expected, actual=one.actual,
        )
        for one in message.findings
    ]  # fmt: skip
    return ReadMessage(
        records=[one.text for one in message.records],
        findings=findings,
        payload=data,
        offset=offset,
    )


@dataclass(slots=True)
class _Reader:
    """The session at hand."""

    reading: Reading
    agreed: AstmLinkConfig | None
    texts: list[tuple[int, bytes]] = field(default_factory=list)
    """What was put together, and where its first frame begins."""

    _begin: int = -1
    _text: bytearray = field(default_factory=bytearray)
    _open: bool = False
    _last: DecodedUnit | None = None
    _expected: int = 1
    _agreed_next: int = 1

    def take(self, unit: DecodedUnit, *, again: bool) -> None:
        """One unit of the wire; ``again``: the same frame number follows in the session."""
        match unit.kind:
            case "ENQ":
                self._flush()
                self._open, self._last, self._expected = True, None, 1
                if self.agreed is None or self.agreed.numbers is not NumberPolicy.NEVER:
                    self._agreed_next = 1
            case "EOT":
                self._flush()
                self._open, self._last = False, None
            case "NOISE":
                self._standard("astm.noise", unit.offset)
                self.reading.keep(unit.offset, "astm.noise", unit.data)
            case "FRAME":
                self._frame(unit, again=again)

    def end(self) -> None:
        """Of the capture."""
        if self._open and self._last is not None:
            self._standard("astm.eof-inside-session", -1)
        self._flush()

    def unframed(self, units: list[DecodedUnit]) -> None:
        """Records that stand on the line as they are."""
        text = b"".join(unit.data for unit in units if unit.kind == "NOISE")
        if text.lstrip(b"\x00\t\r\n ")[:1] in {b"H", b"h"}:
            self._standard("astm.no-frames", 0)
            self.texts.append((0, text))
            return
        for unit in units:
            if unit.kind == "NOISE":
                self._standard("astm.noise", unit.offset)
                self.reading.keep(unit.offset, "astm.noise", unit.data)

    def _frame(self, unit: DecodedUnit, *, again: bool) -> None:
        if not self._open:
            self._standard("astm.frame-in-idle", unit.offset)
            self._open = True
        wrong = self._wrong_sum(unit)
        last, self._last = self._last, unit
        if wrong and again:
            self._standard("astm.checksum", unit.offset)
            self.reading.keep(unit.offset, "astm.checksum", unit.data)
            self._last = last
            return
        if last is not None and (last.number, last.text) == (unit.number, unit.text):
            self.reading.keep(unit.offset, "astm.frame-repeated", unit.data)
            return
        for code in self._breaks(unit):
            self._standard(code, unit.offset)
            self.reading.keep(unit.offset, code, unit.data)
        if self.agreed is not None:
            self.reading.findings += _differs(unit, self.agreed, self._agreed_next)
        number = int(unit.number) if unit.number in "01234567" else self._expected
        self._expected = (number + 1) % 8
        self._begin = self._begin if self._text else unit.offset
        self._text += unit.text
        ended = unit.end == "ETX" or unit.text.endswith(b"\r")
        if unit.end == "ETX" and not unit.text.endswith((b"\r", b"\n")):
            self._text += b"\r"
        self._agreed_next = self._next_agreed(unit, record=ended)

    def _next_agreed(self, unit: DecodedUnit, *, record: bool) -> int:
        policy = NumberPolicy.SESSION if self.agreed is None else self.agreed.numbers
        whole = record and bytes(self._text).rpartition(b"\r")[0].rpartition(b"\r")[2][:1] == b"L"
        if (policy is NumberPolicy.RECORD and record) or (policy is NumberPolicy.MESSAGE and whole):
            return 1
        return (int(unit.number) + 1) % 8 if unit.number in "01234567" else self._agreed_next

    def _wrong_sum(self, unit: DecodedUnit) -> bool:
        return bool(unit.stated) and unit.stated.upper() != unit.actual

    def _breaks(self, unit: DecodedUnit) -> Iterator[str]:
        """Codes of what LIS01-A2 has otherwise."""
        if not unit.stated:
            yield "astm.checksum-missing"
        elif self._wrong_sum(unit):
            yield "astm.checksum"
        elif unit.stated != unit.actual:
            yield "astm.checksum-lower-case"
        if unit.trailer != b"\r\n":
            yield "astm.trailer"
        if unit.number != str(self._expected):
            yield "astm.frame-number"
        if len(unit.text) > TEXT_MAX:
            yield "astm.frame-too-long"
        if _FORBIDDEN & set(unit.text):
            yield "astm.forbidden-character"
        if unit.end == "ETX" and not unit.text.endswith(b"\r"):
            yield "astm.record-end-missing"
        if b"\r" in unit.text[:-1].strip(b"\r\n"):
            yield "astm.records-share-frame"

    def _standard(self, code: str, offset: int) -> None:
        message, clause = PROBLEMS[code] if code in PROBLEMS else _MORE[code]
        self.reading.findings.append(
            CaptureFinding(against="standard", code=code, message=message,
                           clause=f"LIS01-A2 {clause}", offset=offset)
        )  # fmt: skip

    def _flush(self) -> None:
        if self._text:
            self.texts.append((self._begin, bytes(self._text)))
            self._text.clear()


def _come_again(units: Sequence[DecodedUnit]) -> list[bool]:
    """Whether the next frame of the session has the number of this one: then it was refused."""
    found: list[bool] = []
    following = ""
    for unit in reversed(units):
        found.append(unit.kind == "FRAME" and unit.number == following)
        if unit.kind == "FRAME":
            following = unit.number
        elif unit.kind in {"ENQ", "EOT"}:
            following = ""
    return found[::-1]


# -- what was agreed -------------------------------------------------------------------------------


def _differs(unit: DecodedUnit, agreed: AstmLinkConfig, number: int) -> Iterator[CaptureFinding]:
    """What an instrument of this dialect would have sent otherwise."""
    seen: list[tuple[str, str, str]] = [
        ("link.checksum", agreed.checksum.value, _kind_of_sum(unit)),
        ("link.trailer", agreed.trailer.value, _TRAILERS[unit.trailer]),
        ("link.numbers", str(number), unit.number),
    ]
    record_ends = unit.text.endswith((b"\r", b"\n"))
    if unit.end == "ETX":
        wanted = agreed.record_end_in_frame
        seen.append(("link.record_end_in_frame", str(wanted), str(record_ends)))
    inside = unit.text[:-1].strip(b"\r\n")
    if agreed.cut is not CutPolicy.WHOLE_MESSAGE:
        shares = "several" if b"\r" in inside or b"\n" in inside else "one"
        seen.append(("link.cut", "one", shares))
        block = agreed.block_end is BlockEnd.RECORD
        if record_ends and not unit.text.startswith((b"L", b"l")):
            seen.append(("link.block_end", "ETX" if block else "ETB", unit.end))
    most = TEXT_MAX if agreed.cut is CutPolicy.ONE_RECORD_A_FRAME else agreed.frame_text_max
    if len(unit.text) > most:
        seen.append(("link.frame_text_max", str(most), str(len(unit.text))))
    if record_ends and not unit.text.endswith(agreed.record_end):
        seen.append(("records.record_end", repr(agreed.record_end), repr(unit.text[-1:])))
    for key, expected, actual in seen:
        if expected != actual:
            yield CaptureFinding(
                against="profile", code=key, message="Not as the model of the instrument has it",
                clause=key, offset=unit.offset, expected=expected, actual=actual,
            )  # fmt: skip


def _kind_of_sum(unit: DecodedUnit) -> str:
    """Which of the known sums the two digits are."""
    if not unit.stated:
        return "absent"
    if unit.stated == unit.actual:
        return "standard"
    total, end = int(unit.actual, 16), 3 if unit.end == "ETX" else 23
    if unit.stated.upper() == f"{(total - end) & 0xFF:02X}":
        return "without-end"
    if unit.stated.upper() == f"{(total + 2) & 0xFF:02X}":
        return "with-start"
    return "lower-case" if unit.stated.upper() == unit.actual else "none of the known"
