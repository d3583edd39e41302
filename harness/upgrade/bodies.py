"""Bodies that are trees: JSON by pointers, XML by paths, and either inside a text of the other.

A JSON pointer is that of RFC 6901 with the numbers of list members in brackets. An XML path has the
local names of the elements from the root down, ``@name`` for an attribute, and a number in brackets
where siblings share a name. Where the text of a member or an element is itself a tree (an ``input``
that is JSON as text, a document in CDATA), ``>`` leads into it: as one text it would differ as a
whole where one amount differs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lxml import etree

CODINGS: Final = ("utf-8", "gb18030")
"""The one of RFC 8259 §8.1, and the one that older hospital systems write."""

DEPTH_MAX: Final = 64
"""Of trees inside texts and elements inside each other; deeper ones stay a text."""


def values(raw: bytes) -> Iterator[tuple[str, str]] | None:
    """Path and value of every leaf; None for what is neither JSON nor XML."""
    start = raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in {b"{", b"["}:
        return _json_bytes(raw)
    return _xml_bytes(raw) if start == b"<" else None


def _json_bytes(raw: bytes) -> Iterator[tuple[str, str]] | None:
    for coding in CODINGS:
        try:
            tree = _parsed(raw.decode("utf-8-sig" if coding == CODINGS[0] else coding))
            found = list(leaves(tree, ""))
        except (ValueError, RecursionError):  # nested too deeply: compared as bytes
            continue
        return iter(found if coding == CODINGS[0] else [("@charset", coding), *found])
    return None


def _parsed(text: str) -> Any:
    """With numbers as they are written: 1.0 and 1.00 are two things."""
    return json.loads(text, parse_int=str, parse_float=str)


def leaves(value: object, pointer: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every value of a JSON tree: null is one, too."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{pointer}/{key}", depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from leaves(inner, f"{pointer}[{number}]", depth + 1)
    elif isinstance(value, str):
        yield from _text(value, pointer, depth)
    else:
        yield pointer, json.dumps(value)


def _text(text: str, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    """A text, or the tree that it holds."""
    start = text.lstrip()[:1]
    if depth < DEPTH_MAX and start in {"{", "["}:
        try:
            tree = _parsed(text)
        except (ValueError, RecursionError):
            tree = None
        if isinstance(tree, dict | list) and tree:
            yield from leaves(tree, f"{pointer}>", depth + 1)
            return
    if depth < DEPTH_MAX and start == "<":
        root = _root(text.encode("utf-8"), "utf-8")
        if root is not None:
            yield from _elements(root, f"{pointer}>/{_local(root)}", depth + 1)
            return
    yield pointer, text


def _xml_bytes(raw: bytes) -> Iterator[tuple[str, str]] | None:
    root, told = _root(raw), ""
    if root is None:
        root, told = _root(raw, "gb18030"), "gb18030"
    if root is None:
        return None
    declared = told or str(root.getroottree().docinfo.encoding or "")
    namespace = etree.QName(root).namespace or ""
    head = [("@charset", declared), ("@namespace", namespace)]
    return iter([*head, *_elements(root, f"/{_local(root)}", 0)])


def _root(raw: bytes, encoding: str | None = None) -> Any:
    """The document element; None for what is not well-formed. Entities are never resolved."""
    parser = etree.XMLParser(
        encoding=encoding, resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False,
    )  # fmt: skip
    try:
        return etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return None


def _local(node: Any) -> str:
    return str(etree.QName(node).localname)


def _elements(node: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in node.attrib.items():
        yield f"{path}/@{etree.QName(name).localname}", str(value)
    children = [child for child in node if isinstance(child.tag, str)]
    own = "".join([node.text or "", *(child.tail or "" for child in node)]).strip()
    if own or not children:
        yield from _text(own, path, depth)
    if depth >= DEPTH_MAX:
        return
    shared = Counter(_local(child) for child in children)
    seen: Counter[str] = Counter()
    for child in children:
        name = _local(child)
        seen[name] += 1
        number = f"[{seen[name]}]" if shared[name] > 1 else ""
        yield from _elements(child, f"{path}/{name}{number}", depth + 1)
