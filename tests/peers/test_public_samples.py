"""Messages that nobody here wrote are read and written byte by byte: those of published packages.

They are the examples and test messages of published packages of HL7 (``hl7``, ``hl7apy``,
``hl7types``), read where ``python/install.py`` puts them, and never copied. What is expected is
found by cutting at the separators that each message names (HL7 2.5.1 §2.5.4), which takes ten lines
and none of ours.
"""

from __future__ import annotations

import ast
import re
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from programs_of import needs

from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SOURCES: Final = Path(__file__).parent / "python" / "published"
"""Source packages as published, with their tests: ``python/install.py`` puts them there."""

PACKAGES: Final = ("hl7", "hl7apy", "hl7types")

FEWEST: Final = 100
FEWEST_FILES: Final = 12
VERSIONS: Final = ("2.1", "2.2", "2.3", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8.2")
"""Fewer were found: then this test looked past them."""

FOLDERS: Final = ("tests", "examples")
READ: Final = frozenset({".py", ".hl7", ".txt"})
"""Kinds of files in which a message stands as it is, or as a literal of Python."""

Reader = Callable[[bytes], Hl7Message]
Value = tuple[bytes, int, bytes]

_NEXT: Final = r"\n[ \t>*]*(?!MSH|[BF]HS|[BF]TS)[A-Z][A-Z0-9]{2}[|].*"
_SEGMENTS: Final = re.compile(rf"(?m)^[ \t>*]*(MSH[|].*(?:{_NEXT})*)")
_HEAD: Final = re.compile(r"MSH([^\w\s])((?:(?!\1)[^\w\s]){4,5})\1")


def files() -> Iterator[Path]:
    """Every text that may hold messages."""
    for folder in FOLDERS:
        found = sorted(SOURCES.glob(f"*/{folder}/**/*"))
        yield from (one for one in found if one.suffix in READ and one.is_file())


def literals(node: ast.AST) -> Iterator[str]:
    """Texts of a program, each as long as it is put together in one expression."""
    text = _joined(node)
    if text is not None:
        yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from literals(child)


def _joined(node: ast.AST) -> str | None:
    """A literal, several with plus signs between them, or a join of a list of them."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=bytes() as data):
            return data.decode("utf-8", "replace")
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts, between = [_joined(left), _joined(right)], ""
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str() as between), attr="join"),
            args=[ast.List(elts=nodes) | ast.Tuple(elts=nodes)],
        ):
            parts = [_joined(one) for one in nodes]
        case _:
            return None
    found = [one for one in parts if one is not None]
    return between.join(found) if len(found) == len(parts) else None


def _parsed(program: str) -> ast.AST:
    """A program of others, whatever the language warns of in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(program)


def messages(path: Path) -> Iterator[bytes]:
    """Each message of a file, its lines ended by CR (HL7 2.5.1 §2.5.1)."""
    data = path.read_bytes()
    if b"MSH|" not in data:
        return
    whole = data.decode("utf-8", "replace")
    for text in literals(_parsed(whole)) if path.suffix == ".py" else [whole]:
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        for found in _SEGMENTS.finditer(lines):
            rows = [row.strip(" \t>*") for row in found[1].split("\n")]
            if _HEAD.match(rows[0]):
                yield "".join(f"{row}\r" for row in rows).encode()


def samples() -> dict[bytes, Path]:
    """Every message once, with the first file that has it."""
    found: dict[bytes, Path] = {}
    for path in files():
        for one in messages(path):
            found.setdefault(one, path)
    return found


def version(message: bytes) -> str:
    """MSH-12, first component."""
    fields = message.split(b"\r")[0].split(message[3:4])
    return fields[11].split(message[4:5])[0].decode() if len(fields) > 11 else ""


def cut(message: bytes) -> list[Value]:
    """Every value that is not empty, by hand: segment, number of its field, bytes."""
    field, encoding = message[3:4], message[4:].split(message[3:4])[0]
    component, repetition, sub = encoding[:1], encoding[1:2], encoding[3:4]
    values = []
    for line in message.split(b"\r")[:-1]:
        name, *rest = line.split(field)
        fields = [field, *rest] if name == b"MSH" else rest
        for number, whole in enumerate(fields, 1):
            literal = name == b"MSH" and number < 3
            pieces = [whole] if literal else [
                one
                for again in whole.split(repetition)
                for part in again.split(component)
                for one in part.split(sub)
            ]  # fmt: skip
            values += [(name, number, one) for one in pieces if one]
    return values


def read(message: bytes, reader: Reader) -> list[Value]:
    """The same as a reader of ours sees it."""
    found = reader(message)
    return [
        (leaf.segment.encode(), leaf.field, found.raw[leaf.begin : leaf.end])
        for leaf in found.leaves()
        if leaf.end > leaf.begin
    ]


def differs(message: bytes, reader: Reader) -> bool:
    """Whether anything is read otherwise, or written back otherwise."""
    return reader(message).raw != message or read(message, reader) != cut(message)


def through(message: bytes) -> list[bytes]:
    """What arrives of a frame, byte by byte."""
    core, out = MllpCore(), MllpCore()
    out.send(Message(payload=message), 0.0)
    for at, byte in enumerate(out.data_to_send()):
        core.receive(bytes([byte]), float(at))
    return [one.payload for one in core.events() if isinstance(one, Message)]


@pytest.fixture(scope="module")
def public() -> dict[bytes, Path]:
    for name in PACKAGES:
        found = [one.name for one in SOURCES.glob(f"{name}-*")]
        needs(f"sources of {name}", "".join(found))
    return samples()


def test_there_are_many_of_every_version(
    public: dict[bytes, Path], record_property: Callable[[str, str], None]
) -> None:
    versions = Counter(version(one) for one in public)
    named = {one: count for one, count in sorted(versions.items()) if one in VERSIONS}
    counts = f"{len(public)} messages, {len(set(public.values()))} files, {named}"
    record_property("samples", counts)
    print(counts)

    assert len(public) >= FEWEST, counts
    assert len(set(public.values())) >= FEWEST_FILES, counts
    assert set(VERSIONS) - set(versions) == set(), counts


def test_public_messages_are_read_and_written_byte_for_byte(public: dict[bytes, Path]) -> None:
    assert [path.name for one, path in public.items() if differs(one, Hl7Message.parse)] == []
    assert [path.name for one, path in public.items() if through(one) != [one]] == []


def test_a_value_that_is_set_to_itself_changes_no_byte(public: dict[bytes, Path]) -> None:
    tried = 0
    for one in public:
        message = Hl7Message.parse(one)
        for leaf in [leaf for leaf in message.leaves() if leaf.end > leaf.begin][:20]:
            raw = one[leaf.begin : leaf.end]
            if (leaf.segment == "MSH" and leaf.field < 3) or b"\\" in raw:
                continue  # what is written with an escape may be written in several ways
            tried += 1
            assert message.set(str(leaf.path), message.text_of(leaf)).raw == one, leaf.path
    assert tried > FEWEST


def _write(out: socket.socket, data: bytes) -> None:
    out.sendall(data)
    out.shutdown(socket.SHUT_WR)


def test_public_messages_arrive_over_a_socket(public: dict[bytes, Path]) -> None:
    sender, receiver = MllpCore(), MllpCore()
    for one in public:
        sender.send(Message(payload=one), 0.0)
    data = sender.data_to_send()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as out,
        server.accept()[0] as near,
    ):
        writing = threading.Thread(target=_write, args=(out, data))
        writing.start()
        while came := near.recv(1_021):  # a prime: frames are cut anywhere
            receiver.receive(came, 0.0)
        writing.join()
    arrived = [one.payload for one in receiver.events() if isinstance(one, Message)]

    assert arrived == list(public)
    assert not [one for one in arrived if differs(one, Hl7Message.parse)]


# -- what shows that these comparisons can fail ----------------------------------------------------


def _other_line_ends(data: bytes) -> Hl7Message:
    return Hl7Message.parse(data.replace(b"\r", b"\r\n"))


def _without_last_field(data: bytes) -> Hl7Message:
    return Hl7Message.parse(re.sub(rb"[^\r|]+\r$", b"\r", data))


@pytest.mark.parametrize("reader", [_other_line_ends, _without_last_field])
def test_a_reader_that_changes_something_differs(public: dict[bytes, Path], reader: Reader) -> None:
    changed = [one for one in public if reader(one).raw != one]

    assert len(changed) >= FEWEST // 2
    assert all(differs(one, reader) for one in changed)


def test_a_reader_that_loses_a_value_differs() -> None:
    message = b"MSH|^~\\&|A|B|||||ACK^A01|1|P|2.3\rMSA|AA|1|x~y&z\r"

    assert read(message, Hl7Message.parse) == cut(message)
    assert cut(message)[-1] == (b"MSA", 3, b"z")
    assert read(message.replace(b"&z", b""), Hl7Message.parse) != cut(message)
    assert version(message) == "2.3"


def test_literals_are_taken_as_long_as_they_are_put_together() -> None:
    program = "a = 'MSH|' + 'x\\r' + \"y\"\nb = '\\r'.join(['p', 'q'])\nc = f(d, b'z')\n"

    assert list(literals(ast.parse(program))) == ["MSH|x\ry", "p\rq", "z"]
