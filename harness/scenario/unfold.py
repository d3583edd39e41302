"""From the parser's tree to scenarios: backgrounds in front, outlines row by row, all checks."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.i18n import tr
from harness.scenario.feature import Feature, Problems, Scenario
from harness.scenario.lines import STEP_WORDS, Lines
from harness.scenario.sentence import STEP_KEYWORDS, Sentence, StepKind, open_quote
from harness.scenario.tree import (
    BOOK_HOLE,
    HOLE,
    Node,
    Row,
    derived_id,
    full_name,
    holes_shown,
    line_of,
    row_id,
    sentence_of,
    starts_of,
    tags_of,
    text_of,
    texts_of,
)

SCENARIOS_PER_FILE_MAX = 1000
"""Rows of outlines counted; twice the 500 scenarios that the whole project is sized for."""

_OWNER = re.compile(r"^\s*负责人\s*[:：]\s*(\S.*?)\s*$", re.MULTILINE)
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a tree comes from.

    Attributes:
        path: the file.
        shown: the file as messages show it.
        lines: its lines after the first pass.
        problems: where problems go.
    """

    path: Path
    shown: str
    lines: Lines
    problems: Problems


def unfold(node: Node, source: Source) -> Feature:
    """The feature that the parser's tree tells; problems go to ``source.problems``."""
    return _Unfolding(node, source).feature()


class _Unfolding:
    def __init__(self, node: Node, source: Source) -> None:
        self._node = node
        self._source = source
        self._problems = source.problems
        self._names: dict[str, int] = {}
        self._count = 0
        owner = _OWNER.search(str(node["description"]))
        self._owner = owner[1] if owner else ""
        self._tags = tags_of(node)
        self._starts = sorted(starts_of(node))

    def feature(self) -> Feature:
        node, line = self._node, line_of(self._node)
        if not node["name"]:
            self._problems.add(line, tr("the feature has no name"), tr("write: 功能: name"))
        if not self._owner:
            self._problems.add(
                line,
                tr("the feature names no owner"),
                tr("write a line “负责人: name” below 功能"),
            )
        if any(tag.startswith("@id-") for tag in self._tags):
            self._problems.add(
                line,
                tr("@id-… stands on the feature; an id belongs to one scenario"),
                tr("put it above that scenario"),
            )
        scenarios = tuple(self._children(node, (), ()))
        if not scenarios and not len(self._problems):
            self._problems.add(
                line, tr("the feature has no scenario"), tr("write at least one 场景")
            )
        return Feature(
            name=str(node["name"]),
            file=self._source.path,
            line=line,
            description=str(node["description"]),
            owner=self._owner,
            tags=self._tags,
            scenarios=scenarios,
            shown=self._source.shown,
        )

    def _children(
        self, node: Node, before: tuple[Sentence, ...], tags: tuple[str, ...]
    ) -> Iterator[Scenario]:
        for child in node["children"]:
            if "background" in child:
                before = (*before, *self._background(child["background"]))
            elif "rule" in child:
                rule = child["rule"]
                yield from self._children(rule, before, (*tags, *tags_of(rule)))
            else:
                yield from self._block(child["scenario"], before, tags)

    def _background(self, node: Node) -> tuple[Sentence, ...]:
        self._refuse_holes(node)
        sentences = self._sentences(node["steps"], Row(), ())
        for sentence in sentences:
            if sentence.kind is StepKind.THEN:
                self._problems.add(
                    sentence.line,
                    tr("背景 judges: “{text}”; it may only prepare", text=sentence.raw),
                    tr("move this 那么 into the scenarios that it is about"),
                )
        if not sentences and not self._is_damaged(line_of(node)):
            self._problems.add(
                line_of(node), tr("背景 has no sentence"), tr("write sentences, or take 背景 out")
            )
        return sentences

    def _block(
        self, node: Node, before: tuple[Sentence, ...], tags: tuple[str, ...]
    ) -> Iterator[Scenario]:
        """One 场景, or every row of one 场景大纲."""
        line, name = line_of(node), str(node["name"])
        self._check_name(line, name)
        tags = tuple(dict.fromkeys((*self._tags, *tags, *tags_of(node))))
        rows = list(self._rows(node)) if node["examples"] else [Row()]
        if not node["examples"] and node["keyword"].endswith("大纲"):
            self._problems.add(
                line,
                tr("场景大纲 has no 例子"),
                tr("write “例子:” and a table below its sentences"),
            )
        if node["examples"]:
            self._check_columns(node, rows)
        elif not node["keyword"].endswith("大纲"):
            self._refuse_holes(node)
        own = self._sentences(node["steps"], Row(), ())
        self._check_sentences(line, own)
        last_line = self._end_of(line)
        stated = self._stated_id(line, [tag for tag in tags_of(node) if tag.startswith("@id-")])
        requirement = self._only_tag(line, tags, "@REQ-", "@REQ-LAB-001")
        interface = self._only_tag(line, tags, "@接口-", "@接口-LIS-ASTM")
        outline = stated or derived_id(self._source.path.stem, name)
        for row in rows:
            self._count += 1
            if self._count > SCENARIOS_PER_FILE_MAX:
                self._refuse_so_many(line)
                return
            sentences = self._sentences(node["steps"], row, own)
            yield Scenario(
                id=row_id(stated, self._source.path.stem, name, row),
                name=full_name(name, row),
                feature=str(self._node["name"]),
                file=self._source.path,
                line=line,
                tags=tuple(dict.fromkeys((*tags, *row.tags))),
                requirement=requirement.removeprefix("@"),
                interface=interface.removeprefix("@接口-"),
                owner=self._owner,
                sentences=(*before, *sentences),
                shown=self._source.shown,
                last_line=last_line,
                row_line=row.line,
                outline=outline,
            )

    def _refuse_so_many(self, line: int) -> None:
        if self._count == SCENARIOS_PER_FILE_MAX + 1:
            self._problems.add(
                line,
                tr("a file may hold {most} scenarios", most=SCENARIOS_PER_FILE_MAX),
                tr("spread them over several files"),
            )

    def _check_name(self, line: int, name: str) -> None:
        if not name:
            self._problems.add(line, tr("the scenario has no name"), tr("write: 场景: name"))
            return
        first = self._names.setdefault(unicodedata.normalize("NFC", name), line)
        if first != line:
            self._problems.add(
                line,
                tr("the name “{name}” stands twice, also in line {first}", name=name, first=first),
                tr("give each scenario a name of its own"),
            )

    def _check_sentences(self, line: int, own: Sequence[Sentence]) -> None:
        if self._is_damaged(line):
            return  # the line that was not understood may be the one that is missing
        if not own:
            self._problems.add(
                line,
                tr("the scenario has no sentence"),
                tr("write sentences that begin with: {words}", words=STEP_WORDS),
            )
        elif not any(sentence.kind is StepKind.THEN for sentence in own):
            self._problems.add(
                line,
                tr("the scenario has no 那么: it judges nothing"),
                tr("say with 那么 what must be seen, and within what time"),
            )

    def _sentences(
        self, steps: Sequence[Node], row: Row, known: tuple[Sentence, ...]
    ) -> tuple[Sentence, ...]:
        """Sentences of a block; with ``known`` those of the same block without values."""
        if known and not row.values:
            return known
        sentences: list[Sentence] = []
        kind: StepKind | None = None
        for step in steps:
            keyword = str(step["keyword"]).strip()
            kind = STEP_KEYWORDS[keyword] or kind
            if kind is None and not known:
                self._problems.add(
                    line_of(step),
                    tr("the first sentence begins with “{word}”", word=keyword),
                    tr(
                        "begin with 假如, 当 or 那么; “{word}” goes on from the one before",
                        word=keyword,
                    ),
                )
            sentence = sentence_of(step, keyword, kind or StepKind.GIVEN, row.values)
            if open_quote(sentence.text) and not (known and open_quote(text_of(step))):
                self._problems.add(
                    line_of(step),
                    tr("a quote is not closed: {text}", text=sentence.raw),
                    tr('write values as "value" or “value”, without \\ before the closing quote'),
                )
            sentences.append(sentence)
        return tuple(sentences)

    def _rows(self, node: Node) -> Iterator[Row]:
        seen: dict[tuple[str, ...], int] = {}
        for table in node["examples"]:
            header = [cell["value"] for cell in table.get("tableHeader", {}).get("cells", ())]
            if not table["tableBody"] and not self._is_damaged(line_of(node)):
                self._problems.add(
                    line_of(table),
                    tr("例子 has no row, so the scenario would never run"),
                    tr("write a header row and at least one row of values"),
                )
            if len(set(header)) != len(header) or not all(header):
                self._problems.add(
                    line_of(table["tableHeader"]),
                    tr("a column of 例子 has no name, or a name stands twice"),
                    tr("give each column a name of its own"),
                )
            for body in table["tableBody"]:
                cells = tuple(cell["value"] for cell in body["cells"])
                first = seen.setdefault((*header, *cells), line_of(body))
                if first != line_of(body):
                    self._problems.add(
                        line_of(body),
                        tr("the row stands twice, also in line {first}", first=first),
                        tr("take one of them out"),
                    )
                    continue
                values = dict(zip(header, cells, strict=False))
                yield Row(line=line_of(body), tags=tags_of(table), values=values)

    def _check_columns(self, node: Node, rows: Sequence[Row]) -> None:
        """Each ``<hole>`` has a column and each column a hole: a typing error breaks both."""
        columns = {column for row in rows for column in row.values}
        if not columns or self._is_damaged(line_of(node)):
            return
        used = {name.strip() for name in HOLE.findall(str(node["name"]))}
        for step in node["steps"]:
            for text, line, whole in texts_of(step):
                holes = [name.strip() for name in HOLE.findall(text)]
                used.update(holes)
                wrong = [f"<{name}>" for name in holes if name not in columns] if whole else []
                wrong += [f"《{name}》" for name in BOOK_HOLE.findall(text) if name in columns]
                for hole in wrong:
                    self._problems.add(
                        line,
                        tr("{hole} is filled from no column of 例子", hole=hole),
                        tr("write one of: {holes}", holes=holes_shown(columns)),
                    )
        for column in sorted(columns - used):
            self._problems.add(
                line_of(node["examples"][0]),
                tr("no sentence uses the column “{column}” of 例子", column=column),
                tr("write <{column}> in a sentence, or take the column out", column=column),
            )

    def _refuse_holes(self, node: Node) -> None:
        """Outside an outline nothing fills ``<hole>``, and it would be taken literally."""
        for step in node["steps"]:
            for text, line, whole in texts_of(step):
                for hole in HOLE.finditer(text) if whole else ():
                    self._problems.add(
                        line,
                        tr("{hole} is filled from no column of 例子", hole=hole[0]),
                        tr("only a 场景大纲 with 例子 fills <…>; write the value itself"),
                    )

    def _only_tag(self, line: int, tags: Sequence[str], prefix: str, example: str) -> str:
        found = [tag for tag in tags if tag.startswith(prefix)]
        if len(found) == 1 and found[0] != prefix:
            return found[0]
        if not self._source.lines.tags_damaged:
            self._problems.add(
                line,
                tr(
                    "the scenario needs exactly one tag {prefix}…, and has: {found}",
                    prefix=prefix,
                    found=" ".join(found) or "-",
                ),
                tr("write it above 场景 or above 功能, such as {example}", example=example),
            )
        return found[0] if found else ""

    def _stated_id(self, line: int, found: Sequence[str]) -> str:
        if not found:
            return ""
        ident = found[0].removeprefix("@id-")
        if len(found) > 1 or not _ID.fullmatch(ident):
            self._problems.add(
                line,
                tr("the id cannot be used: {found}", found=" ".join(found)),
                tr(
                    "one @id-… of Latin letters, digits, . - and _, at most 64, such as @id-lab-001"
                ),
            )
            return ""
        return ident

    def _end_of(self, line: int) -> int:
        """Last line before the next block begins; tags above that block count as this one's."""
        index = bisect_right(self._starts, line)
        if index < len(self._starts):
            return self._starts[index] - 1
        return len(self._source.lines.lines)

    def _is_damaged(self, line: int) -> bool:
        end = self._end_of(line)
        return any(line <= number <= end for number in self._source.lines.damaged)
