"""POCT1-A2 device messages: XML whose values stand in ``V`` attributes, written and read.

A message is ``<HEL.R01>`` and the like; it holds ``HDR`` with control id, version and time, and
then its own objects. Makers misspell elements and contradict their own tables, so reading is
tolerant: what is asked for by name is found wherever it stands, and namespaces do not matter.
Entities are never expanded, and a document type is no message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

MESSAGE_BYTES_MAX: Final = 1024 * 1024
"""The longest list of patients that a device takes is far below."""

ELEMENTS_MAX: Final = 50_000
"""Elements of one message that are looked at."""

Attributes = Mapping[str, str]
"""Attributes of an element; ``V`` is its value, ``U`` the unit, ``SN`` and ``DN`` name a code."""


@dataclass(frozen=True, slots=True)
class Node:
    """One element to write: a value (``V``), further attributes, or children."""

    name: str
    value: str | None = None
    attributes: Attributes | None = None
    children: Sequence[Node] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DmlMessage:
    """One message as it was read.

    Attributes:
        kind: name of the root element, such as ``OBS.R01``.
        control_id: HDR.control_id.
        version: HDR.version_id.
        time: HDR.creation_dttm.
        values: every element with its attributes, in document order.
        problem: why it cannot be read; everything else is empty then.
    """

    kind: str = ""
    control_id: str = ""
    version: str = ""
    time: str = ""
    values: tuple[tuple[str, Attributes], ...] = ()
    problem: str = ""

    def get(self, name: str) -> str:
        """The first value of an element; empty if it is absent."""
        return next((attributes.get("V", "") for one, attributes in self.values if one == name), "")

    def every(self, name: str) -> list[Attributes]:
        """The attributes of every element of that name."""
        return [attributes for one, attributes in self.values if one == name]


def write(
    kind: str,
    nodes: Sequence[Node],
    *,
    control_id: str,
    time: str,
    version: str = "POCT1",
    codec: str = "utf-8",
    declaration: bool = False,
    misspelt: Mapping[str, str] | None = None,
) -> bytes:
    """One message as bytes.

    Args:
        kind: root element.
        nodes: what follows HDR.
        control_id: unique for the sender within the conversation.
        time: ISO 8601 with an offset.
        version: HDR.version_id.
        codec: Python's name of the codec; characters outside it become character references.
        declaration: begin with an XML declaration.
        misspelt: element name to what is written in its place.
    """
    words = misspelt or {}
    header = Node(
        "HDR",
        children=(
            Node("HDR.control_id", control_id),
            Node("HDR.version_id", version),
            Node("HDR.creation_dttm", time),
        ),
    )
    root = etree.Element(words.get(kind, kind))
    for node in (header, *nodes):
        _append(root, node, words)
    data = etree.tostring(root, encoding=codec, xml_declaration=declaration)
    return data if isinstance(data, bytes) else data.encode(codec)


def _append(parent: etree._Element, node: Node, words: Mapping[str, str]) -> None:
    element = etree.SubElement(parent, words.get(node.name, node.name))
    if node.value is not None:
        element.set("V", _clean(node.value))
    for name, value in (node.attributes or {}).items():
        element.set(name, _clean(value))
    for child in node.children:
        _append(element, child, words)


def _clean(text: str) -> str:
    """XML 1.0 §2.2 has no place for control characters."""
    return "".join(char if char >= " " or char in "\t\r\n" else "\ufffd" for char in text)


def acknowledgement(
    answered: str, *, control_id: str, time: str, code: str = "AA", text: str = ""
) -> bytes:
    """ACK.R01 for a message, by its control id: AA, or AE with a note."""
    nodes = [Node("ACK.type_cd", code), Node("ACK.ack_control_id", answered)]
    if text:
        nodes.append(Node("ACK.note_txt", text))
    return write("ACK.R01", [Node("ACK", children=nodes)], control_id=control_id, time=time)


def read(data: bytes) -> DmlMessage:
    """Read one message; never raises."""
    if len(data) > MESSAGE_BYTES_MAX:
        return DmlMessage(problem="the message is longer than allowed")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        return DmlMessage(problem=str(error)[:200])
    if getattr(root.getroottree().docinfo, "doctype", ""):
        return DmlMessage(problem="a document type declaration is not allowed")
    values: list[tuple[str, Attributes]] = []
    for element in root.iter():
        if len(values) >= ELEMENTS_MAX:
            return DmlMessage(problem="the message has more elements than allowed")
        if isinstance(element.tag, str):
            name = etree.QName(element).localname
            values.append((name, {str(key): str(text) for key, text in element.attrib.items()}))
    named = {name: attributes.get("V", "") for name, attributes in reversed(values)}
    return DmlMessage(
        kind=values[0][0],
        control_id=named.get("HDR.control_id", ""),
        version=named.get("HDR.version_id", ""),
        time=named.get("HDR.creation_dttm", ""),
        values=tuple(values),
    )
