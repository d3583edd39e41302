"""Reading the parser's tree: lines, tags, sentences, and the rows of 例子.

The keys are those of ``gherkin.parser_types``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.scenario.sentence import Sentence, StepKind, canonical

Node = Mapping[str, Any]
"""A node of the parser's tree."""

ID_STEM_CHARACTERS_MAX = 40
"""Keeps ``traces/<id>.jsonl`` far below the 255 bytes that file systems allow for a name."""

HOLE = re.compile(r"[<＜]([^<>＜＞\n]+)[>＞]")
BOOK_HOLE = re.compile(r"《([^《》\n]+)》")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of 例子; ``line`` 0 is the scenario that is no outline."""

    line: int = 0
    tags: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def derived_id(stem: str, *parts: str) -> str:
    """A stable id that is safe as a file name: ASCII of ``stem`` and a hash of all.

    Windows ignores case in file names, so the id is in lower case.
    """
    stem = unicodedata.normalize("NFC", stem)
    text = "\n".join([stem, *(unicodedata.normalize("NFC", part) for part in parts)])
    readable = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:ID_STEM_CHARACTERS_MAX]
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{readable.strip('-') or 'scenario'}-{digest}"


def line_of(node: Node) -> int:
    """Line where a node begins."""
    return int(node["location"]["line"])


def tags_of(node: Node) -> tuple[str, ...]:
    """Tags that stand directly above a node, with ``@``."""
    return tuple(str(tag["name"]) for tag in node["tags"])


def starts_of(node: Node) -> Iterator[int]:
    """First line of every block, its tags included."""
    for child in node["children"]:
        ((kind, block),) = child.items()
        yield min([line_of(block), *(line_of(tag) for tag in block.get("tags", ()))])
        if kind == "rule":
            yield from starts_of(block)


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the values of a row in its ``<holes>``."""
    if not values:
        return text
    return HOLE.sub(lambda hole: values.get(hole[1].strip(), hole[0]), text)


def text_of(step: Node) -> str:
    """Canonical text of a step, holes left open."""
    return canonical(str(step["text"]))


def sentence_of(step: Node, keyword: str, kind: StepKind, values: Mapping[str, str]) -> Sentence:
    """The sentence that a step of the tree is, with the values of a row."""
    raw = filled(str(step["text"]), values)
    rows = step["dataTable"]["rows"] if "dataTable" in step else ()
    table = tuple(tuple(filled(cell["value"], values) for cell in row["cells"]) for row in rows)
    doc = filled(str(step["docString"]["content"]), values) if "docString" in step else None
    return Sentence(
        keyword=keyword,
        kind=kind,
        text=canonical(raw),
        line=line_of(step),
        raw=raw,
        table=table or None,
        table_lines=tuple(line_of(row) for row in rows),
        doc=doc,
    )


def texts_of(step: Node) -> Iterator[tuple[str, int, bool]]:
    """Text, line, and whether every ``<...>`` in it must be a hole.

    A cell may begin with ``<`` as a laboratory result does, and a text block may be XML.
    """
    yield str(step["text"]), line_of(step), True
    for row in step["dataTable"]["rows"] if "dataTable" in step else ():
        for cell in row["cells"]:
            yield cell["value"], line_of(row), bool(HOLE.fullmatch(cell["value"]))
    if "docString" in step:
        yield str(step["docString"]["content"]), line_of(step["docString"]), False


def holes_shown(columns: set[str]) -> str:
    """Columns as an author writes them in a sentence."""
    return " ".join(f"<{column}>" for column in sorted(columns))


def full_name(name: str, row: Row) -> str:
    """The title with the values of the row that it does not hold already."""
    held = {hole.strip() for hole in HOLE.findall(name)}
    rest = "，".join(f"{key}={value}" for key, value in row.values.items() if key not in held)
    title = filled(name, row.values)
    return f"{title}（{rest}）" if rest else title


def row_id(stated: str, stem: str, name: str, row: Row) -> str:
    """Id of one row: it depends on its values, never on its place among the others."""
    if not row.line:
        return stated or derived_id(stem, name)
    values = "\n".join(f"{key}={value}" for key, value in row.values.items())
    digest = hashlib.sha256(unicodedata.normalize("NFC", values).encode()).hexdigest()[:6]
    return f"{stated or derived_id(stem, name)}-{digest}"
