"""Edits of a file that is good: what a person, an editor or a broken disk makes of it.

Bytes that are not random but nearly right come past the first look of a reader: a value of another
kind, a key that is gone, a cell too many.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from random import Random
from typing import Any, Final

ODD: Final = (
    None, True, 0, -1, 1.5, 10**30, math.nan, "", " ", "甲", "x" * 3000, "../x", "a\x00b", "1e999",
    "２", "9" * 5_000, "9" * 5_000 + ".00", [], {}, [1], ["a", "a"], [[]], {"a": 1}, {"": {}}, [{}], date(2026, 1, 5),
)  # fmt: skip
"""What stands where something else is wanted."""


DEEP: Final = 20_000
"""Brackets in brackets: more than any reader can follow."""


LONG: Final = "9" * 140_000
"""A cell beyond what Python's reader of tables takes unasked."""


def bent(data: bytes, random: Random) -> bytes:
    """Bytes changed, cut out, doubled or put in."""
    made = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(made) + 1)
        size = random.choice((1, 1, 2, 8, 64))
        match random.randrange(5):
            case 0:
                made[at : at + size] = random.randbytes(size)
            case 1:
                del made[at : at + size]
            case 2:
                made[at:at] = made[at : at + size]
            case 3:
                made[at:at] = random.choice(
                    (b"\x00", b"\xff\xfe", b"\r\n", b'"', b"[", "甲".encode("gbk"))
                )
            case _:
                del made[at:]
    return bytes(made)


def other_tree(tree: Any, random: Random) -> Any:
    """One place of a tree changed, at any depth."""
    places = list(_places(tree, ()))
    where = random.choice(places)
    return _with(tree, where, random)


def _places(tree: Any, where: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    found = [where]
    pairs = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in pairs:
        found += _places(value, (*where, key))
    return found


def _with(tree: Any, where: tuple[Any, ...], random: Random) -> Any:
    if not where:
        return random.choice(ODD)
    key, rest = where[0], where[1:]
    made = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        made[key] = _with(made[key], rest, random)
        return made
    match random.randrange(4):
        case 0:
            del made[key]
        case 1 if isinstance(made, dict):
            made["unknown"] = made.pop(key)
        case 1:
            made.append(made[key])
        case _:
            made[key] = random.choice(ODD)
    return made


def toml_of(data: Mapping[str, Any]) -> bytes:
    """TOML of a tree, every table inline."""
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in data.items()).encode()


def _key(name: object) -> str:
    return json.dumps(str(name), ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _key(value) if value is None or isinstance(value, str) else repr(value)


def toml(data: bytes, random: Random) -> bytes:
    """A TOML file with one value, key or table that is another."""
    tree = other_tree(tomllib.loads(data.decode("utf-8-sig")), random)
    return toml_of(tree) if isinstance(tree, dict) else _toml(tree).encode()


def text_of_json(tree: Any) -> bytes:
    """JSON of a tree; dates as text."""
    return json.dumps(tree, ensure_ascii=False, default=str).encode("utf-8", "replace")


def jsons(data: bytes, random: Random) -> bytes:
    """A JSON file with one value, key or object that is another."""
    return text_of_json(other_tree(json.loads(data), random))


def json_lines(data: bytes, random: Random) -> bytes:
    """A file of JSON lines, one of them changed."""
    lines = data.splitlines()
    at = random.randrange(len(lines))
    lines[at] = jsons(lines[at], random)
    return b"\n".join(lines) + b"\n"


def table(data: bytes, random: Random) -> bytes:
    """A CSV file with a cell, row or column that is another."""
    try:
        encoding, text = "utf-8", data.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding, text = "gb18030", data.decode("gb18030")
    rows = [list(one) for one in csv.reader(io.StringIO(text))]
    row = random.choice(rows)
    match random.randrange(5):
        case 0:
            rows.remove(row)
        case 1:
            rows.append(row[::-1])
        case 2:
            row.insert(
                random.randrange(len(row) + 1), random.choice((str(random.choice(ODD)), LONG))
            )
        case _ if row:
            row[random.randrange(len(row))] = str(random.choice(ODD))
        case _:
            row.append("x")
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator="\n").writerows(rows)
    return made.getvalue().encode(encoding, "replace")


Edit = Callable[[bytes, Random], bytes]

BY_SUFFIX: Final[Mapping[str, Edit]] = {
    ".toml": toml, ".json": jsons, ".jsonl": json_lines, ".csv": table,
}  # fmt: skip


def edited(data: bytes, suffix: str, random: Random) -> bytes:
    """One edit: by the form of the file twice in three; else of its bytes, or of its encoding."""
    by_form, chance = BY_SUFFIX.get(suffix), random.randrange(12)
    if chance == 0:
        return data.decode("utf-8", "replace").encode(
            random.choice(("gb18030", "utf-16")), "replace"
        )
    if chance == 1:
        return random.choice((b"a = ", b"")) + b"[" * DEEP
    if by_form is None or chance < 4:
        return bent(data, random)
    return by_form(data, random)
