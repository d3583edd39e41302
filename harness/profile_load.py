"""Reading a site profile: from TOML to the model, with every problem at its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Union

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness import resources
from harness.addresses import Resolve
from harness.errors import InputError, InputErrors, ProfileError
from harness.i18n import tr
from harness.link import reach
from harness.profile_check import Problem, check, nearest
from harness.profile_lines import Lines
from harness.profile_model import Profile
from harness.profile_values import SECRET_WORDS, WrongValueError

SHIPPED = ("builtin", "builtin-serial", "memory")
"""Profiles that come with the project and are called by name."""

PROFILE_BYTES_MAX = 1024 * 1024
"""Five hundred endpoints of a kilobyte each, twice over."""

PLACEHOLDERS: Mapping[str, Any] = {"format": 1, "name": "-", "environment": "test"}
"""What stands in for a wrong or missing key at the top while the rest is checked."""

Loc = tuple[str | int, ...]


def load_profile(path_or_name: str | Path, *, resolve: Resolve = reach.resolve) -> Profile:
    """Read and check a site profile.

    Args:
        path_or_name: a file, or the name of a shipped profile, such as ``builtin``.
        resolve: addresses of a host name; asked only where addresses are forbidden.

    Raises:
        InputErrors: everything that is wrong, each a ``ProfileError`` at ``file:line``.

    Example:
        >>> load_profile("builtin").systems["LIS"].mode.value
        'simulated'
    """
    path = _path(path_or_name)
    data = _bytes(path)
    text, raw = _parse(path, data)
    profile, problems = _model(raw)
    if profile is not None:
        systems = {str(role) for role in _table(raw, "systems")}
        problems += check(profile, systems, path.parent, resolve)
    if problems:
        raise InputErrors(_located(path, Lines(text), problems))
    assert profile is not None
    profile.place(path, hashlib.sha256(data).hexdigest())
    return profile


def _path(path_or_name: str | Path) -> Path:
    if str(path_or_name) in SHIPPED:
        return resources.fixture("profiles", f"{path_or_name}.toml")
    path = Path(path_or_name)
    if not path.is_file():
        remedy = tr("use one of: {known}", known=", ".join([*SHIPPED, tr("a file")]))
        if path.suffix:
            remedy = tr("write one with: medharness init {path}", path=path)
        raise _one(path, tr("no such profile: {name}", name=path_or_name), remedy=remedy)
    return path.absolute()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(PROFILE_BYTES_MAX + 1)
    except OSError as error:
        raise _one(path, tr("cannot be read: {why}", why=error.strerror)) from None
    if len(data) > PROFILE_BYTES_MAX:
        raise _one(path, tr("a profile may have {most} bytes", most=PROFILE_BYTES_MAX))
    return data


def _parse(path: Path, data: bytes) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _one(path, tr("the file is not UTF-8"), line=line,
                   remedy=tr("save the file as UTF-8")) from None  # fmt: skip
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else text.rstrip().count("\n") + 1
        raise _one(path, tr("not TOML: {why}", why=error), line=line) from None
    except RecursionError:
        raise _one(path, tr("not TOML: {why}", why=tr("nested too deeply")), line=1) from None


def _one(path: Path, message: str, *, line: int = 0, remedy: str = "") -> InputErrors:
    where = f"{path}:{line}" if line else str(path)
    return InputErrors([ProfileError(message, where=where, remedy=remedy)])


def _model(raw: dict[str, Any]) -> tuple[Profile | None, list[Problem]]:
    """The model and its problems.

    Where there are problems, what is wrong is taken out and the rest read again, so that the
    checks over several keys still find what else is wrong.
    """
    try:
        return Profile.model_validate(raw), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(detail) for detail in _without_echoes(details)]
    rest = deepcopy(raw)
    for detail in details:
        _take_out(rest, detail)
    try:
        return Profile.model_validate({**PLACEHOLDERS, **rest}), problems
    except ValidationError:
        return None, problems


def _without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One problem a key: each alternative of a union complains for itself."""
    seen: dict[Loc, ErrorDetails] = {}
    for detail in details:
        seen.setdefault(_key_path(detail["loc"]), detail)
    return list(seen.values())


def _key_path(loc: Loc) -> Loc:
    """The path of the key in the file: without the marks that pydantic puts between."""
    path: list[str | int] = []
    model: Any = Profile
    for part in loc:
        if part == "[key]" or model is None:
            break
        path.append(part)
        model = _below(model, part)
    return tuple(path)


def _below(model: Any, part: str | int) -> Any:
    """What stands under one key of a model or a dict; None where no key can follow."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        field = fields.get(str(part))
        return None if field is None else _plain(field.annotation)
    return _plain(typing.get_args(model)[1])


def _plain(annotation: Any) -> Any:
    """The table type behind ``Annotated`` and ``| None``."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in {Union, types.UnionType}:
        tables = [_plain(one) for one in typing.get_args(annotation) if one is not type(None)]
        return tables[0] if len(tables) == 1 else None
    if typing.get_origin(annotation) is dict:
        return annotation
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None


def _known_keys(path: Loc) -> set[str]:
    """The keys that the closed table at ``path`` may hold."""
    model: Any = Profile
    for part in path:
        model = _below(model, part)
    assert issubclass(model, BaseModel)
    return {field.alias or name for name, field in model.model_fields.items()}


def _problem(detail: ErrorDetails) -> Problem:
    path = _key_path(detail["loc"])
    key = str(path[-1]) if path else ""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(path, key)
        case "missing":
            table = ".".join(str(part) for part in path[:-1])
            return Problem(path=path, message=tr("the key “{key}” is missing", key=key),
                           remedy=tr("add it to [{table}]", table=table) if table
                           else tr("add it at the top of the file"))  # fmt: skip
        case "enum" | "literal_error":
            return _wrong_word(path, key, detail)
        case "value_error" if isinstance(context.get("error"), WrongValueError):
            refusal = context["error"]
            named = key in refusal.message
            message = refusal.message if named else f"{key}: {refusal.message}"
            return Problem(path=path, message=message, remedy=refusal.remedy)
    return Problem(path=path, message=_form(key, detail))


def _unknown_key(path: Loc, key: str) -> Problem:
    remedy = nearest(key, _known_keys(path[:-1]))
    if SECRET_WORDS.search(key):
        remedy = tr("a secret goes into the environment; name its variable in a key ending in _env")
    return Problem(path=path, message=tr("unknown key “{key}”", key=key), remedy=remedy)


def _wrong_word(path: Loc, key: str, detail: ErrorDetails) -> Problem:
    expected = set(re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", ""))))
    given = detail["input"]
    message = tr("“{key}” cannot be “{value}”", key=key, value=str(given)[:40])
    if not expected:
        return Problem(path=path, message=message,
                       remedy=tr("use one of: {known}",
                                 known=detail.get("ctx", {}).get("expected", "")))  # fmt: skip
    return Problem(path=path, message=message, remedy=nearest(str(given), expected))


def _form(key: str, detail: ErrorDetails) -> str:
    """What form a value must have; the value itself is never repeated."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    kind = detail["type"]
    if kind in {"string_type", "string_sub_type"}:
        return tr("“{key}” must be a text in quotes", key=key)
    if kind in {"int_type", "int_from_float", "float_type"}:
        return tr("“{key}” must be a number without quotes", key=key)
    if kind == "bool_type":
        return tr("“{key}” must be true or false", key=key)
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return tr("“{key}” must be a table", key=key)
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        bound = next(iter(context.values()))
        sign = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}[next(iter(context))]
        return tr("“{key}” must be {sign} {bound}", key=key, sign=sign, bound=bound)
    if kind == "string_pattern_mismatch":
        return tr("“{key}” must have the form {pattern}", key=key, pattern=context["pattern"])
    if kind in {"string_too_short", "too_short"}:
        return tr("“{key}” must not be empty", key=key)
    if kind in {"string_too_long", "too_long"}:
        return tr("“{key}” is longer than {most}", key=key, most=context["max_length"])
    return f"{key}: {detail['msg']}"


def _take_out(raw: dict[str, Any], detail: ErrorDetails) -> None:
    """Remove what is wrong: an unknown key alone, or the whole entry around a wrong one."""
    path = _key_path(detail["loc"])
    if detail["type"] != "extra_forbidden":
        path = path[:2]
    table: Any = raw
    for part in path[:-1]:
        table = table.get(part, {})
    table.pop(path[-1], None)


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, dict) else {}


def _located(path: Path, lines: Lines, problems: Sequence[Problem]) -> list[InputError]:
    def line(problem: Problem) -> int:
        return lines.of(problem.path)

    return [
        ProfileError(
            problem.message,
            where=problem.file or f"{path}:{line(problem)}",
            remedy=problem.remedy,
        )
        for problem in sorted(problems, key=line)
    ]
