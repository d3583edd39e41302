"""Where persons stand in XML: POCT1-A2, SOAP, and XML or JSON that stands inside as text.

Nothing is parsed, so a message that is cut off or malformed is read as well: an element counts by
its name, whatever its namespace, with its text, or with its value in ``V`` as POCT1-A2 has it.
Inside a text, ``&lt;`` and ``&quot;`` stand for the signs that they are, in CDATA the signs do.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

Found = tuple[int, int, str]

_OPEN: Final = r"(?:<|&(?:amp;)*lt;)"
_CLOSE: Final = r"(?:>|&(?:amp;)*gt;)"
_QUOTE: Final = r"(?:\\*[\"']|&(?:amp;)*(?:quot|apos|\#34|\#39|\#x27);)"
_ELEMENT: Final = re.compile(
    _OPEN + r"(?:[A-Za-z_][\w-]*:)?(?P<name>[A-Za-z_][\w.-]{0,63})(?P<more>\s[^<>]{0,2000}?)?"
    + _CLOSE + r"(?P<text>\s*(?:(?:<|&(?:amp;)*lt;)!\[CDATA\[)?"
    r"(?P<value>[^<>]*?))(?=\]\]>|<|&(?:amp;)*lt;|\Z)"
)  # fmt: skip
_ATTRIBUTE: Final = re.compile(
    r"(?:[\w-]+:)?(?P<name>[A-Za-z_][\w.-]{0,63})\s*=\s*"
    + _QUOTE
    + r"(?P<value>(?:(?!"
    + _QUOTE
    + r")[^<>])*)"
    + _QUOTE
)
_EMPTY: Final = re.compile(
    _OPEN + r"(?:[A-Za-z_][\w-]*:)?(?P<name>[A-Za-z_][\w.-]{0,63})(?P<more>\s[^<>]*?)/?" + _CLOSE
)
_MEMBER: Final = re.compile(
    _QUOTE + r"(?P<name>[A-Za-z_]{2,40})" + _QUOTE + r"\s*:\s*(?:"
    + _QUOTE + r"(?P<text>(?:(?!" + _QUOTE + r")[^<>])*)" + _QUOTE + r"|(?P<number>-?[0-9][0-9.]*))"
)  # fmt: skip
_ROOT: Final = re.compile(rb"\A[\x00-\x20\xef\xbb\xbf]*<[?!A-Za-z]")
VALUE: Final = "V"
"""Attribute with the value of an element of POCT1-A2."""


def is_xml(payload: bytes) -> bool:
    """Whether a body begins as XML does."""
    return _ROOT.match(payload) is not None


def spans(text: str, places: Mapping[str, str]) -> list[Found]:
    """Places in a text.

    Args:
        text: of the body.
        places: kind by name of an element, an attribute, or a member of JSON inside.
    """
    found = [one for one in _all(text, places) if one[1] > one[0] and text[one[0] : one[1]].strip()]
    found.sort()
    out: list[Found] = []
    for one in found:
        if not out or one[0] >= out[-1][1]:
            out.append(one)
    return out


def _all(text: str, places: Mapping[str, str]) -> Iterator[Found]:
    for match in _ELEMENT.finditer(text):
        kind = places.get(match["name"], "")
        if kind and not _MEMBER.search(match["value"]):
            yield (*match.span("value"), kind)
    for match in _EMPTY.finditer(text):
        begin = match.start("more")
        kind = places.get(match["name"], "")
        for one in _ATTRIBUTE.finditer(match["more"]):
            own = kind if one["name"] == VALUE else places.get(one["name"], "")
            if own:
                yield begin + one.start("value"), begin + one.end("value"), own
    for match in _MEMBER.finditer(text):
        kind = places.get(match["name"], "")
        if kind:
            yield (*match.span("text" if match["text"] is not None else "number"), kind)


def plain(text: str) -> str:
    """A value as people read it, without references to characters."""
    return html.unescape(html.unescape(text)) if "&" in text else text
