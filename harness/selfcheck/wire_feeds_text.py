"""Fault classes of character sets, syntax and content of HL7, as the wire shows them.

Each function looks for one row of the HL7 part of the catalogue; ``wire_feeds.py`` says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harness.selfcheck.wire_feeds_look import BOM, Exchange, Sent

KNOWN_SEGMENTS: Final = frozenset(
    {"MSH", "EVN", "PID", "PV1", "MRG", "ORC", "OBR", "OBX", "NTE", "MSA", "ERR"}
)
NAME_BYTES: Final = 20
"""A name that a column for ten Chinese characters just holds."""

MANY: Final = 1_000
SIGNS: Final = frozenset("µμ℃×⁹²")
DEFAULT: Final = "2.4"
"""The version of everything else between HIS and LIS."""

_SEPARATORS = frozenset({b"|", b"^", b"~", b"\\"})
_ASCII = frozenset(map(chr, range(128)))
_BARE_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


def some(test: Callable[[Sent], bool]) -> Callable[[Exchange], bool]:
    """A message for which the test holds."""
    return lambda story: any(test(one) for one in story.sent)


def chinese(one: Sent) -> bool:
    """A result, or a remark on one, in Chinese."""
    text = "".join([*one.all("OBX", 5), *one.all("NTE", 3)])
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


def _reads(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


# -- character sets --------------------------------------------------------------------------------


def declared_decides(story: Exchange) -> bool:
    """A receiver gets text under two families of names: only MSH-18 says which is which."""
    families: dict[str, set[str]] = {}
    for one in story.sent:
        if not one.raw.isascii() and one.declared:
            family = "GB" if one.declared.upper().startswith("GB") else "UTF"
            families.setdefault(one.to, set()).add(family)
    return any(len(some) > 1 for some in families.values())


def declares_unicode(one: Sent) -> bool:
    """Text beyond ASCII under ``UNICODE UTF-8``."""
    return not one.raw.isascii() and one.declared == "UNICODE UTF-8"


def both_encodings(story: Exchange) -> bool:
    """A receiver gets text that is no UTF-8, and text that is, whatever they declare."""
    seen: dict[str, set[bool]] = {}
    for one in story.sent:
        if not one.raw.isascii():
            seen.setdefault(one.to, set()).add(_reads(one.raw, "utf-8"))
    return any(len(some) > 1 for some in seen.values())


def otherwise_than_declared(one: Sent) -> bool:
    """GB text under the name of UTF-8, or the other way round."""
    name = one.declared.upper()
    if "UTF-8" in name:
        return not _reads(one.raw, "utf-8")
    three = re.search(rb"[\xe4-\xe9][\x80-\xbf]{2}", one.raw)
    return name.startswith("GB") and three is not None and _reads(one.raw, "utf-8")


def undeclared(one: Sent) -> bool:
    """Text beyond ASCII, and MSH-18 is empty."""
    return not one.raw.isascii() and not one.declared


def two_sets(story: Exchange) -> bool:
    """One connection carries text beyond ASCII under two names of sets."""
    seen: dict[str, str] = {}
    return any(
        seen.setdefault(one.conn, one.declared) != one.declared
        for one in story.sent
        if not one.raw.isascii()
    )


def order_mark(one: Sent) -> bool:
    """EF BB BF in front of MSH."""
    return one.raw.startswith(BOM + b"MSH")


def separator_byte(one: Sent) -> bool:
    """A character whose second byte is a separator."""
    return not _reads(one.raw, "utf-8") and any(
        sign.encode("gb18030", "replace")[1:2] in _SEPARATORS for sign in {*one.text} - _ASCII
    )


def rare(one: Sent) -> bool:
    """A name that GBK cannot hold."""
    name = one.part("PID", 5, 1)
    try:
        name.encode("gbk")
    except UnicodeEncodeError:
        return True
    return False


def long_name(one: Sent) -> bool:
    """A name as long as a narrow column."""
    return len(one.part("PID", 5, 1).encode("gb18030")) >= NAME_BYTES


def unit_signs(one: Sent) -> bool:
    """A unit with a sign that is no letter of ASCII."""
    return any(SIGNS & {*unit} for unit in one.all("OBX", 6))


# -- syntax ----------------------------------------------------------------------------------------


def escaped(one: Sent) -> bool:
    r"""``\F\``, ``\S\``, ``\T\`` or ``\R\``."""
    return re.search(r"\\[FSTR]\\", one.text) is not None


def looks_escaped(one: Sent) -> bool:
    r"""Text that reads like an escape once it was undone: ``\E\T\E\``."""
    return re.search(r"\\E\\[FSTR]\\E\\", one.text) is not None


def line_end_in_text(one: Sent) -> bool:
    r"""``\X0D\`` or ``\.br\`` in a value."""
    return any(re.search(r"\\(X0D(0A)?|\.br)\\", one_value) for one_value in one.all("OBX", 5))


def hexadecimal(one: Sent) -> bool:
    r"""``\X..\`` in a value."""
    return any(re.search(r"\\X[0-9A-Fa-f]+\\", value) for value in one.all("OBX", 5))


def line_feeds(one: Sent) -> bool:
    """LF in a message."""
    return b"\n" in one.raw


def raw_separators(one: Sent) -> bool:
    """A text value (TX, FT, ST) with separators that nobody escaped."""
    kinds = zip(one.all("OBX", 2), one.all("OBX", 5), strict=True)
    return any(kind in {"TX", "FT", "ST"} and re.search(r"[\^&]", value) for kind, value in kinds)


def lone_backslash(one: Sent) -> bool:
    """A backslash that begins no escape."""
    values = one.all("OBX", 5)
    known = r"\\([FSTREHNP]|X[0-9A-Fa-f]+|Z\w*|[CM][0-9A-Fa-f]+|\.\w+[ +\-\d]*)\\"
    return any("\\" in re.sub(known, "", value) for value in values)


def fifth_sign(one: Sent) -> bool:
    """MSH-2 has five characters."""
    return len(one.signs) == 6


def other_signs(one: Sent) -> bool:
    """MSH-1 and MSH-2 are not the usual ones."""
    return bool(one.signs) and one.signs[:5] != "|^~\\&"


def zone_in_header(one: Sent) -> bool:
    """MSH-7 is longer than 14 digits, and so is a number in a value."""
    digits = any(re.search(r"[0-9]{15}", value) for value in one.all("OBX", 5))
    return len(one.one("MSH", 7)) > 14 and digits


def very_many(one: Sent) -> bool:
    """A thousand repetitions."""
    sign = one.signs[2:3]
    return bool(sign) and one.text.count(sign) >= MANY


# -- content ---------------------------------------------------------------------------------------


def null(one: Sent) -> bool:
    """Two quotes in a field of PID."""
    return one.one("PID", 13) == '""'


def repeated(one: Sent) -> bool:
    """What is looked for is not in the first repetition of PID-3, or in several OBR or OBX."""
    kinds = _identifier_types(one)
    behind = "PatientNO" in kinds[1:]
    return behind or len(set(one.all("OBX", 3))) > 1 or len(set(one.all("OBR", 4))) > 1


def _identifier_types(one: Sent) -> list[str]:
    return [rep.split("^")[4] for rep in one.one("PID", 3).split("~") if rep.count("^") > 3]


def all_identifiers(one: Sent) -> bool:
    """Three types of identifier at once."""
    return len(set(_identifier_types(one))) > 2


def unknown_segment(one: Sent) -> bool:
    """A segment of a site, with known ones behind it."""
    names = [row[0] for row in one.rows]
    return any(name[:1] == "Z" for name in names[:-1])


def other_order(one: Sent) -> bool:
    """PV1 in front of PID."""
    names = [row[0] for row in one.rows]
    return "PV1" in names and "PID" in names and names.index("PV1") < names.index("PID")


def other_version(one: Sent) -> bool:
    """MSH-12 names another version than that of everything else."""
    return one.one("MSH", 12) not in {"", DEFAULT}


def unknown_type(one: Sent) -> bool:
    """OBX-2 empty or not one of HL7 table 0125, with a value."""
    known = {"NM", "ST", "TX", "FT", "CE", "CWE", "SN", "ED", "DT", "TM", "TS", "RP"}
    return any(kind not in known for kind in one.all("OBX", 2))


def irregular_number(one: Sent) -> bool:
    """NM with leading zeros, a comparator or text."""
    kinds = zip(one.all("OBX", 2), one.all("OBX", 5), strict=True)
    return any(kind == "NM" and not _BARE_NUMBER.fullmatch(value) for kind, value in kinds)


def coded(one: Sent) -> bool:
    """A flag, a status that corrects, or a sex: values of a table that somebody acts on."""
    flags = {*one.all("OBX", 8)} & {"H", "L", "HH", "LL", "A", "AA"}
    return bool(flags) or "C" in one.all("OBX", 11)


def day_only(one: Sent) -> bool:
    """A birth without time in a message whose own times have a zone or parts of a second."""
    return len(one.one("PID", 7)) == 8 and len(one.one("MSH", 7)) > 14


def neighbours(one: Sent) -> bool:
    """The field beside the one that is read is filled, too: PID-13 and PID-14."""
    near, next_one = one.one("PID", 13), one.one("PID", 14)
    return bool(near and next_one) and near != next_one


def order_control(one: Sent) -> bool:
    """ORC-1 says something else than new or result."""
    return bool({*one.all("ORC", 1)} - {"", "NW", "RE"})


def merges(story: Exchange) -> bool:
    """A merge of a number with itself, or of one that lives under another already."""
    gone: set[str] = set()
    for one in story.of("ADT"):
        if one.event != "A40":
            continue
        retired, survivor = one.part("MRG", 1, 1), one.part("PID", 3, 1)
        if retired == survivor or {retired, survivor} & gone:
            return True
        gone |= {retired, survivor}
    return False


def empty_components(one: Sent) -> bool:
    """A repetition of PID-3 that has a type and no number."""
    reps = one.one("PID", 3).split("~")
    return any(not rep.split("^")[0] and rep.strip("^") for rep in reps if rep)


def embedded(one: Sent) -> bool:
    """ED with Base64."""
    kinds = zip(one.all("OBX", 2), one.all("OBX", 5), strict=True)
    return any(kind == "ED" and "^Base64^" in value for kind, value in kinds)
