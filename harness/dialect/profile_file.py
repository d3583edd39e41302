"""The profile as TOML: one line a field and a component, so that differences read well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import input_files
from harness.dialect.profile import (
    FORMAT,
    DialectRule,
    FieldRule,
    PartRule,
    Profile,
    SegmentRule,
)
from harness.errors import InputError
from harness.i18n import tr

HEAD = """\
# The HL7 dialect of a site, learned from {messages} messages. Correct it where it is wrong:
# widen or empty "codes" and "shapes", raise "repeats" or the second "length", lower a "fill" of a
# place that may be empty, write "ignore = true" at a place of which nothing should be said.
"""


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile; an existing file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_lines(profile)) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _lines(profile: Profile) -> Iterator[str]:
    yield HEAD.format(messages=profile.messages)
    yield f"format = {FORMAT}"
    yield f"messages = {profile.messages}"
    for one in profile.dialects.values():
        yield ""
        yield "[[dialect]]"
        for name in ("sender", "type", "seen", "versions", "declared", "written", "delimiters",
                     "line_ends", "escapes", "id_types", "fee"):  # fmt: skip
            yield f"{name} = {_value(getattr(one, name))}"
        for segment in one.segments.values():
            yield ""
            yield "[[dialect.segment]]"
            for name in ("name", "share", "most", "total", "follows"):
                yield f"{name} = {_value(getattr(segment, name))}"
            yield from _list("fields", (_field(each) for each in segment.fields.values()))
            yield from _list("parts", (_part(each) for each in segment.parts.values()))


def _list(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f"{name} = ["
    for row in rows:
        yield f"  {_value(row)},"
    yield "]"


def _field(one: FieldRule) -> dict[str, Any]:
    row: dict[str, Any] = {"at": one.at, "fill": one.fill}
    if one.null:
        row["null"] = one.null
    if one.repeats > 1:
        row["repeats"] = one.repeats
    return row | ({"ignore": True} if one.ignore else {})


def _part(one: PartRule) -> dict[str, Any]:
    row: dict[str, Any] = {"at": one.at, "fill": one.fill, "length": one.length}
    if one.codes:
        row["codes"] = one.codes
    elif one.shapes:
        row["shapes"] = one.shapes
    return row | ({"ignore": True} if one.ignore else {})


def _value(value: Any) -> str:
    """A TOML value; a basic string has the escapes of JSON, and DEL besides."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return str(value)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").isalnum()
    return name if bare else _value(name)


def read_profile(path: Path) -> Profile:
    """Read a profile that was written here and corrected by a person.

    Raises:
        InputError: it cannot be read, or something in it has no sense.
    """
    data = input_files.toml_of(path)
    if data.get("format") != FORMAT or "dialect" not in data:
        raise InputError(tr("this is no HL7 dialect of format {format}", format=FORMAT),
                         where=str(path), remedy="medharness dialect learn")  # fmt: skip
    dialects = {}
    tables = input_files.shaped(list[dict[str, Any]], data["dialect"], f"{path} [[dialect]]")
    for number, each in enumerate(tables, 1):
        try:
            rule = _rule(each)
            dialects[rule.sender, rule.type] = rule
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            told = error.args[0] if error.args else error
            raise InputError(
                tr("dialect {number}: {problem} is missing, unknown or of the wrong kind",
                   number=number, problem=told),
                where=str(path),
            ) from error  # fmt: skip
    messages = input_files.shaped(int, data.get("messages", 0), f"{path} messages")
    return Profile(messages=messages, dialects=dialects)


_LISTS = frozenset({"versions", "declared", "written", "delimiters", "line_ends", "escapes", "fee"})


def _rule(data: Mapping[str, Any]) -> DialectRule:
    rest: dict[str, Any] = {name: data[name] for name in data if name not in {"segment", *_LISTS}}
    rest |= {name: _texts(name, data.get(name, [])) for name in _LISTS}
    segments = [_segment(each) for each in data.get("segment", [])]
    return DialectRule(**rest, segments={one.name: one for one in segments})


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
        raise TypeError(name)
    return tuple(value)


def _segment(data: Mapping[str, Any]) -> SegmentRule:
    fields = [FieldRule(**each) for each in data.get("fields", [])]
    parts = [_part_rule(each) for each in data.get("parts", [])]
    return SegmentRule(
        name=data["name"],
        share=float(data["share"]),
        most=int(data["most"]),
        total=int(data["total"]),
        follows=_texts("follows", data["follows"]),
        fields={one.at: one for one in fields},
        parts={one.at: one for one in parts},
    )


def _part_rule(data: Mapping[str, Any]) -> PartRule:
    rest = {name: value for name, value in data.items() if name not in {"length", "codes"}}
    shortest, longest = data["length"]
    return PartRule(
        **(rest | {"shapes": _texts("shapes", data.get("shapes", []))}),
        length=(int(shortest), int(longest)),
        codes=_texts("codes", data.get("codes", [])),
    )
