r"""Field templates: how a model file writes what stands in a field of an ASTM record.

``^`` parts components and ``\`` repeats, whatever delimiters the instrument declares in H.2.
``{barcode}`` is a hole; ``{barcode:>22}`` pads it on the left to 22 characters, ``{value:0>5}``
with zeros, ``{name:<20}`` on the right. Everything else stands as it is. A value is escaped once,
when the record is built, so a delimiter inside it cannot move the fields behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.digits import whole_number
from harness.i18n import tr
from harness.wire.astm_build import Components, FieldValue, Raw, Repeats
from harness.wire.astm_text import Signs

WIDTH_MAX: Final = 200
"""The widest padding known is a comment block of about a hundred blanks."""

TEMPLATE_MAX: Final = 2_000
"""A template is a line of a model file, not a document."""

_HOLE = re.compile(r"\{(?P<name>[a-z][a-z0-9_]*)(?::(?P<fill>.)?(?P<align>[<>])(?P<width>\d+))?\}")
_ANY_BRACE = re.compile(r"[{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Where a value goes.

    Attributes:
        name: of the value.
        fill: padding character.
        align: ``>`` pads on the left, ``<`` on the right.
        width: characters, 0 for no padding; a longer value is not cut.
    """

    name: str
    fill: str = " "
    align: str = "<"
    width: int = 0

    def text(self, values: Mapping[str, str]) -> str:
        """The padded value; a value that nobody gave is empty."""
        value = values.get(self.name, "")
        adjust = value.rjust if self.align == ">" else value.ljust
        return adjust(self.width, self.fill)


Component = tuple[str | Hole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTemplate:
    """One field: repeats of components of texts and holes.

    Attributes:
        source: as the model file has it.
        repeats: what it was read into.
    """

    source: str
    repeats: tuple[tuple[Component, ...], ...]

    @property
    def holes(self) -> Iterator[Hole]:
        """Every hole, from left to right."""
        for repeat in self.repeats:
            for component in repeat:
                yield from (part for part in component if isinstance(part, Hole))

    def each(self, values: Mapping[str, str]) -> list[Components]:
        """The repeats with their holes filled."""
        return [
            Components(tuple(_filled(component, values) for component in repeat))
            for repeat in self.repeats
        ]


def _filled(component: Component, values: Mapping[str, str]) -> str:
    return "".join(one if isinstance(one, str) else one.text(values) for one in component)


def filled(text: str, values: Mapping[str, str]) -> str:
    """One text with its holes filled; carets and backslashes mean nothing here."""
    return _filled(_component(text), values)


def field_value(repeats: Sequence[Components], signs: Signs, *, escaped: bool) -> FieldValue:
    """What the record builder gets; without ``escaped`` the text goes out as it stands.

    Args:
        repeats: filled templates.
        signs: delimiters of the instrument.
        escaped: the instrument knows LIS02-A2 §5.4.7; some send delimiters in plain sight.
    """
    if escaped:
        return Repeats(tuple(repeats))
    return Raw(signs.repeat.join(signs.component.join(one.parts) for one in repeats))


def read_template(text: str) -> FieldTemplate:
    r"""Read one template.

    Raises:
        ValueError: a hole that is none, or a padding that is too wide.

    >>> read_template("^{barcode:>5}^B").each({"barcode": "7"})[0].parts
    ('', '    7', 'B')
    """
    if len(text) > TEMPLATE_MAX:
        raise ValueError(tr("a field is longer than {most} characters", most=TEMPLATE_MAX))
    repeats = tuple(
        tuple(_component(component) for component in repeat.split("^"))
        for repeat in text.split("\\")
    )
    return FieldTemplate(source=text, repeats=repeats)


def _component(text: str) -> Component:
    parts: list[str | Hole] = []
    done = 0
    for match in _HOLE.finditer(text):
        parts += _literal(text[done : match.start()])
        width = int(match["width"] or 0)
        if width > WIDTH_MAX:
            raise ValueError(tr("a field is padded to more than {most}", most=WIDTH_MAX))
        parts.append(
            Hole(
                name=match["name"],
                fill=match["fill"] or " ",
                align=match["align"] or "<",
                width=width,
            )
        )
        done = match.end()
    return (*parts, *_literal(text[done:]))


def _literal(text: str) -> list[str]:
    if _ANY_BRACE.search(text):
        raise ValueError(tr("not a hole: “{text}”; write it as in {example}", text=text[:40],
                            example="{barcode} / {barcode:>22}"))  # fmt: skip
    return [text] if text else []


def read_fields(raw: Any) -> dict[int, FieldTemplate]:
    """The fields of a record from its table in a model file: number of the field to template.

    Raises:
        ValueError: a key that is no field number, a value that is no text, a broken template.
    """
    if not isinstance(raw, Mapping):
        raise ValueError(tr("a record is a table of field numbers"))  # noqa: TRY004 - pydantic
    fields = {}
    for key, text in raw.items():
        if not 2 <= (whole_number(str(key)) or 0) <= FIELD_MAX:
            raise ValueError(tr("no field “{key}”; a field number is 2 to {most}", key=key,
                                most=FIELD_MAX))  # fmt: skip
        if isinstance(text, FieldTemplate):
            fields[int(key)] = text
        elif isinstance(text, str):
            fields[int(key)] = read_template(text)
        else:
            raise ValueError(tr("field {key} must be a text in quotes", key=key))  # noqa: TRY004
    return fields


FIELD_MAX: Final = 200
"""LIS02-A2 knows 35; manufacturer records of some instruments have over a hundred."""
