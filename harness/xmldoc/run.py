"""Checking documents one after the other: read, schemas, rules, what is embedded, equality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.xmldoc.finding import DocumentFinding, fixed, shape
from harness.xmldoc.inside import EMBEDDED_DEPTH_MAX, Inner, below, compare, inner_documents
from harness.xmldoc.judge import Judged, fits, judge, values
from harness.xmldoc.rules import RuleSet
from harness.xmldoc.safe import DEFAULT, Limits, XmlDocument, local_name, path_of, read_file
from harness.xmldoc.schemas import Schema, Schematron

SUFFIXES: Final = (".xml", ".cda")
"""Files of a folder that are looked at; a file that is named is looked at whatever its name."""

FINDINGS_MAX: Final = 5_000
"""Findings of one run that are kept; what lies beyond is counted."""

IDENTIFIERS_MAX: Final = 1_000_000
"""Identifiers of one run that are remembered."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of one document.

    Attributes:
        file: where it is.
        root: local name of its root element; empty if it could not be read.
        rules: rules that judged something, in it and in what is embedded.
        silent: schemas and rule sets that judged nothing, and documents for which there was none.
        findings: what is wrong, waived findings included.
    """

    file: str
    root: str = ""
    rules: set[str] = field(default_factory=set)
    silent: list[str] = field(default_factory=list)
    findings: list[DocumentFinding] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Checker:
    """Looks at one document after the other, and remembers their identifiers.

    Attributes:
        sets: rule sets; of each, the ones for a document's root element are applied.
        schemas: XSDs and Schematrons, for the files themselves, not for what is embedded.
        limits: bounds of a document.
        dropped: findings that were not kept.
        fitted: names of the rule sets that were for a document at all.
    """

    sets: Sequence[RuleSet] = ()
    schemas: Sequence[Schema | Schematron] = ()
    limits: Limits = DEFAULT
    dropped: int = 0
    fitted: set[str] = field(default_factory=set)
    _kept: int = 0
    _identifiers: dict[str, str] = field(default_factory=dict)

    def check(self, path: Path) -> Result:
        """One file.

        Raises:
            InputError: it cannot be read from where it is.
        """
        try:
            document = read_file(path, self.limits)
        except OSError as error:
            message = tr("cannot be read: {why}", why=error.strerror or str(error))
            raise InputError(message, where=str(path)) from error
        result = Result(file=str(path))
        if document.root is not None:
            result.root = local_name(document.root)
            for schema in self.schemas:
                self._take(result, schema.judge(document), type(schema).__name__)
        self._look(result, document, "", 0)
        room = max(FINDINGS_MAX - self._kept, 0)
        self.dropped += max(len(result.findings) - room, 0)
        result.findings = [replace(one, file=str(path)) for one in result.findings[:room]]
        self._kept += len(result.findings)
        return result

    def _take(self, result: Result, judged: Judged, name: str, path: str = "") -> None:
        result.rules |= judged.rules
        self.dropped += judged.dropped
        # A finding without a rule that judged comes from looking whether the rules apply at all.
        if not judged.rules and not judged.findings:
            result.silent.append(name)
        result.findings += [below(path, one) if path else one for one in judged.findings]

    def _look(self, result: Result, document: XmlDocument, path: str, depth: int) -> None:
        """One document and, within a limit, those that stand in it."""
        result.findings += [below(path, one) if path else one for one in document.findings]
        if document.root is None:
            return
        fitting = [one for one in self.sets if fits(one, document)]
        if not fitting and (depth or not self.schemas):
            result.silent.append(f"{path}/{local_name(document.root)}")
        for rules in fitting:
            self.fitted.add(rules.name)
            self._take(result, judge(rules, document), rules.name, path)
            self._identify(result, rules, document, path)
            inner = list(inner_documents(rules, document, self.limits))
            self._look_inside(result, document, inner, path, depth)
            compared = compare(rules, document, inner)
            result.rules |= compared.judged
            result.findings += [below(path, one) if path else one for one in compared.findings]

    def _look_inside(self, result: Result, document: XmlDocument, inner: list[Inner], path: str,
                     depth: int) -> None:  # fmt: skip
        for one in inner:
            result.findings += [below(path, about) if path else about for about in one.findings]
            if one.document is None:
                continue
            place = f"{path}!{one.path}" if path else one.path
            if depth + 1 >= EMBEDDED_DEPTH_MAX:
                result.findings.append(fixed("embedded.too-nested", path=place,
                                             expected=str(EMBEDDED_DEPTH_MAX)))  # fmt: skip
            else:
                self._look(result, one.document, place, depth + 1)

    def _identify(self, result: Result, rules: RuleSet, document: XmlDocument, path: str) -> None:
        """Identifiers that no other document of this run may have."""
        root = document.root
        if root is None:
            return
        here = f"{result.file}!{path}" if path else result.file
        for select in rules.identifiers:
            key = "|".join(one.text for one in values(select(root), root))
            earlier = self._identifiers.get(key) if key.strip("|") else None
            if earlier is not None:
                line, offset = document.place(root)
                one = fixed("cross.id-reused", path=path_of(root), line=line, offset=offset,
                            actual=shape(key), expected=earlier)  # fmt: skip
                result.findings.append(below(path, one) if path else one)
            elif key.strip("|") and len(self._identifiers) < IDENTIFIERS_MAX:
                self._identifiers[key] = here


def files_of(paths: Sequence[str]) -> list[Path]:
    """Files that are named, and the XML files of folders that are named.

    Raises:
        InputError: a path leads nowhere.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(one for one in path.rglob("*")
                            if one.is_file() and one.suffix.lower() in SUFFIXES)  # fmt: skip
        elif path.exists():
            found.append(path)
        else:
            raise InputError(tr("there is no such file"), where=str(path))
    return found
