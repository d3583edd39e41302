"""Rules as data: a rule file is TOML, and each rule has an id that never changes its meaning.

A rule names a context (XPath 1.0, in the name spaces of the file), what it selects from there, and
at least one thing that can be wrong with it: how often it occurs, its value, or an XPath that must
be true. How well the source of a rule is known bounds how loudly the rule may speak:

========= ========================================================================= =============
basis     meaning                                                                   at most
========= ========================================================================= =============
standard  an international standard that anybody can read says so                   error
public    several public sources agree                                              error
single    one public source (templates or schemas of one integrator)                warning
guess     inferred; nobody confirmed it                                             note
site      the site says so, in a file of its own                                    error
========= ========================================================================= =============

A site's file ``extends`` those that ship, replaces rules by id, and lists in ``off`` what it does
not want.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lxml import etree

from harness import i18n, input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.resources import fixtures_folder
from harness.xmldoc.checks import CHECKS
from harness.xmldoc.finding import ERROR, NOTE, SEVERITIES, WARNING

FORMAT: Final = 1

LOUDEST: Final = {
    "standard": ERROR, "public": ERROR, "single": WARNING, "guess": NOTE, "site": ERROR,
}  # fmt: skip
BASES: Final = tuple(LOUDEST)

EXTENDS_DEPTH_MAX: Final = 5

_TESTS: Final = ("equals", "equals_xpath", "one_of", "not_one_of", "pattern", "check", "true",
                 "order")  # fmt: skip
_KEYS: Final = frozenset(
    {"id", "severity", "basis", "clause", "context", "select", "min", "max", "private", "en", "zh",
     *_TESTS}
)  # fmt: skip
_FILE_KEYS: Final = frozenset(
    {"format", "name", "extends", "off", "roots", "namespace", "namespaces", "rule", "template",
     "templates", "embedded", "equal", "identifier"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; the keys of a ``[[rule]]`` table.

    Attributes:
        id: stable.
        severity: ``error``, ``warning`` or ``note``.
        basis: see the table above.
        clause: where it comes from.
        context: the nodes that it is about; the rule judges nothing where there are none.
        select: from each of them; a node set of elements or attributes.
        least: occurrences at least.
        most: occurrences at most; None for any number.
        tests: what each value must be, by the name of the test.
        private: the values are about a person; a finding shows their shape alone.
        texts: what is wrong, by language.
    """

    id: str
    severity: str
    basis: str
    clause: str
    context: etree.XPath
    select: etree.XPath | None
    selected: str
    least: int
    most: int | None
    tests: Mapping[str, Any]
    private: bool
    texts: Mapping[str, str]

    @property
    def text(self) -> str:
        """What is wrong, in the language in use."""
        return self.texts[i18n.current()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One kind of document: ``[[template]]``."""

    code: str
    tail: str
    title: str
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of an equality: where its value stands.

    Attributes:
        name: such as ``envelope``, ``metadata``, ``body``.
        select: XPath of the values.
        inside: the values stand in the embedded document.
        required: a missing value is a finding.
    """

    name: str
    select: etree.XPath
    inside: bool
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """Values that must be the same on every side: ``[[equal]]``.

    With ``identifiers``, the sides select identifiers (II elements, or CX text of ebXML): those of
    the same root must have the same extension, and one root at least must be on both sides. A
    patient has several numbers, and nobody sends all of them everywhere.
    """

    id: str
    severity: str
    basis: str
    clause: str
    private: bool
    identifiers: bool
    sides: tuple[Side, ...]
    texts: Mapping[str, str]

    @property
    def text(self) -> str:
        """What must be equal, in the language in use."""
        return self.texts[i18n.current()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Where documents are embedded: ``[[embedded]]``.

    Attributes:
        select: XPath of the elements that hold them.
        base64: whether the text is base64; XML as text otherwise.
        required: a message without any is a finding.
    """

    select: etree.XPath
    base64: bool
    required: bool


@dataclass(slots=True, kw_only=True)
class RuleSet:
    """One rule file, with what it extends.

    Attributes:
        name: of the set.
        roots: regular expression of the local names of the root elements that it is for.
        namespace: of the root element.
        rules: by id, in the order of the file.
        templates: kinds of documents, by code.
        template_options: the texts and bases of the rules that ``templates`` give.
        embedded: where other documents stand.
        equalities: what must be the same on several sides.
        identifiers: XPath of identifiers that no other document of the run may have.
    """

    name: str = ""
    roots: re.Pattern[str] = re.compile(r"(?!)")
    namespace: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    template_options: dict[str, Any] = field(default_factory=dict)
    embedded: list[Embedded] = field(default_factory=list)
    equalities: list[Equality] = field(default_factory=list)
    identifiers: list[etree.XPath] = field(default_factory=list)


def load(name: str) -> RuleSet:
    """A rule file by its path, or one that ships by its name.

    Raises:
        InputError: there is none, or it is wrong; says which rule and why.
    """
    result = RuleSet()
    _load_into(result, _file_of(name, None), 0)
    return result


def shipped() -> list[str]:
    """Names of the rule files that ship."""
    return sorted(path.stem for path in (fixtures_folder() / "documents").glob("*.toml"))


def _file_of(name: str, beside: Path | None) -> Path:
    known = fixtures_folder() / "documents" / f"{name}.toml"
    if re.fullmatch(r"[\w-]+", name) and known.is_file():
        return known
    path = Path(name) if beside is None else beside.parent / name
    if not path.is_file():
        raise InputError(tr("there is no rule file of this name"), where=name,
                         remedy=" ".join(shipped()))  # fmt: skip
    return path


def _load_into(target: RuleSet, path: Path, depth: int) -> None:
    data = input_files.toml_of(path)
    _known(data, _FILE_KEYS, str(path))
    if data.get("format") != FORMAT:
        raise InputError(tr("format must be {wanted}", wanted=FORMAT), where=str(path))
    if depth >= EXTENDS_DEPTH_MAX:
        raise InputError(tr("rule files extend each other too deeply"), where=str(path))
    for other in data.get("extends", ()):
        _load_into(target, _file_of(other, path), depth + 1)
    try:
        _fill(target, data, str(path))
    except (KeyError, TypeError, ValueError, etree.XPathError) as error:
        # What is no table where one belongs, lacks a key or is no XPath: the file is to blame.
        raise InputError(tr("cannot be used: {why}", why=repr(error)), where=str(path)) from error


def _fill(target: RuleSet, data: Mapping[str, Any], where: str) -> None:
    target.name = str(data.get("name", target.name))
    target.namespace = str(data.get("namespace", target.namespace))
    target.namespaces |= data.get("namespaces", {})
    if "roots" in data:
        target.roots = input_files.pattern_in(data["roots"], where)
    names = target.namespaces
    for table in data.get("rule", ()):
        rule = _rule(table, names, where)
        target.rules[rule.id] = rule
    for table in data.get("template", ()):
        one = Template(code=table["code"], tail=str(table["tail"]), title=table["title"],
                       sections=tuple(table["sections"]))  # fmt: skip
        target.templates[one.code] = one
    target.template_options |= data.get("templates", {})
    for table in data.get("embedded", ()):
        target.embedded.append(Embedded(select=_xpath(table["select"], names),
                                        base64=table["form"] == "base64",
                                        required=table.get("required", False)))  # fmt: skip
    target.equalities += [_equality(table, names, where) for table in data.get("equal", ())]
    target.identifiers += [_xpath(one["select"], names) for one in data.get("identifier", ())]
    for name in data.get("off", ()):
        found = target.rules.pop(name, None)
        equal = [one for one in target.equalities if one.id == name]
        if found is None and not equal:
            raise InputError(tr("there is no rule {name} to switch off", name=name), where=where)
        target.equalities = [one for one in target.equalities if one.id != name]


def _rule(table: Mapping[str, Any], names: Mapping[str, str], where: str) -> Rule:
    name = str(table["id"])
    here = f"{where}: {name}"
    _known(table, _KEYS, here)
    severity, basis = _voice(table, here)
    tests = {key: table[key] for key in _TESTS if key in table}
    if "pattern" in tests:
        tests["pattern"] = input_files.pattern_in(tests["pattern"], here)
    if "equals_xpath" in tests:
        tests["equals_xpath"] = _xpath(f"string({tests['equals_xpath']})", names)
    if "true" in tests:
        tests["true"] = _xpath(f"boolean({tests['true']})", names)
    if tests.get("check", "time") not in CHECKS:
        raise InputError(tr("there is no check {name}", name=tests["check"]), where=here)
    least, most = int(table.get("min", 0)), table.get("max")
    if not tests and not least and most is None:
        raise InputError(tr("a rule that cannot fail"), where=here,
                         remedy=" ".join(("min", "max", *_TESTS)))  # fmt: skip
    needs = set(tests) - {"true", "order"} or least or most is not None
    if needs and "select" not in table:
        raise InputError(tr("a rule about values selects none"), where=here, remedy="select")
    return Rule(
        id=name, severity=severity, basis=basis, clause=str(table["clause"]),
        context=_xpath(table["context"], names),
        select=_xpath(table["select"], names) if "select" in table else None,
        selected=str(table.get("select", table["context"])), least=least, most=most, tests=tests,
        private=bool(table.get("private", False)), texts={"en": table["en"], "zh-CN": table["zh"]},
    )  # fmt: skip


def _equality(table: Mapping[str, Any], names: Mapping[str, str], where: str) -> Equality:
    severity, basis = _voice(table, f"{where}: {table['id']}")
    sides = tuple(
        Side(name=one["name"], select=_xpath(one["select"], names),
             inside=one.get("inside", False), required=one.get("required", False))
        for one in table["sides"]
    )  # fmt: skip
    if not str(table["id"]).startswith("cross."):
        raise InputError(tr("the id of an equality begins with cross."), where=where)
    if len(sides) < 2:
        raise InputError(tr("an equality of one side cannot fail"), where=f"{where}: {table['id']}")
    return Equality(id=table["id"], severity=severity, basis=basis, clause=table["clause"],
                    private=table.get("private", False), sides=sides,
                    identifiers=table.get("identifiers", False),
                    texts={"en": table["en"], "zh-CN": table["zh"]})  # fmt: skip


def _voice(table: Mapping[str, Any], where: str) -> tuple[str, str]:
    severity, basis = str(table["severity"]), str(table["basis"])
    if severity not in SEVERITIES or basis not in LOUDEST:
        raise InputError(tr("unknown severity or basis: {text}", text=f"{severity}, {basis}"),
                         where=where, remedy=" ".join((*SEVERITIES, *BASES)))  # fmt: skip
    if SEVERITIES.index(severity) < SEVERITIES.index(LOUDEST[basis]):
        text = tr("a rule on this basis is at most {severity}", severity=LOUDEST[basis])
        raise InputError(text, where=where, remedy='basis = "site"')
    return severity, basis


def _xpath(text: str, names: Mapping[str, str]) -> etree.XPath:
    compiled = etree.XPath(text, namespaces=dict(names), smart_strings=True)
    compiled(etree.Element("probe"))  # an unknown prefix or function shows only when it is used
    return compiled


def _known(table: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise InputError(tr("unknown key {key}", key=unknown[0]), where=where)
