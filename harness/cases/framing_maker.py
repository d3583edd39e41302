"""What an instrument with a framing of its own put on the line: byte for byte, persons apart.

The model of the instrument says how its line is cut and what its checks cover. A line of a case is
one message with all that stands around it: parts, frames that came again, bytes between them. A
check that was right is right again behind what was replaced, and one that was wrong is wrong by as
much; what is no frame stays none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from harness.captures.layout import Layout
from harness.errors import InputError
from harness.i18n import tr
from harness.wire.framings import ACK, ENQ, EOT, NAK, SYN, FramingConfig
from harness.wire.framings_blocks import BlocksConfig
from harness.wire.framings_checks import CheckKind, check_byte, crc16_genibus

WIRE: Final = "framed"
"""Protocol of a line that is a message with its framing."""

_REPLIES: Final = bytes((ACK, NAK))
_SIGNS: Final = bytes((ENQ, EOT, SYN))
_QUIET: Final = b"\x00\r\n"
_HEX: Final = re.compile(rb"[0-9A-Fa-f]+")

Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing on the line.

    Attributes:
        kind: a ``frame``, one that is ``open`` since it has no end, a ``reply``, or ``other``.
        offset: of its first byte.
        data: the bytes.
        begin: where its text stands in them.
        end: behind the text.
        check: where its check stands in them; 0, 0 where it has none.
        mark: what ended it.
        number: of a block.
        last: the message ends with it.
        good: its check fits.
    """

    kind: Literal["frame", "open", "reply", "other"]
    offset: int
    data: bytes
    begin: int = 0
    end: int = 0
    check: tuple[int, int] = (0, 0)
    mark: bytes = b""
    number: int = 0
    last: bool = True
    good: bool = False

    @property
    def text(self) -> bytes:
        """Without its framing; of what is no frame all of it."""
        return self.data[self.begin : self.end]

    def made(self, data: bytes, begin: int, size: int, check: tuple[int, int]) -> Unit:
        """The same with other bytes."""
        return Unit(kind=self.kind, offset=self.offset, data=data, begin=begin, end=begin + size,
                    check=check, mark=self.mark, number=self.number, last=self.last,
                    good=self.good)  # fmt: skip


# ---- cutting


def units(data: bytes, layout: Layout) -> list[Unit]:
    """Everything on one side of a line; any bytes will do, and none is left out."""
    if isinstance(layout.config, BlocksConfig):
        return list(_blocks(data, layout.config))
    return list(_frames(data, layout.config))


def _frames(data: bytes, config: FramingConfig) -> Iterator[Unit]:
    marks = [config.end, config.part_end]
    if config.start and config.start < b" " and config.start != config.end:
        marks.append(config.start)
    pattern = re.compile(b"|".join(re.escape(one) for one in marks if one))
    outside = _REPLIES + _SIGNS + _QUIET
    at = begun = 0
    while at < len(data):
        byte = data[at : at + 1]
        starts = byte == config.start if config.start else byte not in outside
        if not starts and byte not in _REPLIES:
            at += 1
            continue
        if at > begun:
            yield _other(data, begun, at)
        one = (
            _frame(data, at, config, pattern)
            if starts
            else Unit(kind="reply", offset=at, data=byte)
        )
        yield one
        at = begun = at + len(one.data)
    if at > begun:
        yield _other(data, begun, at)


def _other(data: bytes, begin: int, end: int) -> Unit:
    return Unit(kind="other", offset=begin, data=data[begin:end], end=end - begin, last=False)


def _frame(data: bytes, at: int, config: FramingConfig, marks: re.Pattern[bytes]) -> Unit:
    begin = at + len(config.start)
    found = marks.search(data, begin)
    if found is None or (found[0] == config.start and config.start):
        end = len(data) if found is None else found.start()
        return Unit(kind="open", offset=at, data=data[at:end], begin=begin - at, end=end - at,
                    last=found is None)  # fmt: skip
    stop, behind = found.start(), found.end()
    size = config.check_size
    check = (0, 0)
    if size and config.check_place == "before-end":
        if stop - begin >= size and (size == 1 or _HEX.fullmatch(data, stop - size, stop)):
            check, stop = (stop - size, stop), stop - size
    elif size and (size == 1 or _HEX.fullmatch(data, behind, behind + size)):
        check = (behind, min(behind + size, len(data)))
        behind = check[1]
    quiet = re.compile(b"[" + re.escape(_QUIET + config.trailer.strip(_REPLIES + _SIGNS)) + b"]*")
    tail = quiet.match(data, behind) if config.start else None
    behind = tail.end() if tail else behind
    made = Unit(kind="frame", offset=at, data=data[at:behind], begin=begin - at, end=stop - at,
                check=(check[0] - at, check[1] - at) if check[1] else (0, 0), mark=found[0],
                last=found[0] != config.part_end or not config.part_end)  # fmt: skip
    return _judged(made, config)


def _judged(one: Unit, config: FramingConfig) -> Unit:
    low, high = one.check
    stated = one.data[low:high]
    wanted = config.check_of(one.text, one.mark)
    good = stated.upper() == wanted.upper() if config.check_form != "raw" else stated == wanted
    return Unit(kind="frame", offset=one.offset, data=one.data, begin=one.begin, end=one.end,
                check=one.check, mark=one.mark, last=one.last, good=good)  # fmt: skip


def _blocks(data: bytes, config: BlocksConfig) -> Iterator[Unit]:
    """Blocks with their numbers; the announcement before them is ``other``."""
    pattern = re.compile(rb"\x02(?P<number>..)(?P<text>.{%d})(?P<crc>[0-9A-Fa-f]{4})\x03"
                         % config.block_bytes, re.DOTALL)  # fmt: skip
    found = list(pattern.finditer(data))
    done = 0
    for at, match in enumerate(found):
        if match.start() > done:
            yield from _between(data, done, match.start())
        number = _number(match["number"], config.base)
        follows = found[at + 1] if at + 1 < len(found) else None
        clear = follows is not None and not data[match.end() : follows.start()].strip(
            _REPLIES + _QUIET + b" "
        )
        after = follows is not None and clear and follows["number"] >= match["number"]
        yield Unit(
            kind="frame", offset=match.start(), data=match[0], begin=3,
            end=3 + config.block_bytes, check=(3 + config.block_bytes, 7 + config.block_bytes),
            number=number, last=not after,
            good=match["crc"].upper() == b"%04X" % crc16_genibus(match["text"]),
        )  # fmt: skip
        done = match.end()
    yield from _between(data, done, len(data))


def _number(written: bytes, base: int) -> int:
    """The number of a block; 0 where what stands there is none."""
    return (
        int(written, base) if _HEX.fullmatch(written) and (base == 16 or written.isdigit()) else 0
    )


def _between(data: bytes, begin: int, end: int) -> Iterator[Unit]:
    """What stands between blocks: replies, and the rest."""
    for match in re.finditer(rb"[\x06\x15]|[^\x06\x15]+", data[begin:end]):
        low, high = begin + match.start(), begin + match.end()
        if match[0] in _REPLIES:
            yield Unit(kind="reply", offset=low, data=match[0])
        else:
            yield _other(data, low, high)


@dataclass(frozen=True, slots=True)
class Said:
    """One message on the line.

    Attributes:
        offset: of its first byte.
        data: the bytes, without our replies to the other side.
        text: of the message, without its framing.
        sound: every check fits, and nothing else stands there.
    """

    offset: int
    data: bytes
    text: bytes
    sound: bool


def said(data: bytes, layout: Layout) -> list[Said]:
    """One side of a line, message by message."""
    found: list[Said] = []
    held: list[Unit] = []
    for one in units(data, layout):
        if one.kind == "reply":
            continue
        held.append(one)
        if one.kind in {"frame", "open"} and one.last:
            found.append(_said(held, layout))
            held = []
    if held and found and not any(one.kind != "other" for one in held):
        last = found.pop()
        rest = b"".join(one.data for one in held)
        clean = not rest.strip(_QUIET + _SIGNS)
        found.append(Said(last.offset, last.data + rest, last.text, last.sound and clean))
    elif any(one.data.strip(_QUIET + _SIGNS) for one in held):
        found.append(_said(held, layout))
    return found


def _said(held: Sequence[Unit], layout: Layout) -> Said:
    raw = b"".join(one.data for one in held)
    sound = all(
        one.good if one.kind == "frame" else not _stray(one, layout) for one in held
    )  # fmt: skip
    return Said(held[0].offset, raw, text_of(raw, layout), sound)


def _stray(one: Unit, layout: Layout) -> bool:
    """Whether bytes outside of frames are more than signs, blanks and the number of blocks."""
    announced = b"0123456789ABCDEFabcdef " if isinstance(layout.config, BlocksConfig) else b""
    return one.kind == "open" or bool(one.data.strip(_QUIET + _SIGNS + announced))


# ---- texts


def _texts(found: Sequence[Unit]) -> list[list[int]]:
    """Which units make one text: those that fit together, then each other one by itself."""
    joined: list[int] = []
    for at, one in enumerate(found):
        if one.kind == "frame" and one.good:
            if joined and one.number and found[joined[-1]].number == one.number:
                joined.pop()  # a block that came again
            joined.append(at)
    alone = [[at] for at, one in enumerate(found) if at not in set(joined) and one.text]
    return ([joined] if joined else []) + alone


def text_of(data: bytes, layout: Layout) -> bytes:
    """The message of a line: of frames that fit; where none does, of the first that is there."""
    found = units(data, layout)
    groups = _texts(found)
    if not groups:
        return b""
    best = groups[0] if found[groups[0][0]].good else max(
        groups, key=lambda one: found[one[0]].kind != "other"
    )  # fmt: skip
    return b"".join(found[at].text for at in best)


def changed(data: bytes, layout: Layout, change: Change) -> bytes:
    """The same line around other texts; checks are as right or wrong as they were.

    Args:
        data: a line, or any part of one.
        layout: of the instrument.
        change: makes each text anew: the message, and each frame that does not fit by itself.

    Raises:
        InputError: a message of several parts would have another length.
    """
    found = units(data, layout)
    made = list(found)
    for group in _texts(found):
        sizes = [len(found[at].text) for at in group]
        text = change(b"".join(found[at].text for at in group))
        if len(group) > 1 and len(text) != sum(sizes):
            raise InputError(
                tr("a message in parts cannot get another length"),
                remedy=tr("give a value of the same length"),
            )
        begin = 0
        for at, size in zip(group, sizes, strict=True):
            one = text if len(group) == 1 else text[begin : begin + size]
            made[at] = _around(found[at], one, layout)
            begin += size
    return b"".join(one.data for one in made)


def _around(old: Unit, text: bytes, layout: Layout) -> Unit:
    """The same frame around another text."""
    if text == old.text:
        return old
    low, high = old.check
    stated = old.data[low:high]
    moved = len(text) - len(old.text)
    data = old.data[: old.begin] + text + old.data[old.end :]
    if low < high:
        low, high = low + moved, high + moved
        data = data[:low] + _stated(stated, old, text, layout) + data[high:]
    return old.made(data, old.begin, len(text), (low, high))


def _stated(stated: bytes, old: Unit, text: bytes, layout: Layout) -> bytes:
    """The check that stood there, for another text."""
    config = layout.config
    if isinstance(config, BlocksConfig):
        value = crc16_genibus(text) ^ crc16_genibus(old.text) ^ int(stated, 16)
        return _digits(value, 4, stated, lower=False)
    of = partial(_check, config, old.mark)
    if config.check_form == "raw":
        return bytes([_moved(config.check, of(old.text), of(text), stated[0])])
    value = _moved(config.check, of(old.text), of(text), int(stated, 16))
    return _digits(value, 2, stated, lower=config.check_form == "hex-lower")


def _check(config: FramingConfig, mark: bytes, text: bytes) -> int:
    covered = (config.start if config.check_start else b"") + text
    return check_byte(config.check, covered + (mark if config.check_end else b""))


def _moved(kind: CheckKind, was: int, now: int, stated: int) -> int:
    """What is wrong by as much as ``stated`` was."""
    return now ^ was ^ stated if kind is CheckKind.XOR else (now + stated - was) & 0xFF


def _digits(value: int, size: int, stated: bytes, *, lower: bool) -> bytes:
    text = f"{value:0{size}X}".encode()
    if re.search(rb"[A-Fa-f]", stated):
        lower = stated == stated.lower()
    return text.lower() if lower else text


# ---- playing


def pieces(data: bytes, layout: Layout) -> list[bytes]:
    """What goes out at once: each frame, with the bytes before it that are none.

    The number of blocks is a piece of its own, since it is answered.
    """
    out: list[bytes] = []
    held = b""
    alone = isinstance(layout.config, BlocksConfig)
    for one in units(data, layout):
        if one.kind == "other" and not alone:
            held += one.data
        else:
            out.append(held + one.data)
            held = b""
    return [*out, held] if held else out
