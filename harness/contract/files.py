"""Interface files of a vendor: WSDL and XML Schema by what they define, others by their hash.

Two files whose bytes differ may define the same, and one line may take a required element away; so
the definitions are items of their own beside the hash (WSDL 1.1 §2, XML Schema 1.0 Part 1 §3.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lxml import etree

from harness.errors import InputError
from harness.i18n import tr

FILES_MAX: Final = 5_000
BYTES_MAX: Final = 64 * 1024 * 1024
"""Of definitions; of a larger file the hash alone is told."""

_BLOCK: Final = 1 << 20

_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"


def items(folder: Path) -> dict[str, str]:
    """Every file below a folder; or one file.

    Raises:
        InputError: there is nothing there, or far too much.
    """
    found: dict[str, str] = {}
    for name, path in listed(folder):
        try:
            found[f"file {name}"], data = _read(path)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(tr("cannot be read: {why}", why=why), where=str(path)) from error
        if path.suffix.lower() in {".wsdl", ".xsd"}:
            found |= {f"{kind} {name}": value for kind, value in _definitions(data)}
    return found


def listed(folder: Path) -> list[tuple[str, Path]]:
    """Relative name and path of every file.

    Raises:
        InputError: there is nothing there, or far too much.
    """
    if folder.is_file():
        return [(folder.name, folder)]
    paths = sorted(one for one in folder.rglob("*") if one.is_file()) if folder.is_dir() else []
    if not paths:
        raise InputError(tr("there is no file in it"), where=str(folder))
    if len(paths) > FILES_MAX:
        message = tr("more than {count} files: name the folder of the program", count=FILES_MAX)
        raise InputError(message, where=str(folder))
    return [(one.relative_to(folder).as_posix(), one) for one in paths]


def _read(path: Path) -> tuple[str, bytes]:
    """The hash of all of it, and its begin: an installer may be larger than the memory."""
    with path.open("rb") as file:
        data = file.read(BYTES_MAX + 1)
        digest = hashlib.sha256(data)
        while more := file.read(_BLOCK):
            digest.update(more)
    return digest.hexdigest(), data


def _definitions(data: bytes) -> Iterator[tuple[str, str]]:
    if len(data) > BYTES_MAX:
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        yield "unreadable", str(error)
        return
    yield "namespace", str(root.get("targetNamespace") or "-")
    for node in root.iter(f"{_WSDL}portType"):
        for operation in node.findall(f"{_WSDL}operation"):
            shown = [
                f"{part}={_local(each.get('message'))}"
                for part in ("input", "output", "fault")
                for each in operation.findall(f"{_WSDL}{part}")
            ]
            yield f"operation {node.get('name')}.{operation.get('name')} of", " ".join(shown) or "-"
    for node in root.iter():
        if isinstance(node.tag, str) and node.tag.endswith("}address") and node.get("location"):
            yield "address", str(node.get("location"))
    yield from _elements(root, "")


def _elements(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Elements, attributes and code lists of schemas, each at its path."""
    for child in node:
        if not isinstance(child.tag, str):
            continue
        kind = child.tag.removeprefix(_XSD)
        name = child.get("name") or _local(child.get("ref"))
        inner = path
        if kind in {"element", "attribute", "complexType", "simpleType"} and name:
            inner = f"{path}/{name}"
            if kind in {"element", "attribute"}:
                yield f"{kind} {inner} of", _occurs(child, kind)
        elif kind == "enumeration":
            yield f"code {path} {child.get('value')} of", "present"
        elif kind in {"maxLength", "minLength", "length", "pattern", "totalDigits",
                      "fractionDigits"}:  # fmt: skip
            yield f"facet {path} {kind} of", str(child.get("value"))
        yield from _elements(child, inner)


def _occurs(child: Any, kind: str) -> str:
    declared = _local(child.get("type")) or "-"
    if kind == "attribute":
        return f"{declared}, {child.get('use') or 'optional'}"
    return f"{declared}, {child.get('minOccurs') or '1'}..{child.get('maxOccurs') or '1'}"


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]
