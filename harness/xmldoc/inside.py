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
    sides = {side.name: _values_of(side, outer, inner) for side in rule.sides}
    filled = {name: found for name, found in sides.items() if found}
    if len(filled) >= 2:
        told.judged.add(rule.id)
    for side in rule.sides:
        if side.required and not sides[side.name] and filled:
            source = inner.document if side.inside and inner is not None else outer
            if source is not None and source.root is not None:
                told.findings.append(_finding(rule, outer, inner, side, Value("", source.root),
                                              rule.text, "", ""))  # fmt: skip
    if not filled:
        return
    first = next(side for side in rule.sides if sides[side.name])
    wanted = sides[first.name]
    texts = {one.text for one in wanted}
    for side in rule.sides:
        for one in sides[side.name]:
            # Several values on one side: each other side must name one of them.
            if side is not first and one.text not in texts:
                told.findings.append(_finding(
                    rule, outer, inner, side, one, rule.text,
                    f"{first.name}: {_seen(rule, wanted[0].text)}",
                    f"{side.name}: {_seen(rule, one.text)}{_first_difference(wanted[0], one)}",
                ))  # fmt: skip


def _values_of(side: Side, outer: XmlDocument, inner: Inner | None) -> list[Value]:
    source = inner.document if side.inside and inner is not None else outer
    if source is None or source.root is None:
        return []
    # What is blank on one side and not on another is a difference; what is empty is no value.
    return [one for one in values(side.select(source.root), source.root) if one.text]


def _seen(rule: Equality, text: str) -> str:
    return shape(text) if rule.private else shown(text)


def _first_difference(wanted: Value, actual: Value) -> str:
    """Where two values part: of what is about a person, nothing else can be shown."""
    at = next(
        (at for at, (one, other) in enumerate(zip(wanted.text, actual.text, strict=False))
         if one != other),
        min(len(wanted.text), len(actual.text)),
    )  # fmt: skip
    return f" @{at + 1}"


def _finding(rule: Equality, outer: XmlDocument, inner: Inner | None, side: Side, at: Value,
             text: str, expected: str, actual: str) -> DocumentFinding:  # fmt: skip
    within = side.inside and inner is not None and inner.document is not None
    source = inner.document if within and inner is not None else outer
    line, offset = source.place(at.element) if source is not None else (0, -1)
    path = at.path
    if within and inner is not None:
        path = f"{inner.path}{INSIDE}{path}"
    return DocumentFinding(
        rule=rule.id, severity=rule.severity, message=text, path=path, line=line, offset=offset,
        expected=expected or f"{side.name}: {side.select.path}", actual=actual, clause=rule.clause,
        basis=rule.basis,
    )  # fmt: skip
