"""What there is to say about an XML document: one type, and one table of the fixed codes.

The texts carry no values, so that whoever shows them can translate them. Rules of a rule file bring
their own texts, in both languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES: Final = (ERROR, WARNING, NOTE)

FINDINGS_PER_RULE_MAX: Final = 100
"""A rule is reported so often for one document; what lies beyond is counted."""

VALUE_SHOWN_MAX: Final = 80
"""Characters of a value that a finding shows."""

TEXTS: Final = {
    # reading (XML 1.0, fifth edition; Namespaces in XML 1.0)
    "xml.too-large": "The document is larger than the limit; it was not read",
    "xml.empty": "There is nothing in it",
    "xml.doctype": "A document type declaration: it is refused, so no entity is ever expanded",
    "xml.malformed": "The document is not well-formed",
    "xml.too-deep": "Elements are nested deeper than the limit",
    "xml.text-too-long": "A text or an attribute is longer than the limit",
    "xml.too-many-elements": "The document has more elements than the limit",
    "xml.too-many-children": "An element has more children than the limit",
    "xml.too-many-attributes": "An element has more attributes than the limit",
    "xml.encoding-unknown": "The declared character set is not known",
    "xml.encoding-differs": "The document is not written in the character set that it declares",
    "xml.encoding-undecodable": "The document cannot be decoded in any known character set",
    "xml.encoding-superset": "A character that the declared character set does not have",
    # what stands inside
    "embedded.not-base64": "The embedded document is not base64",
    "embedded.missing": "No embedded document was found where one belongs",
    "embedded.too-nested": "Documents are embedded in each other deeper than the limit",
    # equality
    "cross.id-reused": "The same identifier was used by an earlier document or message",
    # waivers
    "waiver.expired": "The waiver has expired and waives nothing",
    "waiver.unused": "The waiver was needed by nothing",
    "waiver.refused": "This rule cannot be waived",
    # rule sets
    "rules.namespace": "The root element is not in the namespace that the rules are for",
}  # fmt: skip

UNWAIVABLE: Final = ("xml.", "embedded.", "rules.", "waiver.", "cross.")
"""Beginnings of rule ids that nobody can waive: what kept a document from being judged, waivers
themselves, identity.

A difference in patient identity is never approved, here as in a comparison. Differences in the
character set that the reader survived can be: ``WAIVABLE`` names them.
"""

WAIVABLE: Final = ("xml.encoding-differs", "xml.encoding-superset")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFinding:
    """One thing that is not as it should be, at one place of one document.

    Attributes:
        rule: stable id, such as ``cda.custodian`` or ``xml.doctype``; what a waiver names.
        severity: ``error``, ``warning`` or ``note``.
        message: what it means; English and a key of the catalogue for the fixed codes, in the
            language of the run for rules of a file, the validator's own words for a schema.
        file: the document.
        path: place in it, by local names (``/ClinicalDocument/author[2]/time/@value``); behind
            ``!`` stands the path in a document that is embedded there.
        line: first line is 1; 0 if there is none.
        offset: byte offset in the file, or in the embedded document; -1 if there is none.
        expected: what should stand there, or empty.
        actual: what stands there, or empty; of what is about a person the shape alone.
        clause: where the rule comes from, or empty.
        basis: how well the source is known (``rules.BASES``), or empty.
    """

    rule: str
    severity: str
    message: str
    file: str = ""
    path: str = ""
    line: int = 0
    offset: int = -1
    expected: str = ""
    actual: str = ""
    clause: str = ""
    basis: str = ""


def fixed(code: str, *, severity: str = ERROR, path: str = "", line: int = 0, offset: int = -1,
          expected: str = "", actual: str = "", clause: str = "") -> DocumentFinding:  # fmt: skip
    """A finding with the text of its code."""
    return DocumentFinding(
        rule=code, severity=severity, message=TEXTS[code], path=path, line=line, offset=offset,
        expected=shown(expected), actual=shown(actual), clause=clause, basis="standard",
    )  # fmt: skip


def shown(value: str) -> str:
    """A value as a finding shows it: on one line, and cut."""
    flat = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in value)
    return flat if len(flat) <= VALUE_SHOWN_MAX else flat[: VALUE_SHOWN_MAX - 1] + "…"


def shape(value: str) -> str:
    """A value about a person, without the value: ``TEST26001`` is ``AAAA99999``."""
    return shown("".join(_sign(one) for one in value))


def _sign(one: str) -> str:
    if one.isdecimal():
        return "9"
    if one.isascii():
        return "A" if one.isalpha() else one
    return "汉" if one.isalpha() else "?"


def waivable(rule: str) -> bool:
    """Whether a site may waive the rule."""
    return rule in WAIVABLE or not rule.startswith(UNWAIVABLE)
