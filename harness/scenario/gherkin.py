"""Reads feature files in Chinese Gherkin, strictly: what cannot be meant is refused, not skipped.

The parser is the official one with its zh-CN dialect. In front of it stands ``lines`` (what a
Chinese input method changes, and words that are no keywords), behind it ``unfold`` (backgrounds,
outlines, and everything that a scenario must have). All problems of all files come at once, each
with ``file:line``, what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gherkin import Parser
from gherkin.errors import (
    AstBuilderException,
    CompositeParserException,
    ParserException,
    UnexpectedEOFException,
)
from gherkin.token_matcher import TokenMatcher

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.limits import MIB
from harness.scenario.feature import Feature, Problems, Scenario, raise_all
from harness.scenario.lines import TITLE_WORDS, Lines, look_over
from harness.scenario.sentence import Sentence, StepKind, split_keyword
from harness.scenario.tree import Node
from harness.scenario.unfold import Source, unfold

__all__ = [
    "Feature",
    "Scenario",
    "Sentence",
    "StepKind",
    "examine",
    "feature_files",
    "gather",
    "read_feature",
    "read_features",
]

FEATURE_BYTES_MAX = MIB
"""A long feature file has 50 kB; above this it is another kind of file."""

FEATURE_FILES_MAX = 10_000
"""Feature files in one call; a folder with more is not a folder of scenarios."""

PARSE_ROUNDS_MAX = 20
"""How often the parser is asked again without the lines that it could not place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One file as far as it could be read.

    Attributes:
        feature: None where there is nothing to go on with.
        problems: in the order of their lines.
    """

    feature: Feature | None
    problems: list[ScenarioError]


def read_feature(path: Path, *, shown: str | None = None) -> Feature:
    """Read one feature file.

    Args:
        path: the file, UTF-8 with or without BOM, any line ends.
        shown: how messages name it; as a path below the current folder where left out.

    Raises:
        InputErrors: every problem of the file.
    """
    reading = examine(path, shown=shown)
    raise_all(reading.problems)
    assert reading.feature is not None
    return reading.feature


def read_features(paths: Sequence[Path]) -> list[Feature]:
    """Read feature files, and folders of them; ids are unique over all.

    Raises:
        InputErrors: every problem of every file.
    """
    features, problems = gather(paths)
    raise_all(problems)
    return features


def gather(paths: Sequence[Path]) -> tuple[list[Feature], list[ScenarioError]]:
    """Read as much as can be read: for who wants to look on after the first problems."""
    files, problems = feature_files(paths)
    features: list[Feature] = []
    for path in files:
        reading = examine(path)
        problems += reading.problems
        if reading.feature is not None:
            features.append(reading.feature)
    return features, problems + _repeated_ids(features)


def feature_files(paths: Sequence[Path]) -> tuple[list[Path], list[ScenarioError]]:
    """The feature files that ``paths`` name, each once, folders searched in sorted order."""
    files: dict[Path, Path] = {}
    problems: list[ScenarioError] = []
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*.feature")):
                files.setdefault(found.resolve(), found)
            for hidden in sorted(path.rglob("*.feature.txt")):
                message = tr("this file is not read: its name ends in .txt")
                remedy = tr("rename it to {name}", name=hidden.name.removesuffix(".txt"))
                problems.append(ScenarioError(message, where=_shown(hidden), remedy=remedy))
        elif path.is_file():
            files.setdefault(path.resolve(), path)
        else:
            message = tr("there is no such file or folder")
            problems.append(ScenarioError(message, where=_shown(path)))
    if len(files) > FEATURE_FILES_MAX:
        message = tr("more than {most} feature files", most=FEATURE_FILES_MAX)
        problems.append(ScenarioError(message, remedy=tr("name a folder further down")))
    return list(files.values())[:FEATURE_FILES_MAX], problems


def examine(path: Path, *, shown: str | None = None) -> Reading:
    """Read one file as far as possible; raises nothing."""
    name = shown if shown is not None else _shown(path)
    unread = Problems(name)
    text = _text(path, unread)
    if text is None:
        return Reading(feature=None, problems=unread.listed())
    known = _sound.get((path, name))
    if known is not None and known[0] == text:
        return Reading(feature=known[1], problems=[])
    reading = _unfolded(path, name, text)
    if reading.feature is not None and not reading.problems:
        _sound[path, name] = text, reading.feature
    return reading


_sound: dict[tuple[Path, str], tuple[str, Feature]] = {}
"""Text and feature of files that were read without a problem: a run reads each several times."""


def _unfolded(path: Path, name: str, text: str) -> Reading:
    problems = Problems(name)
    lines = look_over(text, problems)
    tree = _parse(lines, problems)
    feature = None
    if tree is not None:
        source = Source(path=path, shown=name, lines=lines, problems=problems)
        feature = unfold(tree, source)
    return Reading(feature=feature, problems=problems.listed())


def _shown(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def _text(path: Path, problems: Problems) -> str | None:
    """The text of a file with plain line ends; None where it is not UTF-8 text."""
    try:
        with path.open("rb") as file:
            data = file.read(FEATURE_BYTES_MAX + 1)
    except OSError as error:
        problems.add(1, tr("the file cannot be read: {reason}", reason=error.strerror or error))
        return None
    if len(data) > FEATURE_BYTES_MAX:
        problems.add(
            1,
            tr("the file is larger than {most} bytes", most=FEATURE_BYTES_MAX),
            tr("spread it over several files"),
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _explain_encoding(data, error.start, problems)
        return None
    if "\0" in text:
        _explain_encoding(data, data.index(0), problems)
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _explain_encoding(data: bytes, offset: int, problems: Problems) -> None:
    line = data.count(b"\n", 0, offset) + 1
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        found = "Unicode (UTF-16)"
    else:
        try:
            data.decode("gb18030")
            found = "GBK (ANSI)"
        except UnicodeDecodeError:
            found = "?"
    problems.add(
        line,
        tr("the file is not saved as UTF-8 but as: {found}", found=found),
        tr("open it in the editor, choose “save as”, encoding UTF-8, and save it again"),
    )


def _parse(lines: Lines, problems: Problems) -> Node | None:
    """The parser's tree; lines that it cannot place are reported and left out."""
    for _ in range(PARSE_ROUNDS_MAX):
        try:
            document = Parser().parse(lines.text, TokenMatcher("zh-CN"))
        except CompositeParserException as error:
            if not _blank_out(error.errors, lines, problems):
                return None
            continue
        feature = cast("Node", document).get("feature")  # a file of notes alone has none
        if feature is None and not len(problems):
            problems.add(1, tr("the file says nothing"), tr("begin with a line: 功能: name"))
        return cast("Node | None", feature)
    return None


def _blank_out(errors: Sequence[ParserException], lines: Lines, problems: Problems) -> bool:
    """Report what the parser could not place; False where reading on would only mislead."""
    for error in errors:
        number = error.location["line"]
        if isinstance(error, UnexpectedEOFException):
            last = lines.lines[: number - 1]
            if not len(problems):
                problems.add(_last_written(last), *_explain_end(lines))
            return False
        line = lines.lines[number - 1].strip()
        if "FeatureLine" in str(error) and "ScenarioLine" not in str(error):
            problems.add(
                number,
                tr("the file does not begin with 功能: {text}", text=line),
                tr("write first: 功能: name"),
            )
            return False
        problems.add(number, *_explain(error, line))
        lines.blank(number)
    return True


def _last_written(lines: Sequence[str]) -> int:
    return max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)


def _explain_end(lines: Lines) -> tuple[str, str]:
    marks = [line for line in lines.lines if line.lstrip().startswith(('"""', "```"))]
    if len(marks) % 2:
        return (
            tr("a text block is not closed before the file ends"),
            tr('close it with the same """ that opened it'),
        )
    return (
        tr("the file ends too early"),
        tr("@tags must be followed by 功能, 场景, 场景大纲 or 例子"),
    )


def _explain(error: ParserException, line: str) -> tuple[str, str]:
    """What a person did at a line that the grammar does not allow there."""
    if isinstance(error, AstBuilderException):
        return (
            tr("this row has another number of cells than the first row: {text}", text=line),
            tr("each row needs the same number of |; write a | inside a value as \\|"),
        )
    if line.startswith("|"):
        return (
            tr("this table belongs to nothing: {text}", text=line),
            tr("put it directly below the sentence, or below “例子:”"),
        )
    if line.startswith(('"""', "```")):
        return (
            tr("this text block belongs to nothing"),
            tr("put it directly below its sentence"),
        )
    if line.startswith("功能:"):
        return (
            tr("a second 功能 in one file"),
            tr("put it into a file of its own"),
        )
    if line.startswith("背景:"):
        return (
            tr("背景 stands in the wrong place"),
            tr("it stands once, before the first 场景"),
        )
    if line.startswith("例子:"):
        return (
            tr("例子 stands in the wrong place"),
            tr("it belongs below the sentences of a 场景大纲"),
        )
    if split_keyword(line)[0]:
        return (
            tr("this sentence belongs to no scenario: {text}", text=line),
            tr("put it below “场景: name” or “背景:”, before 例子"),
        )
    return (
        tr("this line cannot stand here: {text}", text=line),
        tr("titles are: {titles}; @tags stand directly above one", titles=TITLE_WORDS),
    )


def _repeated_ids(features: Sequence[Feature]) -> list[ScenarioError]:
    """Ids that stand twice; case does not tell two apart, because trace files are named by id."""
    first: dict[str, Scenario] = {}
    problems: list[ScenarioError] = []
    for feature in features:
        for scenario in feature.scenarios:
            known = first.setdefault(scenario.id.lower(), scenario)
            same = known.name == scenario.name and known.file == scenario.file
            if same:  # or itself; a name that stands twice in one file is reported there
                continue
            message = tr(
                "the id {id} stands twice, also at {other}", id=scenario.id, other=known.where
            )
            remedy = tr("give the scenario an @id-… of its own")
            problems.append(ScenarioError(message, where=scenario.where, remedy=remedy))
    return problems
