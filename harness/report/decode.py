"""Messages as a reader of the report sees them: a row a field, and the bytes.

A plain splitter of its own, not the codec that judges use: it takes damaged messages too, and a
fault in that codec does not hide itself in the report. HL7 fields are numbered as in HL7 2.5.1
§2.5.3, ASTM fields as in LIS02-A2 §5.4; both with the separators that the header declares.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from harness.report.text import visible
from harness.wire.hl7_encoding import detect

FIELDS_MAX: Final = 400
"""Fields shown of one message: a blood count with histograms has about 300."""

VALUE_CHARS_MAX: Final = 400
"""Characters shown of one field; longer ones are embedded documents, which the trace has whole."""

HEX_BYTES_MAX: Final = 2048
"""Bytes shown of one message: a page of print."""

HEX_WIDTH: Final = 16
"""Bytes a line of a hex dump, as every hex viewer has it."""

_MSH18: Final = re.compile(rb"MSH(.)(?:[^\r\n]*?\1){16}([^\r\n]*?)(?:\1|\r|\n|$)")
"""MSH-1 is the separator itself, so MSH-18 stands after the 17th one (HL7 2.5.1 §2.14.9.18)."""


_OCCURRENCE: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field that is not empty: ``OBX[2]-5`` or ``R[1].4``, and its text."""

    path: str
    value: str

    @property
    def name(self) -> str:
        """The path without occurrence: ``OBX-5``."""
        return _OCCURRENCE.sub("", self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A message for display.

    Attributes:
        encoding: what it was read in.
        clean: every byte could be read in it.
        fields: up to ``FIELDS_MAX``.
        more: fields left out.
    """

    encoding: str
    clean: bool
    fields: tuple[Field, ...]
    more: int = 0


def encoding_of(raw: bytes, protocol: str, declared: str = "") -> str:
    """The codec to read ``raw`` in: ``declared`` if it is one, else MSH-18, else by the bytes."""
    if declared:
        try:
            return codecs.lookup(declared).name
        except LookupError:
            pass
    match = _MSH18.search(raw) if protocol == "hl7" else None
    charset = match[2].decode("latin-1").split("~")[0] if match else ""
    return detect(raw, charset).codec


def decode(raw: bytes, protocol: str, declared: str = "") -> Decoded:
    """Split a message into its fields; any bytes give something.

    Args:
        raw: the message without framing.
        protocol: ``hl7`` or ``astm``; others give their text as one field.
        declared: encoding that the trace names, or empty.
    """
    encoding = encoding_of(raw, protocol, declared)
    text = raw.decode(encoding, "backslashreplace")
    try:
        clean = bool(raw.decode(encoding)) or not raw
    except UnicodeDecodeError:
        clean = False
    if protocol == "hl7":
        fields = _split(text, header="MSH", letters=3)
    elif protocol == "astm":
        fields = _split(text, header="H", letters=1)
    else:
        fields = [Field(path="", value=text)] if text else []
    shown = tuple(Field(path=one.path, value=_short(one.value)) for one in fields[:FIELDS_MAX])
    more = max(0, len(fields) - FIELDS_MAX)
    return Decoded(encoding=encoding, clean=clean, fields=shown, more=more)


def separator_of(text: str, header: str) -> str:
    """The field separator: the character after the header's name; ``|`` where there is none."""
    start = text.find(header)
    after = text[start + len(header) : start + len(header) + 1] if start >= 0 else ""
    return after if after and not after.isalnum() and after not in "\r\n" else "|"


def _split(text: str, *, header: str, letters: int) -> list[Field]:
    separator = separator_of(text, header)
    fields: list[Field] = []
    seen: dict[str, int] = {}
    for line in re.split(r"[\r\n]+", text):
        if not line.strip():
            continue
        parts = line.split(separator)
        name = parts[0].strip()[:letters]
        seen[name] = seen.get(name, 0) + 1
        fields += _fields(name, seen[name], parts, separator, letters)
    return fields


def _fields(
    name: str, occurrence: int, parts: list[str], separator: str, letters: int
) -> list[Field]:
    """Fields of one segment (``OBX[2]-5``) or record (``R[1].4``).

    In MSH the separator itself is field 1, so the rest count one up (HL7 2.5.1 §2.14.9.1). In ASTM
    the record's letter is field 1 (LIS02-A2 §5.4), so all of them do.
    """
    astm = letters == 1
    shift = 1 if astm or name == "MSH" else 0
    join = "." if astm else "-"
    fields = [Field(path=f"{name}[{occurrence}]{join}1", value=separator)] if name == "MSH" else []
    for number, value in enumerate(parts[1:], 1 + shift):
        if value:
            fields.append(Field(path=f"{name}[{occurrence}]{join}{number}", value=value))
    if len(parts) == 1 and len(parts[0]) > letters:
        fields.append(Field(path=f"{name}[{occurrence}]", value=parts[0]))
    return fields


def _short(value: str) -> str:
    if len(value) <= VALUE_CHARS_MAX:
        return visible(value)
    return visible(value[:VALUE_CHARS_MAX]) + f"… (+{len(value) - VALUE_CHARS_MAX})"


_SHOWN: Final = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(0x100))


def hex_dump(raw: bytes) -> str:
    """Offset, bytes and ASCII, ``HEX_WIDTH`` a line; at most ``HEX_BYTES_MAX`` bytes."""
    piece = raw[:HEX_BYTES_MAX]
    digits = piece.hex(" ")
    shown = piece.translate(_SHOWN).decode("ascii")
    lines = []
    for at in range(0, len(piece), HEX_WIDTH):
        begin = 3 * at  # two digits and a blank
        halves = digits[begin : begin + 23], digits[begin + 24 : begin + 47]
        text = shown[at : at + HEX_WIDTH]
        lines.append(f"{at:06x}  {halves[0]:<23}  {halves[1]:<23}  {text}")
    if len(raw) > HEX_BYTES_MAX:
        lines.append(f"… +{len(raw) - HEX_BYTES_MAX}")
    return "\n".join(lines)
