"""First pass over a feature file: every line must be one that the language knows.

The official parser takes a line that begins with an unknown word for free description: a mistyped
first 假如 gives an empty scenario, which passes. So each line is looked at here before the parser
sees the text. What a Chinese input method changes (full-width colon, ``@``, ``|``, ``#``) is put
right; what cannot be meant is a problem, and the line is repaired or blanked so that the parser
still finds the problems behind it. Line numbers never change.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from harness.i18n import tr
from harness.scenario.feature import Problems
from harness.scenario.sentence import STEP_KEYWORDS, ZERO_WIDTH

TITLES = ("功能", "规则", "背景", "场景大纲", "剧本大纲", "场景", "剧本", "例子")
"""Title words of the zh-CN dialect, the longer before the shorter."""

WRONG_TITLES = {
    "示例": "例子",
    "样例": "例子",
    "举例": "例子",
    "实例": "例子",
    "例": "例子",
    "数据": "例子",
    "场景模板": "场景大纲",
    "场景概要": "场景大纲",
    "场景纲要": "场景大纲",
    "场景轮廓": "场景大纲",
    "测试场景": "场景",
    "用例": "场景",
    "测试用例": "场景",
    "案例": "场景",
    "情景": "场景",
    "特性": "功能",
    "特征": "功能",
    "需求": "功能",
    "前置条件": "背景",
    "前提条件": "背景",
    "feature": "功能",
    "rule": "规则",
    "background": "背景",
    "scenario": "场景",
    "example": "场景",
    "scenario outline": "场景大纲",
    "scenario template": "场景大纲",
    "examples": "例子",
}
"""What people write instead, from other dialects, older translations and English."""

WRONG_STEPS = {
    "给定": "假如",
    "如果": "假如",
    "假若": "假如",
    "已知": "假如",
    "鉴于": "假如",
    "前提": "假如",
    "given": "假如",
    "when": "当",
    "于是": "那么",
    "然后": "那么",
    "那末": "那么",
    "则": "那么",
    "应该": "那么",
    "应当": "那么",
    "then": "那么",
    "以及": "而且",
    "另外": "而且",
    "并": "而且",
    "且": "而且",
    "and": "而且",
    "不过": "但是",
    "但": "但是",
    "but": "但是",
}

LIKE_ENOUGH = 0.5
"""One of the two characters of a keyword is right."""

STEP_WORDS = " ".join(STEP_KEYWORDS)
TITLE_WORDS = " ".join(f"{title}:" for title in TITLES)

_TITLE = re.compile(rf"({'|'.join(TITLES)})\s*[:：](.*)", re.DOTALL)
_TITLE_WITH_MORE = re.compile(r"(场景大纲|场景|剧本|功能|例子)([^:：]{1,10})[:：](.*)", re.DOTALL)
_TITLE_WITHOUT_COLON = re.compile(r"(场景大纲|场景|剧本|功能|背景|例子)(?:\s+(.*)|$)", re.DOTALL)
_LANGUAGE = re.compile(r"[#＃]\s*(?:language|语言)\s*[:：]\s*(\S*)", re.IGNORECASE)
_OWNER = re.compile(r"负责人\s*[:：]")
_DOC = re.compile(r'("""|```|[“”＂]{3})(.*)', re.DOTALL)
_TAG_BREAK = re.compile(r"[\s、，,;；]+(?=@|$|#)")
_TAG_SPACE = re.compile(r"@[^\s@#]*\s+[^\s@#]")
_WORD_END = re.compile(r"[\s:：,，]")
_CHINESE = frozenset({"zh", "zh-cn", "zh-hans", "zh-hans-cn", "cn", "chinese"})


@dataclass(slots=True)
class Lines:
    """The text for the parser.

    Attributes:
        lines: the file, line by line, repaired.
        damaged: lines that held a problem: what they would have said is missing.
        tags_damaged: one of them was a tag line.
    """

    lines: list[str] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)
    tags_damaged: bool = False

    @property
    def text(self) -> str:
        """All lines as one text."""
        return "\n".join(self.lines)

    def blank(self, number: int) -> None:
        """Take a line out without moving the others."""
        self.damaged.add(number)
        self.tags_damaged |= self.lines[number - 1].lstrip().startswith("@")
        self.lines[number - 1] = "#"


def look_over(text: str, problems: Problems) -> Lines:
    """Look at each line of ``text``; problems are added to ``problems``."""
    return _Reader(problems).read(text)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._out = Lines()
        self._section = ""
        self._doc = ""
        self._above = ""  # what a table or text block would belong to: sentence, 例子 or nothing
        self._number = 0

    def read(self, text: str) -> Lines:
        for number, line in enumerate(text.split("\n"), 1):
            self._number = number
            self._out.lines.append(self._line(line))
        return self._out

    def _problem(self, message: str, remedy: str) -> None:
        self._out.damaged.add(self._number)
        self._problems.add(self._number, message, remedy)

    def _line(self, line: str) -> str:
        if self._doc:
            return self._inside_doc(line)
        line = line.translate(ZERO_WIDTH)
        body = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        if not body:
            return ""
        if body[0] in "#＃":
            return self._comment(body)
        if body[0] in "@＠":
            self._above = ""
            return indent + self._tags(body)
        if body[0] in "|｜":
            return indent + self._row(body)
        if body.startswith(('"""', "```")) or _DOC.match(body):
            return self._open_doc(indent, body)
        repaired = self._title(body)
        if repaired is None:
            repaired = self._sentence(body)
        return indent + repaired

    def _row(self, body: str) -> str:
        if not self._above:
            self._problem(
                tr("this table belongs to nothing: {text}", text=body),
                tr("put it directly below the sentence, or below “例子:”"),
            )
            return "#"
        return body.replace("｜", "|") if body[0] == "｜" else body

    def _inside_doc(self, line: str) -> str:
        body = line.strip()
        match = _DOC.match(body)
        if match is None:
            return line
        full_width = match[1] not in {'"""', "```"}
        mark = '"""' if full_width else match[1]
        if mark != self._doc:
            return line
        self._doc = ""
        indent = line[: len(line) - len(line.lstrip())]
        return indent + mark

    def _open_doc(self, indent: str, body: str) -> str:
        match = _DOC.match(body)
        assert match is not None
        self._doc = match[1] if match[1] in {'"""', "```"} else '"""'
        if self._above != "sentence":
            self._problem(
                tr("this text block belongs to nothing"),
                tr("put it directly below its sentence"),
            )
        return indent + self._doc + match[2]

    def _comment(self, body: str) -> str:
        match = None if self._section else _LANGUAGE.match(body)
        if match is None:
            return "#" + body[1:]
        name = match[1].lower().replace("_", "-")
        if name not in _CHINESE:
            self._problem(
                tr("the language is “{name}”; scenarios are written in Chinese", name=match[1]),
                tr("write: # language: zh-CN, or leave the line out"),
            )
        return "# language: zh-CN"

    def _tags(self, body: str) -> str:
        body = _TAG_BREAK.sub(" ", body.replace("＠", "@")).strip()
        if not _TAG_SPACE.search(body):
            return body
        self._out.tags_damaged = True
        self._problem(
            tr("a tag holds a space, or a word without @: {text}", text=body),
            tr("write each tag with its own @ and without spaces: @REQ-LAB-001 @冒烟"),
        )
        return " ".join(word for word in body.split() if word.startswith("@"))

    def _title(self, body: str) -> str | None:
        match = _TITLE.match(body)
        if match:
            return self._begin(match[1], match[2])
        head, colon, rest = _cut(body)
        right = WRONG_TITLES.get(head.strip().lower()) if colon else None
        if right and self._may_begin(right):
            self._problem(
                tr("the title word “{word}” is not known", word=head.strip()),
                tr("write “{right}:” instead of “{word}:”", right=right, word=head.strip()),
            )
            return self._begin(right, rest)
        match = _TITLE_WITH_MORE.match(body)
        if match and self._may_begin(match[1]):
            self._problem(
                tr("there must be nothing between “{word}” and the colon", word=match[1]),
                tr("write: {word}: {name}", word=match[1], name=(match[2] + match[3]).strip()),
            )
            return self._begin(match[1], match[2] + match[3])
        match = _TITLE_WITHOUT_COLON.match(body)
        if match and self._may_begin(match[1]):
            self._problem(
                tr("the colon after “{word}” is missing", word=match[1]),
                tr("write: {word}: {name}", word=match[1], name=(match[2] or "").strip()),
            )
            return self._begin(match[1], match[2] or "")
        return None

    def _may_begin(self, title: str) -> bool:
        """Whether a line like this can be meant as that title, and is no description."""
        if title == "功能":
            return not self._section
        return self._section not in {"", "功能"} or title in {"场景", "场景大纲", "剧本", "背景"}

    def _begin(self, title: str, rest: str) -> str:
        self._section = title
        self._above = title if title == "例子" else ""
        return f"{title}: {rest.strip()}"

    def _sentence(self, body: str) -> str:
        keyword = next((word for word in STEP_KEYWORDS if body.startswith(word)), "")
        if body[0] in "*＊":
            keyword, body = "*", "* " + body[1:].strip()
        if self._section == "功能":
            return self._in_description(body, keyword)
        self._above = "sentence"
        if keyword:
            return body
        lowered = body.lower()
        for wrong, right in WRONG_STEPS.items():
            if lowered.startswith(wrong) and self._whole_word(body, wrong):
                self._problem(
                    tr("“{word}” does not begin a sentence", word=body[: len(wrong)]),
                    tr(
                        "write “{right}” instead; allowed are: {words}",
                        right=right,
                        words=STEP_WORDS,
                    ),
                )
                return f"{right} {body[len(wrong) :].strip()}"
        self._unknown(body)
        return "#"

    @staticmethod
    def _whole_word(body: str, word: str) -> bool:
        """English words end at a space; Chinese ones anywhere."""
        return not word.isascii() or bool(_WORD_END.match(body[len(word) :] or " "))

    def _in_description(self, body: str, keyword: str) -> str:
        if not keyword or _OWNER.match(body):
            return body
        self._problem(
            tr("a sentence stands before the first 场景: {text}", text=body),
            tr(
                "put a line “场景: name” above it; if it is description, begin it with another word"
            ),
        )
        return "#"

    def _unknown(self, body: str) -> None:
        near = max(STEP_KEYWORDS, key=lambda word: _ratio(word, body))
        message = tr("this line begins with none of the allowed words: {text}", text=body)
        remedy = tr(
            "sentences begin with: {words}; titles: {titles}; notes with #",
            words=STEP_WORDS,
            titles=TITLE_WORDS,
        )
        if _ratio(near, body) >= LIKE_ENOUGH:
            meant = tr("perhaps “{word}” was meant", word=near)
            remedy = f"{meant}; {remedy}"
        self._problem(message, remedy)


def _ratio(keyword: str, body: str) -> float:
    return difflib.SequenceMatcher(None, keyword, body[: len(keyword)]).ratio()


def _cut(body: str) -> tuple[str, str, str]:
    match = re.search(r"[:：]", body)
    if match is None:
        return body, "", ""
    return body[: match.start()], match[0], body[match.end() :]
