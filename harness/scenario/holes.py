"""The typed holes of a sentence.

``{string}``, ``{int}``, ``{decimal}``, ``{count}``, ``{duration}``, written as parameter types of
Cucumber Expressions; these five and no others. There is no float: an
amount is exact. There are no optional words and no alternatives: one sentence has one wording.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

# The package ships without type information.
from cucumber_expressions.errors import CucumberExpressionError  # type: ignore[import-untyped]
from cucumber_expressions.expression import CucumberExpression  # type: ignore[import-untyped]
from cucumber_expressions.parameter_type import ParameterType  # type: ignore[import-untyped]

from harness.i18n import tr
from harness.scenario.sentence import canonical

DURATION_MAX_S = 24 * 3600.0
"""A sentence that waits longer than a day waits for nothing; settlement runs once a day."""

_HOLE = re.compile(r"\{([^{}]*)\}")
_SECONDS = {"毫秒": 0.001, "秒": 1.0, "秒钟": 1.0, "分钟": 60.0, "小时": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(毫秒|秒钟|秒|分钟|小时)")
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}


def seconds(text: str) -> float:
    """``10秒``, ``500毫秒``, ``2分钟``, ``1小时`` in seconds.

    Raises:
        ValueError: not above zero, or more than ``DURATION_MAX_S``.
    """
    match = _DURATION.fullmatch(text)
    assert match is not None
    value = float(Decimal(match[1]) * Decimal(str(_SECONDS[match[2]])))
    if not 0.0 < value <= DURATION_MAX_S:
        raise ValueError(tr("“{text}” is no limit: above 0 and at most 24小时", text=text))
    return value


def times(text: str) -> int:
    """``3次``, ``三次``, ``两次``, ``二十次`` as a number; Chinese numerals up to 99."""
    text = text.removesuffix("次")
    if text.isascii():
        return int(text)
    if "十" not in text:
        return _DIGITS[text]
    tens, _, ones = text.partition("十")
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"')


@dataclass(frozen=True, slots=True, kw_only=True)
class HoleType:
    """What may stand in a hole.

    Attributes:
        name: as in ``{name}``.
        pattern: regular expression over canonical text.
        python: name of the type that the step gets.
        sample: a value as it stands in a sentence.
        convert: from text to value; ``ValueError`` says why it cannot be.
    """

    name: str
    pattern: str
    python: str
    sample: str
    convert: Callable[[str], object]


HOLE_TYPES = {
    hole.name: hole
    for hole in (
        HoleType(
            name="string",
            pattern=r'"((?:[^"\\]|\\.)*)"',
            python="str",
            sample='"T001"',
            convert=_unescaped,
        ),
        HoleType(name="int", pattern=r"-?[0-9]+", python="int", sample="3", convert=int),
        HoleType(
            name="decimal",
            pattern=r"-?[0-9]+(?:\.[0-9]+)?",
            python="Decimal",
            sample="12.50",
            convert=Decimal,
        ),
        HoleType(
            name="count",
            pattern=r"(?:[0-9]+|[一二两三四五六七八九]?十[一二三四五六七八九]?|[零一二两三四五六七八九])次",
            python="int",
            sample="3次",
            convert=times,
        ),
        HoleType(
            name="duration",
            pattern=r"[0-9]+(?:\.[0-9]+)?(?:毫秒|秒钟|秒|分钟|小时)",
            python="float",
            sample="10秒",
            convert=seconds,
        ),
    )
}
"""The holes that a sentence may have."""


class _Types:
    """The registry that a Cucumber Expression asks for its parameter types."""

    def __init__(self) -> None:
        self._types = {
            hole.name: ParameterType(hole.name, hole.pattern, object, hole.convert)
            for hole in HOLE_TYPES.values()
        }

    def lookup_by_type_name(self, name: str) -> object:
        return self._types.get(name)


_TYPES = _Types()


class Expression:
    """The words of a step with its holes, ready to be compared with sentences.

    Args:
        wording: such as ``分析仪{string}上传{string}的结果``.

    Raises:
        ValueError: it cannot be read; says why.
    """

    def __init__(self, wording: str) -> None:
        self.text = canonical(wording)
        self.holes = tuple(_HOLE.findall(self.text))
        self._check(wording)
        try:
            self._expression = CucumberExpression(self.text.replace("/", r"\/"), _TYPES)
        except CucumberExpressionError as error:
            raise ValueError(str(error)) from error
        literals = _HOLE.split(self.text)[::2]
        self.prefix, self.suffix = literals[0], literals[-1]
        self.longest = max(literals, key=len)

    def _check(self, wording: str) -> None:
        if "\\" in wording:
            raise ValueError(tr("a backslash has no meaning here; write the words plainly"))
        unknown = [name for name in self.holes if name not in HOLE_TYPES]
        if unknown:
            raise ValueError(
                tr(
                    "unknown hole {{{name}}}; there are: {known}",
                    name=unknown[0],
                    known=" ".join(f"{{{name}}}" for name in HOLE_TYPES),
                )
            )
        if "}{" in self.text:
            raise ValueError(tr("two holes need words between them"))
        if '"{' in self.text:
            raise ValueError(
                tr("{hole} brings its quotes along; write none around it", hole="{string}")
            )
        if not _HOLE.sub("", self.text):
            raise ValueError(tr("a sentence needs words"))

    def match(self, text: str) -> tuple[object, ...] | None:
        """Values of the holes where ``text`` is this sentence, else None.

        Raises:
            ValueError: it is this sentence, and a value cannot be used.
        """
        found = self._expression.match(text)
        return None if found is None else tuple(argument.value for argument in found)

    def may_match(self, text: str) -> bool:
        """A quick look before the regular expression."""
        return text.startswith(self.prefix) and text.endswith(self.suffix) and self.longest in text
