"""JSON of money interfaces, read without loss and without mercy (RFC 8259).

Numbers become ``int`` or ``Decimal``, never ``float``. A key that stands twice, NaN, infinities and
deep nesting are refused: which of two amounts is meant nobody can say. Size and number of values
are bounded before the parser runs, since a small text can ask for a lot of memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

from harness import limits
from harness.errors import PeerError

JSON_BYTES_MAX: Final = 16 * limits.MIB
"""A body: four hundred times what the interface allows for ``input``; larger data go by file."""

DEPTH_MAX: Final = 32
"""Objects and arrays inside each other; the deepest transaction has seven."""

CONTAINERS_MAX: Final = 200_000
"""Objects and arrays in one body."""

VALUES_MAX: Final = 12_000_000
"""Values in one body: a file of 10 MiB sent as an array of byte values."""

NUMBER_CHARS_MAX: Final = 64
"""Digits of one number: ``N16,6`` has 17 characters."""

HEADS_MAX: Final = 20_000
"""Keys that are kept as they are written: three times those of the whole interface."""

BOM: Final = b"\xef\xbb\xbf"


class JsonError(PeerError):
    """What came is no JSON that we can trust.

    Args:
        message: what is wrong.
        code: stable id, such as ``json.duplicate-key``.
        offset: byte or character offset, or -1.
    """

    def __init__(self, message: str, *, code: str, offset: int = -1) -> None:
        super().__init__(message, clause="RFC 8259", offset=offset)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A JSON text and how it was written.

    Attributes:
        value: the value; numbers are ``int`` or ``Decimal``.
        encoding: ``utf-8`` or ``gb18030``.
        bom: a byte order mark stood in front.
    """

    value: Any
    encoding: str = "utf-8"
    bom: bool = False


def decode(body: bytes, *, bytes_max: int = JSON_BYTES_MAX) -> Decoded:
    """Read a body that is UTF-8 or, where it is not, GB 18030.

    Raises:
        JsonError: too large, in no known encoding, or not JSON.
    """
    if len(body) > bytes_max:
        raise JsonError(f"longer than {bytes_max} bytes", code="json.too-long")
    bom = body.startswith(BOM)
    if bom:
        body = body[len(BOM) :]
    for encoding in ("utf-8", "gb18030"):
        try:
            return Decoded(value=loads(body.decode(encoding)), encoding=encoding, bom=bom)
        except UnicodeDecodeError:
            continue
    raise JsonError("neither UTF-8 nor GB 18030", code="json.encoding")


def loads(text: str) -> Any:
    """Read one JSON text.

    Raises:
        JsonError: it is not one that we can trust.
    """
    containers = text.count("{") + text.count("[")
    if containers > CONTAINERS_MAX or text.count(",") > VALUES_MAX:
        raise JsonError("too many values", code="json.too-many-values")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise JsonError("nested too deeply", code="json.too-deep") from None
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, code="json.syntax", offset=error.pos) from None
    if containers > DEPTH_MAX:  # with fewer it cannot be too deep
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise JsonError("nested too deeply", code="json.too-deep")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # adds while it looks
        raise JsonError(f"the key {twice[:64]!r} stands twice", code="json.duplicate-key")
    return found


def _whole(text: str) -> int:
    if len(text) > NUMBER_CHARS_MAX:
        raise JsonError("a number of too many digits", code="json.number")
    return int(text)


def _number(text: str) -> Decimal:
    if len(text) > NUMBER_CHARS_MAX:
        raise JsonError("a number of too many digits", code="json.number")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what even Decimal holds
        raise JsonError("a number of too many digits", code="json.number") from None
    # Written out, 1e999999999 fills a gigabyte.
    if abs(number.adjusted()) > NUMBER_CHARS_MAX:
        raise JsonError("a number of too many digits", code="json.number")
    return number


def _no_number(name: str) -> NoReturn:
    raise JsonError(f"{name} is no number", code="json.nan")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_number, parse_int=_whole, parse_constant=_no_number
)


@dataclass(frozen=True, slots=True)
class Written:
    """A value that was written before: ``dumps`` puts the text in its place.

    Attributes:
        text: the JSON text.
        value: of what; for whoever has to know whether it is still that.
    """

    text: str
    value: Any = None


def dumps(value: Any) -> str:
    """Write a value; ``Decimal`` as a plain number with the digits that it has.

    Raises:
        TypeError: a ``float``, or something that JSON does not know.
    """
    return _text(value)


_heads: Final[dict[Any, str]] = {}
"""Keys as they are written; an interface has some thousand of them, and writes each again."""


def _head(key: Any) -> str:
    text = f"{encode_basestring(key if type(key) is str else str(key))}:"
    if type(key) is str and len(_heads) < HEADS_MAX:
        _heads[key] = text
    return text


def _text(value: Any) -> str:
    """One value; texts and plain amounts inside an object without a call for each."""
    kind = type(value)
    if kind is dict:
        quoted, heads, members = encode_basestring, _heads, []
        for key, one in value.items():
            head = heads.get(key) or _head(key)
            inner = type(one)
            if inner is str:
                members.append(head + quoted(one))
            elif inner is Decimal and one.is_finite():
                text = str(one)
                members.append(head + (format(one, "f") if "E" in text else text))
            else:
                members.append(head + _text(one))
        return f"{{{','.join(members)}}}"
    if kind is Decimal and value.is_finite():
        text = str(value)  # half the time of ``format``, and right for all that we write
        return format(value, "f") if "E" in text else text
    if kind is list or kind is tuple:
        return f"[{','.join([_text(one) for one in value])}]"
    return value.text if kind is Written else _scalar(value)


def _scalar(value: Any) -> str:
    """What is rarer; subclasses of the kinds above, too."""
    match value:
        case str():
            return encode_basestring(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case Mapping():
            return _text(dict(value))
        case list() | tuple():
            return _text(list(value))
    msg = f"{type(value).__name__} cannot be written as JSON"
    raise TypeError(msg)


def encode(value: Any, encoding: str = "utf-8") -> bytes:
    """Write a value as bytes; what the encoding cannot hold is escaped (RFC 8259 §7)."""
    text = dumps(value)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_escaped(letter, encoding) for letter in text).encode(encoding)


def _escaped(letter: str, encoding: str) -> str:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        units = letter.encode("utf-16-be")
        return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    return letter
