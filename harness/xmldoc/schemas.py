"""XSD and ISO Schematron that the site supplies, and their answers as findings with places.

Schemas are trusted as the profile is: they come from the site, not from the document. They may
include each other from the file system, never from a network. Schematron runs on XSLT 1.0
(``queryBinding`` ``xslt``); a schema for ``xslt2`` is refused, since it would judge nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lxml import etree
from lxml.isoschematron import (  # type: ignore[import-not-found]  # the stubs leave it out
    Schematron as IsoSchematron,
)

from harness.errors import InputError
from harness.i18n import tr
from harness.xmldoc.finding import ERROR, NOTE, WARNING, DocumentFinding, shown
from harness.xmldoc.judge import Judged
from harness.xmldoc.safe import Element, XmlDocument, path_of

SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"

XSD_CLAUSE: Final = "W3C XML Schema 1.0"

_ROLES: Final = {"error": ERROR, "fatal": ERROR, "warning": WARNING, "warn": WARNING,
                 "info": NOTE, "information": NOTE, "note": NOTE}  # fmt: skip


class Schema:
    """An XSD, compiled once."""

    def __init__(self, path: Path) -> None:
        try:
            self._schema = etree.XMLSchema(_tree(path))
        except etree.XMLSchemaError as error:
            raise _unusable(path, error) from error

    def judge(self, document: XmlDocument) -> Judged:
        """Everything that the schema has against a document; rule ids are libxml2's own names."""
        judged = Judged()
        root = document.root
        if root is None:
            return judged
        judged.rules.add("xsd")
        if self._schema.validate(root):
            return judged
        log: Any = self._schema.error_log  # the stubs do not know that it can be walked
        for entry in log:
            rule = f"xsd.{entry.type_name.removeprefix('SCHEMAV_').lower().replace('_', '-')}"
            if judged.full(rule):
                continue
            element = _one(root, entry.path) if entry.path else None
            judged.add(_finding(document, element, rule, ERROR, entry.message, XSD_CLAUSE))
        return judged


class Schematron:
    """An ISO Schematron, compiled once."""

    def __init__(self, path: Path) -> None:
        tree = _tree(path)
        binding = tree.getroot().get("queryBinding", "xslt")
        if binding.lower() != "xslt":
            raise InputError(tr("this Schematron asks for {binding}; only xslt can be judged",
                                binding=binding), where=str(path))  # fmt: skip
        try:
            self._schema = IsoSchematron(tree, store_report=True)
        except (etree.LxmlError, TypeError, ValueError) as error:
            raise _unusable(path, error) from error

    def judge(self, document: XmlDocument) -> Judged:
        """Failed asserts and successful reports; ``rules`` holds what fired, so empty is silence.

        The rule id is ``sch.`` and the id of the assert; without one, that of its pattern or its
        rule, and then the test itself.
        """
        judged = Judged()
        root = document.root
        if root is None:
            return judged
        self._schema.validate(root)
        pattern = fired = ""
        for one in self._schema.validation_report.getroot():
            if one.tag == f"{SVRL}active-pattern":
                pattern, fired = one.get("id") or one.get("name") or "", ""
            elif one.tag == f"{SVRL}fired-rule":
                fired = one.get("id") or ""
                judged.rules.add(f"sch.{fired or pattern or one.get('context')}")
            elif one.tag in (f"{SVRL}failed-assert", f"{SVRL}successful-report"):
                self._tell(one, pattern, fired, document, judged)
        return judged

    def _tell(self, one: Element, pattern: str, fired: str, document: XmlDocument,
              judged: Judged) -> None:  # fmt: skip
        parts = [one.get("id") or "", fired, pattern]
        rule = f"sch.{next((part for part in parts if part), None) or shown(one.get('test') or '')}"
        if judged.full(rule) or document.root is None:
            return
        role = (one.get("role") or one.get("flag") or "").lower()
        element = _one(document.root, one.get("location") or "")
        text = " ".join("".join(map(str, one.itertext())).split())
        judged.add(_finding(document, element, rule, _ROLES.get(role, ERROR), text,
                            "ISO/IEC 19757-3"))  # fmt: skip


def _tree(path: Path) -> etree._ElementTree:  # lxml has no public name for it
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.parse(str(path), parser)
    except (etree.XMLSyntaxError, OSError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(tr("the schema cannot be used: {why}", why=str(error)), where=str(path))


def _one(root: Element, path: str) -> Element | None:
    """The element that a validator means; None where its path leads nowhere."""
    names = {"ns": root.nsmap.get(root.prefix)} if root.prefix else {}
    attribute = re.search(r"/@[^/\]]+$", path)
    try:
        found: Any = root.getroottree().xpath(
            path[: attribute.start()] if attribute else path,
            namespaces={key: str(value) for key, value in (root.nsmap | names).items() if key},
        )
    except etree.XPathError:
        return None
    return next((one for one in found if hasattr(one, "tag")), None) if found else None


def _finding(document: XmlDocument, element: Element | None, rule: str, severity: str, text: str,
             clause: str) -> DocumentFinding:  # fmt: skip
    line, offset = (0, -1) if element is None else document.place(element)
    path = "" if element is None else path_of(element)
    return DocumentFinding(
        rule=rule, severity=severity, message=text, path=path,
        line=line, offset=offset, clause=clause, basis="site",
    )  # fmt: skip


def all_of(schemas: list[str], schematrons: list[str]) -> Iterator[Schema | Schematron]:
    """What a command was given, compiled.

    Raises:
        InputError: one cannot be used.
    """
    yield from (Schema(Path(one)) for one in schemas)
    yield from (Schematron(Path(one)) for one in schematrons)
