r"""A playbook for a core: what it is given, what it must say, line by line, in virtual time.

A transcript is a text file; ``#`` begins a comment, which names the clause it was typed from.

    config side=instrument cut=cut-at-240     how the core is set up
    quiet RecordReceived FrameReceived        events that this transcript does not list
    == Message H|\^&<CR>L|1|N<CR>             the owner asks (Message, Accept, Refuse, ...)
    >> <ACK>                                  the peer says
    << <ENQ>                                  the core must say, exactly, before the next line
    @ 15                                      time goes on to 15 s; each deadline is met exactly
    .. 30                                     the next deadline must be this
    !! SendFailed reason=enq-timeout          the core must report; only what is named is compared
    -- eof                                    the peer closes

Control characters are written ``<ENQ>``, other bytes ``<hB0>``. A dialogue that fails prints both
columns: what was expected, and what happened.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from harness.wire import astm_link
from harness.wire.core import Core, Event, Message, Violation

NAMES = {
    "NUL": 0, "STX": 2, "ETX": 3, "EOT": 4, "ENQ": 5, "ACK": 6, "LF": 10, "CR": 13, "NAK": 21,
    "ETB": 23,
}  # fmt: skip
_CODES = {code: name for name, code in NAMES.items()}


def to_bytes(text: str) -> bytes:
    """The bytes that a line of a transcript stands for."""
    out = bytearray()
    for token in re.findall(r"<[A-Z]+>|<h[0-9A-F]{2}>|[ -~]", text):
        if token.startswith("<h"):
            out.append(int(token[2:4], 16))
        elif len(token) > 1:
            out.append(NAMES[token[1:-1]])
        else:
            out += token.encode("ascii")
    return bytes(out)


def to_text(data: bytes) -> str:
    """Bytes as a transcript writes them."""
    return "".join(
        f"<{_CODES[byte]}>" if byte in _CODES
        else chr(byte) if 0x20 <= byte < 0x7F
        else f"<h{byte:02X}>"
        for byte in data
    )  # fmt: skip


class Dialogue:
    """Plays lines against a core and compares as it goes."""

    def __init__(self, core: Core, quiet: frozenset[str] = frozenset(), chunk: int = 0) -> None:
        self.core = core
        self.quiet = quiet
        self.chunk = chunk
        self.now = 0.0
        self.rows: list[tuple[str, str, bool]] = []
        self._said = b""
        self._reported: list[Event] = []

    def play(self, lines: list[str]) -> None:
        """Play everything, then require that nothing was said that no line expects."""
        for line in lines:
            self.line(line)
        self._nothing_left()

    def line(self, line: str) -> None:
        """Play one line."""
        mark, _, rest = line.partition(" ")
        if mark in {"==", ">>", "@", "--"}:
            self._nothing_left()
            self.rows.append((line, line, True))
        {"==": self.ask, ">>": self.hear, "@": self.pass_to, "--": lambda _: self.eof(),
         "<<": self.expect_said, "!!": self.expect_reported, "..": self.expect_deadline,
         }[mark](rest)  # fmt: skip

    def ask(self, rest: str) -> None:
        name, _, argument = rest.partition(" ")
        if name == "Message":
            event: Event = Message(payload=to_bytes(argument))
        else:
            options = dict(one.split("=") for one in argument.split())
            event = getattr(astm_link, name)(**{key: _value(text) for key, text in options.items()})
        self.core.send(event, self.now)
        self._collect()

    def hear(self, rest: str) -> None:
        data = to_bytes(rest)
        size = self.chunk or len(data)
        for at in range(0, len(data), size):
            self.core.receive(data[at : at + size], self.now)
            self._collect()

    def pass_to(self, rest: str) -> None:
        end = float(rest)
        while (due := self.core.next_deadline()) is not None and due <= end:
            self.now = due
            self.core.on_deadline(due)
            self._collect()
        self.now = end

    def eof(self) -> None:
        self.core.receive_eof(self.now)
        self._collect()

    def expect_said(self, rest: str) -> None:
        said, self._said = self._said, b""
        self._compare(f"<< {rest}", f"<< {to_text(said)}", said == to_bytes(rest))

    def expect_deadline(self, rest: str) -> None:
        due = self.core.next_deadline()
        wanted = None if rest == "none" else float(rest)
        self._compare(f".. {rest}", f".. {due}", due == wanted)

    def expect_reported(self, rest: str) -> None:
        event = self._reported.pop(0) if self._reported else None
        name, _, argument = rest.partition(" ")
        wanted = re.findall(r"(\w+)=(\S*)", argument)
        fits = event is not None and _name(event) == name
        fits = fits and all(_shown(getattr(event, key)) == text for key, text in wanted)
        self._compare(f"!! {rest}", f"!! {_describe(event)}", fits)

    def _collect(self) -> None:
        self._reported += [one for one in self.core.events() if _name(one) not in self.quiet]
        self._said += self.core.data_to_send()

    def _nothing_left(self) -> None:
        if self._said:
            self._compare("", f"<< {to_text(self._said)}", False)
        if self._reported:
            self._compare("", f"!! {_describe(self._reported[0])}", False)

    def _compare(self, expected: str, actual: str, same: bool) -> None:
        self.rows.append((expected, actual, same))
        if not same:
            raise AssertionError("\n" + self.columns())

    def columns(self) -> str:
        """The dialogue so far: expected on the left, what happened on the right."""
        width = max(len(left) for left, _, _ in self.rows)
        return "\n".join(
            f"{'  ' if same else '≠ '}{left:{width}}  |  {right}" for left, right, same in self.rows
        )


def _name(event: Event) -> str:
    return event.code if isinstance(event, Violation) else type(event).__name__


def _describe(event: Event | None) -> str:
    if event is None:
        return "(nothing)"
    fields = [one.name for one in dataclasses.fields(event)]
    if isinstance(event, Violation):
        fields = ["clause", "offset", "raw"]
    return " ".join([_name(event), *(f"{one}={_shown(getattr(event, one))}" for one in fields)])


def _shown(value: object) -> str:
    text = to_text(value) if isinstance(value, bytes) else str(value)
    return text.replace(" ", "_")


def _value(text: str) -> object:
    if text in {"True", "False", "None"}:
        return {"True": True, "False": False, "None": None}[text]
    return int(text) if text.isdigit() else text


_TYPES = {
    "cut": astm_link.CutPolicy, "block_end": astm_link.BlockEnd, "numbers": astm_link.NumberPolicy,
    "checksum": astm_link.ChecksumKind, "trailer": astm_link.Trailer,
    "on_interrupt": astm_link.InterruptPolicy, "on_enq": astm_link.EnqPolicy,
    "record_end": to_bytes,
}  # fmt: skip


def load(path: Path) -> tuple[astm_link.AstmLinkConfig, frozenset[str], list[str]]:
    """A transcript: how the core is set up, what it does not list, and its lines."""
    options: dict[str, object] = {}
    quiet: set[str] = set()
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.strip().partition(" ")
        if mark == "config":
            for one in rest.split():
                key, _, text = one.partition("=")
                options[key] = _TYPES.get(key, _value)(text)
        elif mark == "quiet":
            quiet.update(rest.split())
        elif mark and mark != "#":
            lines.append(line.strip())
    assert lines, f"{path.name} is empty"
    return astm_link.AstmLinkConfig(**options), frozenset(quiet), lines


def play(path: Path, chunk: int = 0) -> None:
    """Play one transcript; ``chunk`` bytes at a time where it is not 0."""
    config, quiet, lines = load(path)
    Dialogue(astm_link.AstmLinkCore(config), quiet, chunk).play(lines)
