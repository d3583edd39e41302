"""The JSON model of DICOM (PS3.18 annex F): data sets to JSON, and values of JSON back to text.

Texts leave their character set here: JSON is UTF-8, and (0008,0005) says so. Large binary values
are named by a link, the others stand in base 64.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from harness.link.dicom_data import CHARACTER_SET, TEXTS, DataSet, tag_of

Json = dict[str, Any]
Link = Callable[[str], str]
"""Makes the link of a large value from its path: tags and item numbers with slashes."""

UTF_8: Final = "ISO_IR 192"
INLINE_MAX: Final = 1024
"""Bytes that stand in the JSON itself; longer ones get a link."""

GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_WHOLE: Final = frozenset({"LT", "ST", "UT", "UR"})
"""One value, whatever stands in it (PS3.5 §6.4)."""
_STRINGS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"}) | _WHOLE
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
"""A whole number as JSON writes it, up to 64 bits; data sets of peers hold ``--5`` and ``²``."""
_EXPONENT_MAX: Final = 400
"""Beyond what FD holds; written out, ``1e99999`` of a server fills a page."""
_FORMS: Final = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d",
                 "UV": "<Q", "SV": "<q"}  # fmt: skip


def to_json(
    data: DataSet, link: Link | None = None, sets: Sequence[str] = (), path: str = ""
) -> Json:
    """A data set as PS3.18 §F.2 writes it.

    Args:
        data: the data set.
        link: of values that are too long to stand in it; None puts every value in.
        sets: character sets of the outer data set, for items.
        path: of the item inside the outer data set.
    """
    chosen = data.character_sets or list(sets)
    made: Json = {}
    for tag in sorted(data.elements):
        if tag & 0xFFFF == 0:  # lengths of groups are of the encoding
            continue
        name = f"{tag:08X}"
        vr, value = data.elements[tag]
        made[name] = {"vr": vr, **_value(data, tag, chosen, link, f"{path}{name}")}
        if tag == CHARACTER_SET:
            made[name] = {"vr": "CS", "Value": [UTF_8]}
        elif vr == "SQ" and not isinstance(value, str | bytes | int | float):
            items = [to_json(item, link, chosen, f"{path}{name}/{number}/")
                     for number, item in enumerate(value, 1)]  # fmt: skip
            made[name] = {"vr": "SQ", **({"Value": items} if items else {})}
    return made


def _value(data: DataSet, tag: int, sets: Sequence[str], link: Link | None, path: str) -> Json:
    vr, value = data.elements[tag]
    if vr == "SQ":
        return {}
    if vr in _BINARY:
        raw = value if isinstance(value, bytes) else str(value).encode("utf-8")
        if not raw:
            return {}
        if link is not None and len(raw) > INLINE_MAX:
            return {"BulkDataURI": link(path)}
        return {"InlineBinary": base64.b64encode(raw).decode("ascii")}
    if isinstance(value, bytes) and vr in _FORMS:
        return _listed(_unpacked(vr, value))
    if isinstance(value, bytes) and vr == "AT":
        pairs = struct.iter_unpack("<HH", value[: len(value) // 4 * 4])
        return _listed(f"{group:04X}{number:04X}" for group, number in pairs)
    text = data.read(tag, sets).value
    if not text:
        return {}
    parts = [text] if vr in _WHOLE else text.split("\\")
    if vr == "PN":
        return _listed(_name(one) for one in parts)
    if vr in {"DS", "IS"} or vr in _FORMS:
        return _listed(_number(one.strip()) for one in parts)
    kept = parts if vr in TEXTS else [one.strip(" \0") for one in parts]
    return _listed(one or None for one in kept)


def _listed(values: Iterable[Any]) -> Json:
    found = list(values)
    return {"Value": found} if any(one is not None for one in found) else {}


def _unpacked(vr: str, data: bytes) -> list[int | float | str]:
    form = struct.Struct(_FORMS[vr])
    whole = data[: len(data) // form.size * form.size]
    return [_finite(one[0]) for one in form.iter_unpack(whole)]


def _finite(value: float) -> float | str:
    """JSON knows no infinity; PS3.18 §F.2.3 writes such a number as a string."""
    return value if isinstance(value, int) or math.isfinite(value) else str(value)


def _name(text: str) -> Json | None:
    groups = {name: one for name, one in zip(GROUPS, text.split("="), strict=False) if one}
    return groups or None


def _number(text: str) -> int | float | str | None:
    """A number where JSON can hold it without a change, else the text."""
    if not text:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and repr(number) == text else text


# ---- reading


def text_of(data: Mapping[str, Any], key: str | int) -> str | None:
    """One element of an object as DICOM would write it; None where it is absent."""
    element = data.get(f"{tag_of(key):08X}")
    if not isinstance(element, Mapping):
        return None
    values = element.get("Value") or []
    return "\\".join(_text(one) for one in values) if isinstance(values, list) else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "=".join(str(value.get(name, "")) for name in GROUPS).rstrip("=")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Every element by its path, with a text that is the same for equal values.

    Binary values are left out, since each server says for itself which of them it links.
    """
    found: dict[str, str] = {}
    for name in sorted(data):
        element = data[name]
        vr = str(element.get("vr")) if isinstance(element, Mapping) else ""
        if not isinstance(element, Mapping) or vr in _BINARY:
            continue
        path = f"{prefix}({name[:4]},{name[4:]})"
        given = element.get("Value") or []
        values = given if isinstance(given, list) else [given]
        if vr == "SQ" and all(isinstance(item, Mapping) for item in values):
            for number, item in enumerate(values, 1):
                found |= flat(item, f"{path}[{number}].")
        else:
            found[path] = "\\".join(_plain(one) for one in values)
    return found


def _plain(value: object) -> str:
    if isinstance(value, int | float | str):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value).rstrip(" ")
        if not number.is_finite() or abs(number.adjusted()) > _EXPONENT_MAX:
            return str(value)
        return format(number.normalize(), "f")
    return _text(value)
