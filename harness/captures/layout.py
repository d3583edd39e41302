"""Where fields stand in what an instrument with a framing of its own says, as its model has it.

The ``frames`` of a model file say what its simulator writes; here the same tables say where a real
instrument put the barcode and the name. A frame that does not fit its table is read as far as it
does: of what is behind that nobody can tell what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from harness.wire.framings import FramingConfig, FramingCore
from harness.wire.framings_blocks import BlocksConfig, BlocksCore
from harness.wire.framings_checks import CheckKind, control_bytes

_BYTES: Final = ("start", "end", "part_end", "trailer", "give_up")

INSTRUMENT: Final = "instrument"
"""Table of a case's manifest with the model: a case is played where nobody has its file."""

NAMED: Final = frozenset({"barcode", "patient", "name", "birth", "time"})
"""Sources that a place is told for."""

_TIME: Final = {
    "d": r"\d\d", "m": r"\d\d", "y": r"\d\d", "Y": r"\d{4}", "H": r"\d\d", "M": r"\d\d",
    "S": r"\d\d",
}  # fmt: skip
_LINE: Final = r"[^\r\n]"
_PLAIN: Final = re.compile(r"[0-9A-Za-z ]*")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+#-]+")

Config = FramingConfig | BlocksConfig


def config_of(framing: Mapping[str, Any]) -> Config:
    """The framing of a model's ``[framed.framing]`` table.

    Raises:
        ValueError: the table describes no framing that is known here.
    """
    kind = framing.get("kind", "delimited")
    if kind == "blocks":
        return BlocksConfig(
            block_bytes=int(framing.get("block_bytes", 256)),
            replies=bool(framing.get("replies", False)),
            reply_s=float(framing.get("reply_s", 15.0)),
        )
    if kind != "delimited":
        raise ValueError(f"framing.kind = {kind}")
    known = {one.name for one in fields(FramingConfig)}
    given = {name: value for name, value in framing.items() if name in known}
    given |= {name: control_bytes(given[name]) for name in _BYTES if name in given}
    if "check" in given:
        given["check"] = CheckKind(given["check"])
    return FramingConfig(**given)


def core_of(config: Config) -> FramingCore | BlocksCore:
    """A core for it."""
    return BlocksCore(config) if isinstance(config, BlocksConfig) else FramingCore(config)


@dataclass(frozen=True, slots=True)
class Place:
    """One field that tells something.

    Attributes:
        begin: its first character.
        end: behind its last one, padding among them.
        source: what fills it: one of ``NAMED``.
        form: of a time, as ``strftime`` has it.
        fixed: it has so many columns and no more.
        right: its text stands at the right of them.
    """

    begin: int
    end: int
    source: str
    form: str = ""
    fixed: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What fits one frame of the table.

    Attributes:
        scope: of the frame.
        begin: its first character.
        end: behind the last one that fits.
        whole: it fits to its end.
        exact: and has each text that never changes as the table has it.
        places: in it.
        groups: the results in it, one after the other.
    """

    scope: str
    begin: int
    end: int
    whole: bool
    exact: bool = False
    places: tuple[Place, ...] = ()
    groups: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class _Frame:
    """One frame of the table as patterns."""

    scope: str
    head: Sequence[Mapping[str, Any]]
    each: Sequence[Mapping[str, Any]]
    tail: Sequence[Mapping[str, Any]]
    separator: str
    terminator: str
    whole: re.Pattern[str] = field(init=False)
    like: re.Pattern[str] = field(init=False)
    group: re.Pattern[str] = field(init=False)
    heads: list[re.Pattern[str]] = field(init=False)
    named: list[Mapping[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.named = [one for one in (*self.head, *self.tail) if one.get("source") in NAMED]
        self.whole = re.compile(self._whole(like=False))
        self.like = re.compile(self._whole(like=True))
        sign = re.escape(self.separator)
        before = sign if self.head and sign else ""
        self.group = re.compile(before + self._pattern(self.each, named=-1))
        self.heads = [
            re.compile(self._pattern(self.head[:count], named=0, last=True, like=True))
            for count in range(len(self.head), 0, -1)
        ]

    def _whole(self, *, like: bool) -> str:
        sign = re.escape(self.separator)
        head = self._pattern(self.head, named=0, last=not self.each and not self.tail, like=like)
        before = sign if self.head and sign else ""
        each = self._pattern(self.each, named=-1)
        many = f"(?P<each>(?:{before}{each})*)" if self.each else ""
        named = sum(one.get("source") in NAMED for one in self.head)
        tail = self._pattern(self.tail, named=named, last=True, like=like)
        return head + many + (sign + tail if self.tail else "") + re.escape(self.terminator)

    def _pattern(
        self, given: Sequence[Mapping[str, Any]], *, named: int, last: bool = False,
        like: bool = False,
    ) -> str:  # fmt: skip
        """Fields one after the other; a group ``fN`` for each that tells something.

        Args:
            given: the fields.
            named: number of the first group; -1 names none.
            last: nothing follows that could end the last one.
            like: a text that never changes may be another one, behind the first: a serial number
                stands in the table as the simulator has it.
        """
        out: list[str] = []
        follows = ""
        for at in range(len(given) - 1, -1, -1):
            loose = like and at > 0 and self._may_differ(given, at)
            text = self._field(given[at], follows, last=last and at == len(given) - 1, loose=loose)
            out.append(text)
            follows = "" if self.separator else text
        parts = []
        number = named
        for one, text in zip(given, reversed(out), strict=True):
            tells = named >= 0 and one.get("source") in NAMED
            parts.append(f"(?P<f{number}>{text})" if tells else f"(?:{text})")
            number += tells
        return re.escape(self.separator).join(parts)

    def _may_differ(self, given: Sequence[Mapping[str, Any]], at: int) -> bool:
        """Whether a text tells nothing of where fields stand."""
        if self.separator:
            return True
        before = given[at - 1]
        firm = before.get("source", "text") == "text" or bool(before.get("width"))
        return firm and _PLAIN.fullmatch(str(given[at].get("text", ""))) is not None

    def _field(self, one: Mapping[str, Any], follows: str, *, last: bool, loose: bool) -> str:
        source, width = one.get("source", "text"), int(one.get("width", 0))
        stop = re.escape("".join(sorted({*self.separator, "\r", "\n"})))
        if source == "text":
            text, pad = str(one.get("text", "")), str(one.get("pad", " "))
            text = text.rjust(width, pad) if one.get("align") == "right" else text.ljust(width, pad)
            if loose:
                return f"[^{stop}]*" if self.separator else f"{_LINE}{{{len(text)}}}"
            return re.escape(text)
        if width:
            return f"{_LINE}{{{width}}}"
        if source == "time":
            return time_pattern(str(one.get("format", "%Y%m%d%H%M%S")))
        words = one.get("words", {})
        if source == "kind" and words and all(words.values()):
            return "|".join(re.escape(word) for word in sorted(words.values(), key=len)[::-1])
        if self.separator:
            return f"[^{stop}]*"
        # Up to where what follows begins: its first place counts, so this needs no way back.
        return f"{_LINE}*" if last or not follows else f"(?>{_LINE}*?(?={follows}))"

    def places(self, match: re.Match[str]) -> Iterator[Place]:
        """Of a match, whole or of a beginning."""
        for number, one in enumerate(self.named):
            name = f"f{number}"
            if name in match.re.groupindex and match[name]:
                yield Place(
                    match.start(name), match.end(name), str(one["source"]),
                    str(one.get("format", "")), bool(one.get("width")),
                    one.get("align") == "right",
                )  # fmt: skip

    def at(self, text: str, begin: int) -> Part | None:
        """What of a text fits, from there on."""
        for pattern in (self.whole, self.like):
            match = pattern.match(text, begin)
            if match is not None and match.end() > begin:
                return Part(
                    self.scope, begin, match.end(), whole=True, exact=pattern is self.whole,
                    places=tuple(self.places(match)), groups=self._groups(match),
                )  # fmt: skip
        for pattern in self.heads:
            match = pattern.match(text, begin)
            if match is not None and match.end() > begin:
                return Part(self.scope, begin, match.end(), whole=False,
                            places=tuple(self.places(match)))  # fmt: skip
        return None

    def _groups(self, match: re.Match[str]) -> tuple[tuple[int, int], ...]:
        if not self.each:
            return ()
        found, at, end = [], match.start("each"), match.end("each")
        while at < end and (one := self.group.match(match.string, at, end)) and one.end() > at:
            found.append((at, one.end()))
            at = one.end()
        return tuple(found)


def time_pattern(form: str) -> str:
    """What a time looks like that ``strftime`` wrote so."""
    parts = re.split(r"%([A-Za-z])", form)
    return "".join(
        _TIME.get(part, r"[A-Za-z]+") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )


@dataclass(slots=True)
class Layout:
    """An instrument with a framing of its own.

    Attributes:
        name: of its model.
        section: the ``[framed]`` table.
        config: its framing.
        encoding: of its text.
        words: that it writes itself, with 0 for each digit: they tell nobody who somebody is.
    """

    name: str
    section: Mapping[str, Any]
    config: Config = field(init=False)
    encoding: str = field(init=False)
    words: frozenset[str] = field(init=False)
    _frames: list[_Frame] = field(init=False)

    def __post_init__(self) -> None:
        self.config = config_of(self.section.get("framing", {}))
        self.encoding = str(self.section.get("encoding", "ascii"))
        tables = self.section.get("frames", ())
        self._frames = [
            _Frame(
                str(one["scope"]), one.get("head", ()), one.get("each", ()), one.get("tail", ()),
                str(one.get("separator", "")), str(one.get("terminator", "")),
            )
            for one in tables
        ]  # fmt: skip
        self.words = frozenset(map(_without_digits, _own_words(self.section)))

    def is_own(self, word: str) -> bool:
        """Whether the instrument writes a word itself, whatever its digits."""
        return _without_digits(word) in self.words

    def told(self) -> dict[str, str]:
        """For the manifest of a case."""
        return {"model": self.name, "framed": json.dumps(self.section, ensure_ascii=False)}

    def core(self) -> FramingCore | BlocksCore:
        """A core for its line."""
        return core_of(self.config)

    def decoded(self, data: bytes) -> tuple[str, str]:
        """Codec and text of bytes; any bytes will do."""
        codec = self.encoding
        if codec.lower() in {"ascii", "us-ascii"} and not data.isascii():
            codec = "gb18030"  # more than was agreed: a name, perhaps
        return codec, data.decode(codec, "surrogateescape")

    def parts(self, text: str) -> tuple[list[Part], list[tuple[int, int]]]:
        """The frames of one message, and what of it fits none."""
        found: list[Part] = []
        rest: list[tuple[int, int]] = []
        at = 0
        while at < len(text):
            fitting = [part for one in self._frames if (part := one.at(text, at)) is not None]
            best = max(fitting, default=None,
                       key=lambda part: (self._sits(part, text), part.exact, part.end))  # fmt: skip
            if best is None or best.end == at:
                end = _line_end(text, at)
                rest.append((at, end))
                at = end
                continue
            found.append(best)
            at = best.end
            if not best.whole:
                end = _line_end(text, at)
                rest.append((at, end))
                at = end
        return found, [(begin, end) for begin, end in rest if text[begin:end].strip()]

    def _sits(self, part: Part, text: str) -> bool:
        """A message that is one frame ends with it; others go on with the next one."""
        one = self.section.get("message", "frame") == "frame"
        return part.whole and (part.end == len(text) or not one)


def read_layout(manifest: Mapping[str, Any]) -> Layout | None:
    """The instrument of a case; None where it has none.

    Raises:
        ValueError: what stands there is no model.
    """
    told = manifest.get(INSTRUMENT)
    if not isinstance(told, Mapping):
        return None
    return Layout(str(told.get("model", "")), json.loads(str(told["framed"])))


def _line_end(text: str, at: int) -> int:
    match = re.compile(r"[^\r\n]*[\r\n]*").match(text, at)
    return match.end() if match and match.end() > at else len(text)


def _without_digits(word: str) -> str:
    return re.sub(r"[0-9]", "0", word)


def _own_words(section: Mapping[str, Any]) -> Iterator[str]:
    """Codes, names and units of its tests, and every text that stands in its frames."""
    for one in section.get("channels", {}).values():
        for value in one.values():
            yield from _WORD.findall(str(value))
    for frame in section.get("frames", ()):
        for each in (*frame.get("head", ()), *frame.get("each", ()), *frame.get("tail", ())):
            for text in (each.get("text", ""), *each.get("words", {}).values()):
                yield from _WORD.findall(str(text))
