"""Documents inside messages: taken out, read with the same care, and compared with what is around.

A registration says the same things several times: the message around, the metadata, and the body
of the document itself. A platform that believes the metadata shows one patient's report under
another's name, so every difference is a finding, and none can be waived.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from harness.xmldoc.finding import DocumentFinding, fixed, shape, shown
from harness.xmldoc.judge import Value, values
from harness.xmldoc.rules import Equality, RuleSet, Side
from harness.xmldoc.safe import DEFAULT, Limits, XmlDocument, path_of, read

EMBEDDED_DEPTH_MAX: Final = 3
"""SOAP around a message around a document."""

INSIDE: Final = "!"
"""Stands in a path between the place in a message and the place in the document there."""

_BLANK = re.compile(r"[ \t\r\n]+")


@dataclass(slots=True, kw_only=True)
class Inner:
    """One embedded document.

    Attributes:
        path: of the element that holds it.
        document: as it was read; None where not even its bytes could be had.
        findings: about the holding element.
    """

    path: str
    document: XmlDocument | None
    findings: list[DocumentFinding] = field(default_factory=list)


def inner_documents(rules: RuleSet, outer: XmlDocument, limits: Limits = DEFAULT
                    ) -> Iterator[Inner]:  # fmt: skip
    """Every document that stands in a message, in the order of the rule file."""
    root = outer.root
    if root is None:
        return
    for where in rules.embedded:
        held = [one for one in values(where.select(root), root) if one.text.strip()]
        if not held and where.required:
            line, offset = outer.place(root)
            yield Inner(path=path_of(root), document=None, findings=[
                fixed("embedded.missing", path=path_of(root), line=line, offset=offset,
                      expected=where.select.path)])  # fmt: skip
        for one in held:
            yield _inner(one, outer, limits, base64_text=where.base64)


def _inner(one: Value, outer: XmlDocument, limits: Limits, *, base64_text: bool) -> Inner:
    if not base64_text:
        return Inner(path=one.path, document=read(one.text.strip().encode("utf-8"), limits))
    packed = _BLANK.sub("", one.text)
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        line, offset = outer.place(one.element)
        return Inner(path=one.path, document=None, findings=[
            fixed("embedded.not-base64", path=one.path, line=line, offset=offset,
                  actual=str(error), clause="RFC 4648 §4")])  # fmt: skip
    return Inner(path=one.path, document=read(data, limits))


def below(path: str, one: DocumentFinding) -> DocumentFinding:
    """A finding in an embedded document, with the path to the document in front."""
    return replace(one, path=f"{path}{INSIDE}{one.path}")


@dataclass(slots=True)
class Compared:
    """What the equalities said.

    Attributes:
        judged: ids of equalities of which two sides at least had a value.
        findings: differences.
    """

    judged: set[str] = field(default_factory=set)
    findings: list[DocumentFinding] = field(default_factory=list)


def compare(rules: RuleSet, outer: XmlDocument, inner: list[Inner]) -> Compared:
    """Every equality of a rule set, against every embedded document that could be read."""
    compared = Compared()
    if outer.root is None:
        return compared
    readable = [one for one in inner if one.document is not None and one.document.root is not None]
    for rule in rules.equalities:
        needs = any(side.inside for side in rule.sides)
        for one in readable if needs else [None]:
            _compare(rule, outer, one, compared)
    return compared


def _compare(rule: Equality, outer: XmlDocument, inner: Inner | None, told: Compared) -> None:
    found = [(side, one) for side in rule.sides for one in _values_of(rule, side, outer, inner)]
    filled = {side.name for side, _ in found}
    if len(filled) >= 2:
        told.judged.add(rule.id)
    for side in rule.sides:
        source = inner.document if side.inside and inner is not None else outer
        missing = side.required and filled and side.name not in filled
        if missing and source is not None and source.root is not None:
            at = Value("", source.root)
            told.findings.append(_finding(rule, outer, inner, side, at, "", ""))
    seen: dict[str, tuple[Side, list[str]]] = {}
    for side in rule.sides:
        _compare_side(rule, side, [one for of, one in found if of is side], seen,
                      told, outer, inner)  # fmt: skip


def _compare_side(rule: Equality, side: Side, own: list[Value],
                  seen: dict[str, tuple[Side, list[str]]], told: Compared, outer: XmlDocument,
                  inner: Inner | None) -> None:  # fmt: skip
    """One side against those before it; ``seen`` has their values, by root."""
    pairs = [(one, *_identity(rule, one)) for one in own]
    if seen and pairs and not any(root in seen for _, root, _ in pairs):
        one, root, _ = pairs[0]
        told.findings.append(_finding(rule, outer, inner, side, one, " ".join(seen),
                                      f"{side.name}: {root}"))  # fmt: skip
    for one, root, text in pairs:
        of, texts = seen.get(root, (side, [text]))
        if of is not side and text not in texts:
            wanted = texts[0]
            told.findings.append(_finding(
                rule, outer, inner, side, one, f"{of.name}: {_seen(rule, wanted)}",
                f"{side.name}: {_seen(rule, text)} @{_first_difference(wanted, text)}",
            ))  # fmt: skip
    for _, root, text in pairs:
        of, texts = seen.setdefault(root, (side, []))
        if of is side:
            texts.append(text)


_CX = re.compile(r"([^^]*)\^\^\^[^&]*&([^&^]*)(?:&ISO)?")
"""A patient id in ebXML metadata: ``number^^^&root&ISO`` (IHE ITI TF-3 §4.2.3)."""


def _identity(rule: Equality, one: Value) -> tuple[str, str]:
    """Root and extension; a value that is no identifier has no root."""
    if not rule.identifiers:
        return "", one.text
    if not one.attribute and not one.text.strip():
        root, extension = one.element.get("root", ""), one.element.get("extension", "")
        return str(root), str(extension)
    packed = _CX.fullmatch(one.text)
    return (packed[2], packed[1]) if packed else ("", one.text)


def _values_of(rule: Equality, side: Side, outer: XmlDocument, inner: Inner | None
               ) -> list[Value]:  # fmt: skip
    source = inner.document if side.inside and inner is not None else outer
    if source is None or source.root is None:
        return []
    found = values(side.select(source.root), source.root)
    # What is blank on one side and not on another is a difference; what is empty is no value.
    return [one for one in found if any(_identity(rule, one))]


def _seen(rule: Equality, text: str) -> str:
    return shape(text) if rule.private else shown(text)


def _first_difference(wanted: str, actual: str) -> int:
    """Where two values part (1 is the first character): what may be shown of a person's number."""
    pairs = zip(wanted, actual, strict=False)
    shorter = min(len(wanted), len(actual))
    return next((at for at, (one, other) in enumerate(pairs) if one != other), shorter) + 1


def _finding(rule: Equality, outer: XmlDocument, inner: Inner | None, side: Side, at: Value,
             expected: str, actual: str) -> DocumentFinding:  # fmt: skip
    within = side.inside and inner is not None and inner.document is not None
    source = inner.document if within and inner is not None else outer
    line, offset = source.place(at.element) if source is not None else (0, -1)
    path = at.path
    if within and inner is not None:
        path = f"{inner.path}{INSIDE}{path}"
    return DocumentFinding(
        rule=rule.id, severity=rule.severity, message=rule.text, path=path, line=line,
        offset=offset,
        expected=expected or f"{side.name}: {side.select.path}", actual=actual, clause=rule.clause,
        basis=rule.basis,
    )  # fmt: skip
