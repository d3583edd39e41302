"""Holding one document against a rule set: what was judged, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from harness import i18n
from harness.xmldoc.checks import CHECKS
from harness.xmldoc.finding import (
    FINDINGS_PER_RULE_MAX,
    WARNING,
    DocumentFinding,
    fixed,
    shape,
    shown,
)
from harness.xmldoc.rules import Rule, RuleSet, Template
from harness.xmldoc.safe import Element, XmlDocument, local_name, namespace, path_of

PATTERN_CHARACTERS_MAX: Final = 4096
"""A longer value fits no pattern: regular expressions are not let loose on megabytes."""


@dataclass(slots=True)
class Judged:
    """What one rule set said of one document.

    Attributes:
        rules: ids of the rules that judged something.
        findings: what is wrong.
        dropped: findings beyond ``FINDINGS_PER_RULE_MAX`` of a rule.
    """

    rules: set[str] = field(default_factory=set)
    findings: list[DocumentFinding] = field(default_factory=list)
    dropped: int = 0
    _counts: Counter[str] = field(default_factory=Counter)

    def full(self, rule: str) -> bool:
        """Whether a rule was reported often enough; counts what is dropped for it."""
        if self._counts[rule] < FINDINGS_PER_RULE_MAX:
            return False
        self.dropped += 1
        return True

    def add(self, one: DocumentFinding) -> None:
        """Keep a finding, unless its rule has been reported often enough."""
        if not self.full(one.rule):
            self._counts[one.rule] += 1
            self.findings.append(one)


@dataclass(frozen=True, slots=True)
class Value:
    """One selected node: its text, and the element at which a person finds it."""

    text: str
    element: Element
    attribute: str = ""

    @property
    def path(self) -> str:
        """Where it stands."""
        path = path_of(self.element)
        return f"{path}/@{self.attribute}" if self.attribute else path


def values(result: Any, context: Element) -> Iterator[Value]:
    """What an XPath gave, as values; a number or a boolean stands at the context."""
    if not isinstance(result, list):
        yield Value(str(result), context)
        return
    for one in result:
        if isinstance(one, str):
            parent = one.getparent() if hasattr(one, "getparent") else None
            name = str(getattr(one, "attrname", None) or "")
            yield Value(str(one), context if parent is None else parent, name.rpartition("}")[2])
        elif isinstance(one.tag, str):
            yield Value("".join(one.itertext()), one)


def nodes(result: Any) -> list[Element]:
    """The elements among what an XPath gave."""
    return [one for one in result if isinstance(one, Element)] if isinstance(result, list) else []


def fits(rules: RuleSet, document: XmlDocument) -> bool:
    """Whether the rule set is for documents of this root element."""
    return document.root is not None and bool(rules.roots.fullmatch(local_name(document.root)))


def judge(rules: RuleSet, document: XmlDocument) -> Judged:
    """Every rule of a set; nothing where the document could not be read."""
    judged = Judged()
    root = document.root
    if root is None:
        return judged
    if rules.namespace and namespace(root) != rules.namespace:
        line, offset = document.place(root)
        judged.add(fixed("rules.namespace", path=path_of(root), line=line, offset=offset,
                         expected=rules.namespace, actual=namespace(root)))  # fmt: skip
        return judged
    for rule in rules.rules.values():
        for context in nodes(rule.context(root)):
            judged.rules.add(rule.id)
            _judge_rule(rule, context, document, judged)
    if rules.templates:
        _judge_template(rules, root, document, judged)
    return judged


def _judge_rule(rule: Rule, context: Element, document: XmlDocument, judged: Judged) -> None:
    def tell(at: Value, expected: str, actual: str, *, private: bool = rule.private) -> None:
        if judged.full(rule.id):  # before a path is made: that takes time with many siblings
            return
        line, offset = document.place(at.element)
        judged.add(DocumentFinding(
            rule=rule.id, severity=rule.severity, message=rule.text, path=at.path, line=line,
            offset=offset, expected=shown(expected), clause=rule.clause, basis=rule.basis,
            actual=shape(actual) if private else shown(actual),
        ))  # fmt: skip

    here = Value("", context)
    if "true" in rule.tests and not rule.tests["true"](context):
        tell(here, rule.selected, "")
    if "order" in rule.tests:
        wrong = _out_of_order(context, rule.tests["order"])
        if wrong is not None:
            tell(Value("", wrong), " ".join(rule.tests["order"]), local_name(wrong))
    if rule.select is None:
        return
    found = list(values(rule.select(context), context))
    if len(found) < rule.least or (rule.most is not None and len(found) > rule.most):
        most = "*" if rule.most is None else rule.most
        # How often something occurs says nothing about a person.
        tell(here, f"{rule.least}..{most} {rule.selected}", str(len(found)), private=False)
    for one in found:
        wanted = _broken(rule, one.text, context)
        if wanted is not None:
            tell(one, wanted, one.text)


def _broken(rule: Rule, text: str, context: Element) -> str | None:
    """What was expected in place of a value; None if it is right."""
    for name, test in rule.tests.items():
        if name == "equals" and text != test:
            return str(test)
        if name == "equals_xpath" and text != (wanted := str(test(context))):
            return wanted
        if name == "one_of" and text not in test:
            return " ".join(map(str, test))
        if name == "not_one_of" and text.strip() in test:
            return "≠ " + " ".join(map(str, test))
        if name == "pattern" and (len(text) > PATTERN_CHARACTERS_MAX or not test.fullmatch(text)):
            return str(test.pattern)
        if name == "check" and not CHECKS[test](text):
            return str(test)
    return None


def _out_of_order(context: Element, order: list[str]) -> Element | None:
    """The first child that stands behind one that belongs behind it."""
    last = -1
    for child in context:
        name = local_name(child)
        if name not in order:
            continue
        at = order.index(name)
        if at < last:
            return child
        last = at
    return None


# -- kinds of documents ----------------------------------------------------------------------------


def _judge_template(rules: RuleSet, root: Element, document: XmlDocument, judged: Judged) -> None:
    """Code, template, title and sections, as the table of the rule file has them."""
    names, options = rules.namespaces, rules.template_options
    code = _first(root, options["code"], names)
    template = _first(root, options["template"], names)
    title = _first(root, options["title"], names)
    judged.rules.add("cda.template.code")
    known = rules.templates.get(code)
    if known is None:
        _tell(rules, judged, document, root, "cda.template.code", "C0001..C0053", code)
        return
    for name, wanted, actual in (
        ("cda.template.id", options["root"] + known.tail, template),
        ("cda.template.title", known.title, title.strip()),
    ):
        judged.rules.add(name)
        if actual != wanted:
            _tell(rules, judged, document, root, name, wanted, actual)
    _judge_sections(rules, known, root, document, judged)


def _judge_sections(rules: RuleSet, known: Template, root: Element, document: XmlDocument,
                    judged: Judged) -> None:  # fmt: skip
    names = rules.namespaces
    options = rules.template_options
    found = root.xpath(options["section_codes"], namespaces=names)
    codes = {one.text for one in values(found, root)}
    found = root.xpath(options["section_titles"], namespaces=names)
    titles = [one.text for one in values(found, root)]
    for section in known.sections:
        rule = f"cda.section.{known.code}.{section}"
        judged.rules.add(rule)
        # Without a code of its own, a section is known by its Chinese name alone.
        by_name = not section.isascii()
        there = any(section.removesuffix("章节") in one for one in titles) if by_name else False
        if section not in codes and not there:
            _tell(rules, judged, document, root, rule, section, "", key="section")


def _tell(rules: RuleSet, judged: Judged, document: XmlDocument, root: Element, rule: str,
          expected: str, actual: str, key: str = "") -> None:  # fmt: skip
    options = rules.template_options
    texts = options["texts"][key or rule.rpartition(".")[2]]
    language = "en" if i18n.current() == "en" else "zh"
    line, offset = document.place(root)
    judged.add(DocumentFinding(
        rule=rule, severity=options.get("severity", WARNING), message=texts[language],
        path=path_of(root), line=line, offset=offset, expected=shown(expected),
        actual=shown(actual), clause=options["clause"], basis=options["basis"],
    ))  # fmt: skip


def _first(root: Element, select: str, names: dict[str, str]) -> str:
    found = root.xpath(select, namespaces=names)
    return next((one.text for one in values(found, root)), "")
