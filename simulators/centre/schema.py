"""The interface as data: every transaction, its nodes and fields, and the code lists.

``fixtures/centre/schema/VERSION.json`` holds a whole specification, or its difference to another
one. A request is checked against it in one of three modes; what a published specification
contradicts itself in is tolerated by the wider of its statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import input_files, resources
from harness.errors import InputError
from harness.i18n import tr

CURRENT: Final = "V1.1.27"
"""The newest specification that ships."""

_FIELD: Final = re.compile(
    r"(?P<kind>DT|[CNSDBLX])(?P<length>\d*)(?:,(?P<decimals>\d+))?(?P<marks>[!#]*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a node.

    Attributes:
        code: its name on the wire.
        name: its Chinese name.
        kind: ``C`` text, ``N`` number, ``S`` digits as text, ``D`` date, ``DT`` date and time,
            ``B`` bytes, ``L`` boolean, ``X`` a node inside.
        length: characters, or digits with decimals; 0 is unbounded.
        decimals: of a number.
        required: never empty.
        listed: its values come from the code list of its name.
    """

    code: str
    name: str
    kind: str
    length: int = 0
    decimals: int = 0
    required: bool = False
    listed: bool = False

    def text(self) -> str:
        """The field as the file has it, without its name."""
        size = f"{self.length or ''}" + (f",{self.decimals}" if self.decimals else "")
        return f"{self.kind}{size}{'!' if self.required else ''}{'#' if self.listed else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One table of a transaction.

    Attributes:
        name: its member of ``input`` or ``output``; empty where the fields stand there directly.
        rows: it holds a list of rows.
        part: it lies inside another node, the specification does not say in which.
        fields: by code, in the order of the specification.
    """

    name: str
    rows: bool = False
    part: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One transaction of the interface.

    Attributes:
        infno: its number.
        name: its Chinese name.
        inputs: tables of ``input``.
        outputs: tables of ``output``.
        files: tables of files, by ``file-in`` and ``file-out``.
    """

    infno: str
    name: str
    inputs: tuple[Node, ...] = ()
    outputs: tuple[Node, ...] = ()
    files: Mapping[str, Node] = field(default_factory=dict)

    def sides(self) -> Iterator[tuple[str, Node]]:
        """Every table with its side: ``in``, ``out``, ``file-in``, ``file-out``."""
        yield from (("in", node) for node in self.inputs)
        yield from (("out", node) for node in self.outputs)
        yield from self.files.items()


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """One version of the interface.

    Attributes:
        version: as published, or as its file is named.
        transactions: by number.
        code_lists: by name; value to meaning.
        lengths: the longest statement about fields that the specification contradicts itself in.
    """

    version: str
    transactions: Mapping[str, Transaction]
    code_lists: Mapping[str, Mapping[str, str]]
    lengths: Mapping[str, int]

    def with_codes(
        self, added: Mapping[str, Mapping[str, str]], removed: Mapping[str, tuple[str, ...]]
    ) -> Specification:
        """The same with the code lists of a province."""
        lists = {name: dict(values) for name, values in self.code_lists.items()}
        for name, values in added.items():
            lists.setdefault(name, {}).update(values)
        for name, gone in removed.items():
            for value in gone:
                lists.get(name, {}).pop(value, None)
        return replace(self, code_lists=lists)


@lru_cache(maxsize=8)
def load(version: str = CURRENT) -> Specification:
    """A specification that ships, by version.

    Raises:
        InputError: there is no such version, or its file is broken.
    """
    return _read(_path(version))


def load_any(name: str) -> Specification:
    """A specification that ships, by version, or one by the path of its file.

    Raises:
        InputError: there is no such version or file, or it is broken.
    """
    path = Path(name)
    return _read(path) if path.suffix == ".json" and path.is_file() else load(name)


def changed(
    spec: Specification,
    changes: Sequence[Mapping[str, Any]],
    *,
    version: str,
    added: Mapping[str, Mapping[str, str]] | None = None,
    removed: Mapping[str, tuple[str, ...]] | None = None,
) -> Specification:
    """The same with some fields and codes changed: a version to rehearse.

    Args:
        spec: to begin with.
        changes: as in the files of versions: ``infno``, ``side``, ``node``, ``field``, and what it
            becomes (``was``, ``was_named``); without ``was`` it goes.
        version: its name.
        added: codes by list, with meaning.
        removed: codes by list.

    Raises:
        InputError: a change names what is not there.
    """
    raw: dict[str, Any] = {"version": version, "changes": changes}
    raw |= {"codes_added": added or {}, "codes_removed": removed or {}}
    return _derived(spec, raw, Path(version))


def _read(path: Path) -> Specification:
    raw = _json(path)
    try:
        if "base" in raw:
            return _derived(load(str(raw["base"])), raw, path)
        names = raw["names"]
        return Specification(
            version=raw["version"],
            transactions={
                infno: _transaction(infno, one, names) for infno, one in raw["transactions"].items()
            },
            code_lists=_code_lists(),
            lengths=raw["lengths_tolerated"],
        )
    except InputError as error:
        raise InputError(error.message, where=error.where or str(path),
                         remedy=error.remedy) from error  # fmt: skip
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            tr("this specification cannot be read: {reason}", reason=repr(error)), where=str(path)
        ) from error


def versions() -> list[str]:
    """The versions that ship, in the order of their numbers."""
    found = [path.stem for path in _folder().glob("*.json")]
    return sorted(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])


def _folder() -> Path:
    return resources.fixture("centre", "schema")


def _path(version: str) -> Path:
    if version not in versions():
        raise InputError(
            tr("no specification {version}", version=version), remedy=", ".join(versions())
        )
    return _folder() / f"{version}.json"


def _json(path: Path) -> dict[str, Any]:
    return input_files.shaped(dict[str, Any], input_files.json_of(path), str(path))


def _code_lists() -> dict[str, dict[str, str]]:
    raw = _json(resources.fixture("centre", "dictionaries.json"))
    return {name: dict(one["values"]) for name, one in raw["lists"].items()}


def _transaction(infno: str, raw: Mapping[str, Any], names: Mapping[str, str]) -> Transaction:
    sides: dict[str, list[Node]] = {}
    for table in raw["tables"]:
        node = Node(
            name=table["node"],
            rows=bool(table.get("rows")),
            part=bool(table.get("part")),
            fields={code: parse_field(code, text, names) for code, text in table["fields"].items()},
        )
        sides.setdefault(table["dir"], []).append(node)
    return Transaction(
        infno=infno,
        name=raw["name"],
        inputs=tuple(sides.pop("in", ())),
        outputs=tuple(sides.pop("out", ())),
        files={side: nodes[0] for side, nodes in sides.items()},
    )


def parse_field(code: str, text: str, names: Mapping[str, str]) -> Field:
    """A field as its file writes it: ``C30!# name``.

    Raises:
        ValueError: it is not one.
    """
    short, _, own = text.partition(" ")
    found = _FIELD.fullmatch(short)
    if found is None:
        msg = f"{code}: {text}"
        raise ValueError(msg)
    return Field(
        code=code,
        name=own or names.get(code, code),
        kind=found["kind"],
        length=int(found["length"] or 0),
        decimals=int(found["decimals"] or 0),
        required="!" in found["marks"],
        listed="#" in found["marks"],
    )


def _derived(base: Specification, raw: Mapping[str, Any], path: Path) -> Specification:
    """A specification that is told by its difference to a later one."""
    transactions = dict(base.transactions)
    try:
        for change in raw["changes"]:
            infno = change["infno"]
            transactions[infno] = _changed(transactions[infno], change)
        for infno, one in raw.get("transactions", {}).items():
            transactions[infno] = _transaction(infno, one, raw.get("names", {}))
        for infno in raw.get("without", ()):
            del transactions[infno]
        spec = replace(base, version=raw["version"], transactions=transactions)
        return spec.with_codes(raw.get("codes_added", {}), raw.get("codes_removed", {}))
    except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
        raise InputError(
            tr("this specification cannot be read: {reason}", reason=repr(error)), where=str(path)
        ) from error


def _changed(transaction: Transaction, change: Mapping[str, Any]) -> Transaction:
    """One field was something else, had another name, or was not there."""
    side, name = change["side"], change.get("node", "")
    nodes = list(transaction.inputs if side == "in" else transaction.outputs)
    index = next(at for at, node in enumerate(nodes) if node.name == name)
    fields = dict(nodes[index].fields)
    code, was = change["field"], change.get("was", "")
    before = fields.pop(code, None)
    if was:
        named = {code: before.name} if before is not None else {}
        old_code = change.get("was_named", code)
        fields[old_code] = parse_field(old_code, was, {old_code: named.get(code, old_code)})
    elif before is None:
        raise KeyError(code)
    nodes[index] = replace(nodes[index], fields=fields)
    if side == "in":
        return replace(transaction, inputs=tuple(nodes))
    return replace(transaction, outputs=tuple(nodes))
