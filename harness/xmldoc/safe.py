"""Reading XML that nobody vouches for: bounded, offline, without entities, with exact places.

The bytes are decoded first (``encoding``), the prolog is looked at as text, and a document type
declaration is refused before libxml2 sees it: no entity, external file or bomb is ever met. What
is left is handed to libxml2 piece by piece as UTF-8, with every switch that opens a door off, and
depth, elements and attributes are counted while it reads.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

from harness.limits import MIB
from harness.xmldoc.encoding import Decoded, decode
from harness.xmldoc.finding import DocumentFinding, fixed

Element = etree._Element  # noqa: SLF001 - lxml has no public name for it

PIECE_CHARACTERS: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one document; a shared document has some 17 kB and 20 levels.

    Attributes:
        bytes_max: of the whole file; a report with images in it stays far below.
        depth_max: nested elements.
        elements_max: of the whole document.
        children_max: of one element; XPath sorts siblings in more than linear time.
        attributes_max: of one element, namespace declarations apart.
    """

    bytes_max: int = 32 * MIB
    depth_max: int = 100
    elements_max: int = 300_000
    children_max: int = 5_000
    attributes_max: int = 64


DEFAULT: Final = Limits()

CLAUSE: Final = "XML 1.0 §2.1"


@dataclass(slots=True, kw_only=True)
class XmlDocument:
    """A document that was read, or that could not be.

    Attributes:
        root: the root element; None if it was refused or is not well-formed.
        decoded: its text and character set; None if it was not even decoded.
        findings: what reading had to say.
    """

    root: Element | None = None
    decoded: Decoded | None = None
    findings: list[DocumentFinding] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _order: dict[Element, int] = field(default_factory=dict)
    _lines: list[int] = field(default_factory=list)

    def place(self, element: Element) -> tuple[int, int]:
        """Line and byte offset of the start tag of an element.

        libxml2 counts lines to 65,535 only, and knows no offset: the n-th start tag of the text is
        the n-th element.
        """
        text = self.decoded.text if self.decoded else None
        if self.root is None or self.decoded is None or text is None:
            return 0, -1
        if not self._starts:
            self._starts = [found.start() for found in _tags(text) if not found[1]]
            self._order = {one: at for at, one in enumerate(self.root.iter(etree.Element))}
            self._lines = [found.start() for found in re.finditer("\n", text)]
        at = self._order.get(element, -1)
        if at < 0 or at >= len(self._starts):
            return 0, -1
        start = self._starts[at]
        return bisect_right(self._lines, start) + 1, self.decoded.offset(start)


def read_file(path: Path, limits: Limits = DEFAULT) -> XmlDocument:
    """Read a file; one that is too large is refused without being read.

    Raises:
        OSError: the file cannot be read.
    """
    if path.is_file() and path.stat().st_size > limits.bytes_max:
        return _too_large(limits)
    with path.open("rb") as file:
        # One byte more than allowed shows that there is more; a pipe has no size to ask for.
        data = file.read(limits.bytes_max + 1)
    return read(data, limits)


def read(data: bytes, limits: Limits = DEFAULT) -> XmlDocument:
    """Read a document; whatever is wrong is a finding, never an exception."""
    if len(data) > limits.bytes_max:
        return _too_large(limits)
    if not data.strip():
        return XmlDocument(findings=[fixed("xml.empty", offset=0, line=1, clause=CLAUSE)])
    decoded = decode(data)
    if decoded.text is None:
        return XmlDocument(decoded=decoded, findings=_with_paths(data, decoded))
    document = XmlDocument(decoded=decoded, findings=_with_paths(data, decoded))
    doctype = _doctype(decoded.text)
    if doctype >= 0:
        document.findings.append(fixed("xml.doctype", offset=decoded.offset(doctype), path="/",
                                       line=decoded.text.count("\n", 0, doctype) + 1,
                                       clause="XML 1.0 §2.8"))  # fmt: skip
        return document
    _parse(document, decoded, decoded.text, limits)
    return document


def _too_large(limits: Limits) -> XmlDocument:
    return XmlDocument(findings=[fixed("xml.too-large", path="/", expected=str(limits.bytes_max),
                                       offset=limits.bytes_max)])  # fmt: skip


def path_of(node: Element) -> str:
    """Where an element stands, by local names; with a number where several have the same one."""
    parts: list[str] = []
    one: Element | None = node
    while one is not None:
        parent = one.getparent()
        name = local_name(one)
        if parent is not None:
            twins = [other for other in parent if local_name(other) == name]
            if len(twins) > 1:
                name = f"{name}[{twins.index(one) + 1}]"
        parts.append(name)
        one = parent
    return "/" + "/".join(reversed(parts))


def local_name(element: Element) -> str:
    """Name without namespace; empty for a comment or a processing instruction."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace(element: Element) -> str:
    """Namespace of an element; empty if it has none."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


# -- the prolog, and tags as text ------------------------------------------------------------------

_PROLOG = re.compile(r"\s++|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_TAG = re.compile(
    r"""<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"""
    r"""|<(/?)([^\s<>/!?]++)(?:[^"'<>]|"[^"<]*+"|'[^'<]*+')*+>""",
    re.DOTALL,
)
"""Linear on every input: no branch reads over the next ``<`` twice."""


def _doctype(text: str) -> int:
    """Where a document type declaration begins; -1 if there is none in the prolog."""
    at = 0
    while found := _PROLOG.match(text, at):
        at = found.end()
    return at if text[at : at + 9].upper() == "<!DOCTYPE" else -1


def _tags(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _TAG.finditer(text) if found[2])


def _path_at(text: str) -> str:
    """The elements that are open where a text ends."""
    names: list[str] = []
    for found in _tags(text):
        if found[1]:
            if names:
                names.pop()
        elif not found[0].endswith("/>"):
            names.append(found[2].rpartition(":")[2])
    return "/" + "/".join(names[: DEFAULT.depth_max])


def _with_paths(data: bytes, decoded: Decoded) -> list[DocumentFinding]:
    """Findings of the character set, with the element that is open at their offset."""
    return [_located(one, data) for one in decoded.findings]


def _located(one: DocumentFinding, data: bytes) -> DocumentFinding:
    head = data[: one.offset]
    return fixed(one.rule, severity=one.severity, offset=one.offset,
                 path=_path_at(head.decode("latin-1")), line=head.count(b"\n") + 1,
                 expected=one.expected, actual=one.actual, clause=one.clause)  # fmt: skip


# -- libxml2 ---------------------------------------------------------------------------------------


def _parse(document: XmlDocument, decoded: Decoded, text: str, limits: Limits) -> None:
    parser = etree.XMLPullParser(
        events=("start", "end"), encoding="utf-8", resolve_entities=False, no_network=True,
        load_dtd=False, dtd_validation=False, attribute_defaults=False, huge_tree=False,
        recover=False, collect_ids=False,
    )  # fmt: skip
    count = 0
    children = [0]
    try:
        for at in range(0, len(text), PIECE_CHARACTERS):
            # Unpaired surrogates cannot come out of a codec that decodes strictly.
            parser.feed(text[at : at + PIECE_CHARACTERS].encode("utf-8"))
            for event, element in parser.read_events():
                if event == "end":
                    children.pop()
                if event == "end" or not isinstance(element, Element):
                    continue
                children[-1] += 1
                brood = children[-1]
                children.append(0)
                count += 1
                code = _over(limits, len(children) - 1, count, brood, element)
                if code:
                    _refuse(document, decoded, text, code, count)
                    return
        root = parser.close()
    except etree.XMLSyntaxError as error:
        document.findings.append(_malformed(decoded, text, error, parser))
        return
    if root.getroottree().docinfo.internalDTD is not None:
        # The prolog was read as text; should libxml2 see a declaration all the same, it counts.
        document.findings.append(fixed("xml.doctype", offset=0, path="/", clause="XML 1.0 §2.8"))
        return
    document.root = root


_BOUNDS: Final = {
    "Excessive depth": "xml.too-deep",
    "Text node too long": "xml.text-too-long",
    "AttValue length too long": "xml.text-too-long",
    "Buffer size limit exceeded": "xml.text-too-long",
}
"""How libxml2 words that a bound of its own is broken: 256 levels, 10,000,000 bytes of text."""


def _over(
    limits: Limits, depth: int, count: int, brood: int, element: Element
) -> tuple[str, int, int] | None:
    """The bound that is broken, its value, and what was met."""
    if depth > limits.depth_max:
        return "xml.too-deep", limits.depth_max, depth
    if count > limits.elements_max:
        return "xml.too-many-elements", limits.elements_max, count
    if brood > limits.children_max:
        return "xml.too-many-children", limits.children_max, brood
    if len(element.attrib) > limits.attributes_max:
        return "xml.too-many-attributes", limits.attributes_max, len(element.attrib)
    return None


def _refuse(document: XmlDocument, decoded: Decoded, text: str, broken: tuple[str, int, int],
            count: int) -> None:  # fmt: skip
    code, bound, met = broken
    start = 0
    for number, found in enumerate((one for one in _tags(text) if not one[1]), 1):
        if number == count:
            start = found.start()
            break
    document.findings.append(fixed(code, offset=decoded.offset(start), path=_path_at(text[:start]),
                                   line=text.count("\n", 0, start) + 1, expected=str(bound),
                                   actual=str(met)))  # fmt: skip


def _malformed(decoded: Decoded, text: str, error: etree.XMLSyntaxError,
               parser: etree.XMLPullParser) -> DocumentFinding:  # fmt: skip
    line, column = error.position
    message = (error.msg or "").partition(", line ")[0]
    logged = next(iter(parser.feed_error_log), None)
    if logged is not None:  # the exception of an undefined entity has neither place nor reason
        line, column, message = logged.line, logged.column, logged.message
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    # libxml2 counts the column in bytes of the UTF-8 that it was given.
    here = text[start : start + max(column, 1)].encode("utf-8")[: max(column - 1, 0)]
    at = min(start + len(here.decode("utf-8", "ignore")), len(text))
    # libxml2 has bounds of its own, one of which can be met before ours are counted.
    code = next((code for sign, code in _BOUNDS.items() if sign in message), "xml.malformed")
    return fixed(code, offset=decoded.offset(at), path=_path_at(text[:at]), line=max(line, 1),
                 actual=message, clause=CLAUSE)  # fmt: skip
