"""Calls in the text logs of closed interfaces: a head a line, JSON or XML behind it.

A pattern with named groups says what a head looks like: ``body`` is what follows it to the end of
the line and on the lines below, up to the next head; ``time``, ``way`` (``>>``, ``<<``, ``入参``,
``返回`` ...), ``infno``, ``msgid`` and ``thread`` where the log has them.

An answer carries no msgid of the call (settlement interface, response envelope), so it belongs to
the one call that can be meant: of its msgid, its thread, its infno. Where more than one can be
meant, nothing is known of any of them. In one thread a call ends where the next begins: an empty
group ``(?P<thread>)`` says that the log has one caller, who waits.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.evidence_trace import Turn
from harness.report.mask import Mask

GROUPS: Final = frozenset({"time", "way", "infno", "msgid", "thread", "body"})
HEAD_CHARS_MAX: Final = 2000
"""Of a line, in which its head is looked for."""

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
BODY_CHARS_MAX: Final = 16 * 1024 * 1024
"""A longer line or record is not read; the details of a long stay are about 1 MB."""

OPEN_MAX: Final = 1000
"""Calls that wait for an answer at one time."""

OBJECTS_MAX: Final = 20
"""Beginnings of JSON that are tried in one record."""

SHOWN_MAX: Final = 5
SHOWN_CHARS: Final = 120
"""Lines that are shown of those that could not be read, and how much of each."""

ASKS: Final = frozenset({
    ">>", ">", "->", "-->", "=>", "==>", "request", "req", "in", "input", "send", "call",
    "入参", "请求", "发送", "输入", "调用", "上传",
})  # fmt: skip
TELLS: Final = frozenset({
    "<<", "<", "<-", "<--", "<=", "<==", "response", "resp", "rsp", "out", "output", "recv",
    "receive", "return", "result", "出参", "返回", "响应", "应答", "接收", "输出", "结果", "下载",
})  # fmt: skip

_NAMED: Final = {
    name: re.compile(rf"(?i)\b{name}\W{{1,8}}([A-Za-z0-9_-]{{4,40}})")
    for name in ("msgid", "infno")
}
_ELEMENT: Final = re.compile(r"<(?:\w+:)?([A-Za-z_]\w{0,60})(?:\s[^<>]*)?>([^<>]*)</")
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_START: Final = re.compile(r"[{<]")


@dataclass(slots=True)
class Unread:
    """What of one file is no evidence.

    Attributes:
        file: its name.
        lines: records and lines that could not be read.
        nameless: calls without a msgid, by which they could be found.
        unclear: answers that can belong to several calls.
        shown: number and text of the first of ``lines``, personal data hidden.
        orphans: answers to no call of this file: the call may stand in another one.
        ends: calls, by msgid and transaction, that wait where the file ends.
    """

    file: str
    lines: int = 0
    nameless: int = 0
    unclear: int = 0
    shown: list[tuple[int, str]] = field(default_factory=list)
    orphans: int = 0
    ends: list[tuple[str, str]] = field(default_factory=list)

    def line(self, number: int, text: str) -> None:
        """One that could not be read."""
        self.lines += 1
        if len(self.shown) < SHOWN_MAX:
            raw = Mask(active=True).raw(text[:HEAD_CHARS_MAX].encode("utf-8", "replace"), "http")
            self.shown.append((number, raw.decode("utf-8", "replace").strip()[:SHOWN_CHARS]))

    def told(self) -> Iterator[str]:
        """For the terminal."""
        if self.lines:
            yield tr("{file}: {count} lines could not be read; they are no evidence",
                     file=self.file, count=self.lines)  # fmt: skip
        for number, text in self.shown:
            yield f"  {self.file}:{number}: {text}"
        if self.nameless:
            yield tr("{file}: {count} calls have no msgid and prove nothing", file=self.file,
                     count=self.nameless)  # fmt: skip
        if self.unclear:
            yield tr("{file}: {count} answers can belong to several calls: name a group “thread”",
                     file=self.file, count=self.unclear)  # fmt: skip


def pattern_of(text: str) -> re.Pattern[str]:
    """The pattern of an option: a regular expression, or ``@FILE`` that holds one.

    Raises:
        InputError: it cannot be used; says why.
    """
    if text.startswith("@"):
        lines = input_files.text_of(Path(text[1:])).splitlines()
        text = next((one.strip() for one in lines if one.strip()), "")
    found = input_files.pattern_in(text, "--log-pattern")
    known = set(found.groupindex)
    if "body" not in known or not known <= GROUPS:
        raise InputError(
            tr("the groups of the pattern are {names}", names=", ".join(sorted(known)) or "-"),
            where="--log-pattern",
            remedy=tr("name body, and of these what the log has: {known}",
                      known=", ".join(sorted(GROUPS))),
        )  # fmt: skip
    return found


def lines(file: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line, in UTF-8, UTF-16 or GBK; none where it is too long."""
    with file.open("rb") as stream:
        wide = stream.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    if wide:
        with file.open(encoding="utf-16", errors="replace") as texts:
            number = 0
            while text := texts.readline(LINE_BYTES_MAX):
                number += 1
                yield number, text.rstrip("\r\n")
        return
    with file.open("rb") as stream:
        number = 0
        while raw := stream.readline(LINE_BYTES_MAX):
            number += 1
            whole = len(raw) < LINE_BYTES_MAX or raw.endswith(b"\n")
            while not raw.endswith(b"\n") and (rest := stream.readline(LINE_BYTES_MAX)):
                raw = raw[:HEAD_CHARS_MAX] + rest[-1:]
            yield number, _decoded(raw.rstrip(b"\r\n") if whole else raw[:HEAD_CHARS_MAX])


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


@dataclass(slots=True)
class _Record:
    """A head and what follows it."""

    number: int
    head: Mapping[str, str]
    parts: list[str]
    size: int = 0

    @property
    def body(self) -> str:
        return "\n".join(self.parts)

    def add(self, text: str) -> None:
        if self.size <= BODY_CHARS_MAX:
            self.parts.append(text)
            self.size += len(text)


def _records(numbered: Iterator[tuple[int, str]], pattern: re.Pattern[str]) -> Iterator[_Record]:
    record: _Record | None = None
    for number, text in numbered:
        found = pattern.match(text[:HEAD_CHARS_MAX])
        if found is None:
            if record is not None:
                record.add(text)
            continue
        if record is not None:
            yield record
        head = {name: (value or "").strip() for name, value in found.groupdict().items()}
        record = _Record(number, head, [])
        record.add(text[max(found.start("body"), 0) :])
    if record is not None:
        yield record


def turns(
    numbered: Iterator[tuple[int, str]], pattern: re.Pattern[str], unread: Unread
) -> Iterator[Turn]:
    """Every call of a log that names itself, with the answer that is surely its own."""
    waiting = _Waiting(threads="thread" in pattern.groupindex)
    for record in _records(numbered, pattern):
        objects = list(_objects(record.body))
        told = next((one for one in objects if "infcode" in one), None)
        asked = next((one for one in objects if one is not told), None)
        way = record.head.get("way", "").lower().strip("[]()【】:： ")
        if not objects:
            unread.line(record.number, record.body)
        if told is None and (way not in TELLS):
            if objects or way in ASKS:
                yield from waiting.call(record, _request(record, asked), unread)
            continue
        if asked is not None and way not in TELLS:  # both in one record
            yield from waiting.call(record, _request(record, asked), unread)
        yield from waiting.answer(record, told, unread)
    for turn in waiting.rest():
        unread.ends.append((str(turn.asked["msgid"]), str(turn.asked["infno"])))
        yield turn


def _request(record: _Record, asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """A call as the interface has it: what its body lacks, its head may say."""
    made = dict(asked) if asked is not None else {}
    if asked is None:
        for name, place in _NAMED.items():
            if found := place.search(record.body[:HEAD_CHARS_MAX]):
                made[name] = found[1]
    elif not ({"msgid", "infno"} & asked.keys()):
        made = {"input": asked}
    for name in ("msgid", "infno"):
        if not made.get(name) and record.head.get(name):
            made[name] = record.head[name]
    return made


@dataclass(slots=True)
class _Waiting:
    """Calls without an answer yet, in their order."""

    threads: bool
    open: list[tuple[str, Turn]] = field(default_factory=list)

    def call(self, record: _Record, asked: dict[str, Any], unread: Unread) -> Iterator[Turn]:
        thread = record.head.get("thread", "")
        if self.threads:  # who waits in this thread waited in vain
            yield from self._end([one for at, one in self.open if at == thread])
        if not (asked.get("msgid") and asked.get("infno")):
            unread.nameless += 1
        self.open.append((thread, Turn(asked=asked, at=record.head.get("time", ""))))
        if len(self.open) > OPEN_MAX:
            yield from self._end([self.open[0][1]])

    def answer(
        self, record: _Record, told: dict[str, Any] | None, unread: Unread
    ) -> Iterator[Turn]:
        found = self._meant(record, told or {})
        if len(found) == 1:
            found[0].answered, found[0].garbled = told, told is None
        elif not found:
            unread.orphans += 1
        else:
            unread.unclear += 1
            for turn in found:
                turn.garbled = True
        yield from self._end(found)  # what comes next is none of theirs

    def _meant(self, record: _Record, told: Mapping[str, Any]) -> list[Turn]:
        known = {str(told[one]) for one in ("msgid", "inf_refmsgid") if told.get(one)}
        known |= {record.head.get("msgid", "")} - {""}
        if same := [one for _, one in self.open if str(one.asked.get("msgid", "")) in known]:
            return same[-1:]
        thread, infno = record.head.get("thread", ""), record.head.get("infno", "")
        found = [one for at, one in self.open if not self.threads or at == thread]
        if infno:
            found = [one for one in found if str(one.asked.get("infno", infno)) == infno]
        return found

    def _end(self, turns: list[Turn]) -> Iterator[Turn]:
        ended = {id(one) for one in turns}
        self.open = [one for one in self.open if id(one[1]) not in ended]
        yield from (one for one in turns if one.asked.get("msgid") and one.asked.get("infno"))

    def rest(self) -> Iterator[Turn]:
        """Those that never got one."""
        yield from self._end([one for _, one in self.open])


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Each JSON object of a body; of XML its members, and JSON that stands inside."""
    start = _START.search(text)
    if start is None:
        return
    if start[0] == "<" and (found := _of_xml(text[start.start() :])):
        yield found
        return
    decoder, at = json.JSONDecoder(), text.find("{", start.start())
    for _ in range(OBJECTS_MAX):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            quoted = at > 0 and text[at - 1] == '"' and _quoted(decoder, text, at - 1)
            if quoted:
                yield quoted
            return  # cut off or spoiled: what stands inside is a part of it
        if isinstance(value, dict):
            yield _unwrapped(value)
        at = text.find("{", end)


def _quoted(decoder: json.JSONDecoder, text: str, at: int) -> dict[str, Any]:
    """JSON in a string of JSON."""
    try:
        value = json.loads(decoder.raw_decode(text, at)[0])
    except (ValueError, TypeError, RecursionError):
        return {}
    return _unwrapped(value) if isinstance(value, dict) else {}


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Without an envelope of one member, such as ``{"request": {...}}``, in a string or not."""
    while len(value) == 1 and not {"infno", "infcode", "msgid"} & value.keys():
        inner = next(iter(value.values()))
        if isinstance(inner, str) and inner[:1] == "{":
            try:
                inner = json.loads(inner)
            except (ValueError, RecursionError):
                return value
        if not isinstance(inner, dict):
            return value
        value = inner
    return value


def _of_xml(text: str) -> dict[str, Any]:
    """The members of XML by the names of their elements; the first of a name counts."""
    plain = _CDATA.sub(lambda found: html.escape(found[1], quote=False), text)
    for _ in range(2):  # XML as text in XML, once
        found: dict[str, Any] = {}
        for name, value in _ELEMENT.findall(plain):
            found.setdefault(name, html.unescape(value).strip())
        inner = next((one for one in found.values() if one[:1] in {"{", "<"}), "")
        if inner[:1] == "{":
            try:
                value = json.loads(inner)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                return _unwrapped(value)
        if {"infno", "infcode", "msgid"} & found.keys() or inner[:1] != "<":
            break
        plain = inner
    if "infcode" in found:
        return {**found, "output": dict(found)}
    return found
