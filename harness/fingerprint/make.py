"""Builds the fingerprint message: every leaf of a message type filled with a token.

The structure and the types come from the dictionary of the version. Each segment and group of the
structure stands once, or as often as asked for; each repeatable field has two repetitions, because
"the second one overwrites the first" shows in no other way. Withdrawn fields stay empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.errors import InputError
from harness.fingerprint.sheet import Sheet
from harness.fingerprint.tokens import CODED, PRIMITIVE, SEQUENCES, STAMPS, Mint, Token
from harness.i18n import tr
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import ComponentSpec, FieldSpec, Rep, build, header_row
from harness.wire.hl7_dictionary import Dictionary, PartDef
from harness.wire.hl7_encoding import codec_of
from harness.wire.hl7_path import parse_path
from harness.wire.hl7_structure import ANY, Node
from harness.wire.hl7_tables import dictionary, structure_of

REPETITIONS: Final = 2
"""Of each field that may repeat."""

SEGMENTS_MAX: Final = 2_000
"""Of one fingerprint: a request for more is a slip of the keyboard."""

VALUE_TYPES: Final = ("ST", "NM", "TX")
"""Types of OBX-5, in turn."""

LONG_PATHS: Final = frozenset({"MSH"})
"""Segments that the request fills, not the tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be made.

    Attributes:
        type: such as ``ORU^R01``.
        version: of the dictionary and of MSH-12.
        seed: of the tokens.
        charset: MSH-18.
        time: MSH-7.
        repeats: how often a segment stands, by its name: ``{"OBX": 20}``.
        fixed: values that must be real for the system to take the message, by path; a path that
            stops above components takes the place of all of them.
        leave: segments that are left out.
        chinese: free text holds characters outside ASCII.
        sender: MSH-3.
        receiver: MSH-5.
    """

    type: str
    version: str = "2.4"
    seed: int = 1
    charset: str = "GB 18030-2000"
    time: str = ""
    repeats: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    leave: frozenset[str] = frozenset()
    chinese: bool = True
    sender: str = "MEDHARNESS"
    receiver: str = ""


def make(request: Request) -> tuple[bytes, Sheet]:
    """The message and its sheet.

    Raises:
        InputError: there is no such message type, version or character set; a fixed value has no
            place; a value cannot be written in the character set.
    """
    codec = codec_of(request.charset) if request.charset else "utf-8"
    if codec is None:
        raise InputError(tr("no character set {charset} is known", charset=request.charset))
    kind, _, trigger = request.type.partition("^")
    tables = dictionary(request.version)
    name = structure_of(kind, trigger, request.version)
    tree = tables.structure(name) if name else None
    if name is None or tree is None:
        raise InputError(
            tr("version {version} has no structure of {type}",
               version=request.version, type=request.type),
            remedy=tr("write type and event, such as ORU^R01"),
        )  # fmt: skip
    if any(count > SEGMENTS_MAX for count in request.repeats.values()):
        raise InputError(tr("a fingerprint has at most {most} segments", most=SEGMENTS_MAX))
    filler = _Filler(tables, Mint(seed=request.seed, chinese=request.chinese))
    control_id = filler.mint.text("ID")
    segments = [_header(request, name, control_id)]
    for segment in _names(tree, request):
        if len(segments) >= SEGMENTS_MAX:
            raise InputError(tr("a fingerprint has at most {most} segments", most=SEGMENTS_MAX))
        segments.append(filler.segment(segment))
    message = build(segments, encoding=codec)
    message, kept = _fixed(message, filler.tokens, request.fixed)
    return message, Sheet(
        type=request.type,
        version=request.version,
        seed=request.seed,
        control_id=control_id,
        tokens=tuple(kept),
    )


def _header(request: Request, structure: str, control_id: str) -> list[FieldSpec]:
    return header_row(
        type=request.type,
        structure=structure,
        control_id=control_id,
        time=request.time,
        sending_app=request.sender,
        receiving_app=request.receiver,
        version=request.version,
        charset=request.charset,
    )


def _names(node: Node, request: Request) -> Iterator[str]:
    """The segments below a node in their order, without MSH."""
    if node.children:
        direct = [one for one in node.children if not one.children and one.repeat_max == 1]
        asked = [request.repeats.get(one.name, 1) for one in direct]
        times = max(asked, default=1) if node.repeat_max is None else 1
        chosen = node.children[:1] if node.choice else node.children
        for _ in range(times):
            for child in chosen:
                yield from _names(child, request)
    elif node.name not in {ANY, *LONG_PATHS, *request.leave}:
        times = request.repeats.get(node.name, 1) if node.repeat_max is None else 1
        yield from [node.name] * times


@dataclass(slots=True)
class _Filler:
    """Fills segments; remembers every token with its path."""

    tables: Dictionary
    mint: Mint
    tokens: list[Token] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def segment(self, name: str) -> list[FieldSpec]:
        """The next segment of that name."""
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        parts = self.tables.fields(name) or ()
        fields = (
            self._field(f"{name}[{number}]-{part.number}", part, name, number) for part in parts
        )
        return [name, *fields]

    def _field(self, path: str, part: PartDef, segment: str, number: int) -> FieldSpec:
        if part.withdrawn:
            return None
        data_type = part.data_type
        if segment == "OBX" and part.number in {2, 5}:
            value_type = VALUE_TYPES[(number - 1) % len(VALUE_TYPES)]
            if part.number == 2:
                return self._kept(Token(path=f"{path}[1]", text=value_type, data_type="ID",
                                        shared=True))  # fmt: skip
            data_type = value_type
        if data_type in SEQUENCES:
            text = str(number)
            return self._kept(Token(path=f"{path}[1]", text=text, data_type=data_type, shared=True))
        several = part.repeat_max is None or part.repeat_max > 1
        count = REPETITIONS if several and not (segment == "OBX" and part.number == 5) else 1
        values = [
            self._repetition(f"{path}[{at}]", replace(part, data_type=data_type))
            for at in range(1, count + 1)
        ]
        return values[0] if count == 1 else Rep(values)

    def _repetition(self, path: str, part: PartDef) -> str | list[ComponentSpec]:
        parts = self._below(part)
        if not parts:
            return self._leaf(path, part)
        return [
            self._component(f"{path}.{one.number}", one) if not one.withdrawn else None
            for one in parts
        ]

    def _component(self, path: str, part: PartDef) -> ComponentSpec:
        parts = self._below(part)
        if not parts:
            return self._leaf(path, part)
        return [
            self._leaf(f"{path}.{one.number}", one) if not one.withdrawn else None for one in parts
        ]

    def _below(self, part: PartDef) -> tuple[PartDef, ...]:
        """The parts of a composite type; a time stamp is a leaf, whatever the version says."""
        if part.data_type in PRIMITIVE:
            return ()
        return self.tables.components(part.data_type) or ()

    def _leaf(self, path: str, part: PartDef) -> str:
        data_type = part.data_type
        if data_type not in PRIMITIVE and self.tables.components(data_type):
            first = (self.tables.components(data_type) or ())[0].data_type
            data_type = first if first in PRIMITIVE else "ST"  # nothing lies below a subcomponent
        codes = self.tables.table(part.table) if part.table and data_type in CODED else None
        if codes:
            ordered = sorted(codes)
            text = ordered[len(self.tokens) % len(ordered)]
            return self._kept(Token(path=path, text=text, data_type=data_type, shared=True))
        if part.name.endswith("TIME OF AN EVENT"):
            data_type = next(iter(sorted(STAMPS)))
        return self._kept(Token(path=path, text=self.mint.text(data_type), data_type=data_type))

    def _kept(self, token: Token) -> str:
        self.tokens.append(token)
        return token.text


def _fixed(
    message: bytes, tokens: list[Token], fixed: Mapping[str, str]
) -> tuple[bytes, list[Token]]:
    """The message with real values at some paths, and the tokens that are left."""
    parsed = Hl7Message.parse(message)
    gone: set[str] = set()
    for text, value in fixed.items():
        path = parse_path(text)
        whole = path._replace(number=path.number or 1)
        if not parsed.count(whole.segment) or whole.field is None:
            raise InputError(tr("the message has no place for {path}", path=text))
        if whole.segment not in LONG_PATHS:
            whole = whole._replace(repetition=whole.repetition or 1)
        parsed = parsed.set(whole, value)
        gone.add(str(whole))
    return parsed.raw, [
        token for token in tokens
        if not any(token.path == one or token.path.startswith(f"{one}.") for one in gone)
    ]  # fmt: skip
