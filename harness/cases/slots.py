"""What a replay may not repeat: control ids, times of messages, serials. Each has a named slot.

The recorded value of a slot stands in one message and is quoted in others; what is minted for it
takes its place in all of them, in the same shape, and what was minted is told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.cases.dicom_about import KEYS
from harness.cases.kept import Line

SERIALS: Final = ("barcode", "placer", "visit", "setl_id", "bill", *KEYS)
"""Keys of a matter whose numbers a system keeps: the same ones again would be a repetition."""

SHORT_MAX: Final = 3
"""Shorter numbers stand anywhere; they stay as they are."""

CODECS: Final = ("utf-8", "gb18030")
"""What a given value is looked for in."""

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_UID: Final = re.compile(r"[0-2](?:\.[0-9]+){4,}|2\.25(?:\.[0-9]+)+")
_STAMP: Final = re.compile(rb"[0-9]{14}")
_HTTP_TIME: Final = re.compile(
    rb'("(?:inf_time|refmsg_time|respond_time)\\*"\s*:\s*\\*")'
    rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{17})"
)
_MSH_TIME: Final = re.compile(
    rb"(\A[^\r]*?MSH(.)(?:(?!\2)[^\r])*\2(?:(?:(?!\2)[^\r])*\2){4})([0-9]{14})"
)


def moulded(text: str, salt: str) -> str:
    """Another number of the same shape: letters stay, the digits behind leading zeros change.

    >>> moulded("B00123", "x") != "B00123", len(moulded("B00123", "x")), moulded("B00123", "x")[:3]
    (True, 6, 'B00')
    """
    if _UID.fullmatch(text):
        # Who gave it stays; beyond that no part begins with the digit that stood there.
        first, second, rest = text.split(".", 2)
        return f"{first}.{second}." + ".".join(
            moulded(one, f"{salt}{number}") if len(one) > 1 else one
            for number, one in enumerate(rest.split("."))
        )
    digest = hashlib.sha256(f"{salt}|{text}".encode("utf-8", "surrogateescape")).digest()
    stream = iter(digest * (len(text) // len(digest) + 1))
    out, leading = [], True
    for sign in text:
        step = next(stream)
        if not (sign.isascii() and sign.isdigit()) or (leading and sign == "0"):
            out.append(sign)
            continue
        leading = False
        # Never the digit that stood there: what is minted is another number in any case.
        out.append(str((int(sign) + 1 + step % 9) % 10 or (1 if int(sign) != 1 else 2)))
    return "".join(out)


@dataclass(slots=True)
class Slots:
    """The slots of one replay.

    Attributes:
        salt: of this replay; another one mints other values.
        values: recorded and minted value by name of the slot.
    """

    salt: str
    values: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    _pattern: re.Pattern[bytes] | None = None
    _table: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        lines: Sequence[Line],
        ours: Iterable[str],
        salt: str,
        given: Mapping[str, str] | None = None,
    ) -> Slots:
        """Slots of a timeline.

        Args:
            lines: of the case.
            ours: roles that we play: their control ids are ours to mint.
            salt: of this replay.
            given: what stands at this site for a recorded value, such as a test person's number.
        """
        slots, roles = cls(salt), set(ours)
        for recorded, actual in (given or {}).items():
            for codec in CODECS:
                pair = recorded.encode(codec), actual.encode(codec)
                if pair[0] not in slots._table:
                    slots._bind(f"given:{recorded}:{codec}", *pair)
        for line in lines:
            if line.ident and line.frm in roles and line.protocol != "dicom":
                slots._mint(f"control:{line.number}", line.ident)
            for key in SERIALS:
                value = line.corr.get(key, "")
                if value:
                    slots._mint(f"{key}:{value}", value)
        return slots

    def _mint(self, name: str, text: str) -> None:
        raw = text.encode("latin-1", "replace")
        if len(text) > SHORT_MAX and name not in self.values and raw not in self._table:
            self._bind(name, raw, moulded(text, self.salt).encode("latin-1", "replace"))

    def bind(self, name: str, recorded: str, actual: str) -> None:
        """The system gave a value of its own where the recording has another."""
        if recorded and actual and recorded != actual:
            self._bind(name, recorded.encode("latin-1", "replace"), actual.encode("latin-1"))

    def renew(self, name: str, recorded: str, actual: str) -> None:
        """Another value than the one that was minted in the recorded shape, unless it is given."""
        if actual and not self._is_given(recorded):
            self._bind(name, recorded.encode("latin-1", "replace"), actual.encode("latin-1"))

    def learn(self, name: str, recorded: str, actual: str) -> None:
        """What the system says itself holds from now on, whatever was minted for it before."""
        raw = recorded.encode("utf-8")
        same = recorded == actual and raw not in self._table
        if recorded and actual and not same and not self._is_given(recorded):
            self._bind(name, raw, actual.encode("utf-8"))

    def _is_given(self, recorded: str) -> bool:
        return any(f"given:{recorded}:{codec}" in self.values for codec in CODECS)

    def _bind(self, name: str, recorded: bytes, actual: bytes) -> None:
        self.values[name] = (recorded, actual)
        self._table[recorded] = actual
        longest = sorted(self._table, key=len, reverse=True)
        whole = b"|".join(re.escape(one) for one in longest)
        self._pattern = re.compile(rb"(?<![0-9A-Za-z])(?:" + whole + rb")(?![0-9A-Za-z])")

    def filled(self, payload: bytes) -> bytes:
        """A payload of the recording with the values of this replay."""
        if self._pattern is None:
            return payload
        return self._pattern.sub(lambda match: self._table[match[0]], payload)

    def recorded(self, payload: bytes) -> bytes:
        """A payload of this replay with the values of the recording."""
        back = {actual: recorded for recorded, actual in self.values.values()}
        if not back:
            return payload
        whole = b"|".join(re.escape(one) for one in sorted(back, key=len, reverse=True))
        pattern = rb"(?<![0-9A-Za-z])(?:" + whole + rb")(?![0-9A-Za-z])"
        return re.sub(pattern, lambda match: back[match[0]], payload)

    def text(self, text: str) -> str:
        """The same for a key or an expected value."""
        raw = text.encode("utf-8", "surrogateescape")
        return self.filled(raw).decode("utf-8", "surrogateescape")


def stamped(payload: bytes, protocol: str, now: datetime) -> bytes:
    """A message with its own time set to now: MSH-7, the header record's field 14, the envelope."""
    stamp = now.strftime("%Y%m%d%H%M%S").encode()
    if protocol == "hl7":
        return _MSH_TIME.sub(lambda match: match[1] + stamp, payload, count=1)
    if protocol == "astm":
        head, sign, rest = payload.partition(b"\r")
        fields = head.split(head[1:2]) if len(head) > 1 else [head]
        if len(fields) >= 14 and _STAMP.fullmatch(fields[13]):
            fields[13] = stamp
            return head[1:2].join(fields) + sign + rest
    if protocol == "http":
        long = f"{now:%Y-%m-%d %H:%M:%S}".encode(), stamp + b"000"
        return _HTTP_TIME.sub(lambda match: match[1] + long[len(match[2]) == len(long[1])], payload)
    return payload
