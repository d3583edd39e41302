"""Driver configuration of one analyzer (通用设备接口), found by the name that it sends.

An analyzer without a configuration is taken at its word: its codes are our items, nothing is
converted. What real products offer here differs; every key has the default of that case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from harness.errors import InputError
from simulators.hospital.outbox import Statement
from simulators.store import Store, insert, upsert

REPEATS: Final = ("replace-unreviewed", "keep-first", "add-rerun")
"""What becomes of a second final result of an item: the newest stands unless it was reviewed; the
first stands; a person chooses."""

ITEMS_MAX: Final = 20_000
"""Rows of one item map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the item map; numbers are texts, as they were configured."""

    channel: str
    item: str
    factor: str = "1"
    decimals: str = ""
    unit: str = ""
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """How we talk to one analyzer.

    Attributes:
        sender: H.5.1 or MSH-3 without blanks around it.
        encoding: of what it sends and gets.
        id_place: where O records hold the specimen id, as ``field.component``; ``P.4.1`` is in the
            P record before them.
        id_strip: ``""`` nothing, ``blank`` blanks around it, ``zero`` leading zeros too.
        id_suffix: what an aliquot's suffix begins with; from there on the id is cut off.
        code_place: where R records hold the channel; empty: 3.4, else 3.1.
        value_place: where R records hold the value: the field, or one component of it.
        query_place: where Q records hold it.
        echo: where rack and position go back to, ``""`` or ``O.4``.
        query_rack: components of Q.3 that are echoed, as ``first-last``.
        qc_prefix: ids that begin so are quality control; several by comma, as in the next two.
        calibration_prefix: ids of calibrators.
        background_prefix: ids of blank and background checks.
        repeats: one of ``REPEATS``.
        aspect_place: component of R.3 that tells final, interpretation and raw apart, or another
            place as ``field.component``; empty: none.
        aspect_keep: the aspects that are results; the others are kept aside.
        no_value: texts that stand for "not measured".
        decimal_comma: ``yes``: a comma is a decimal point.
        orders_max: specimens in one answer.
        push: orders go down as soon as they are made.
        items: the item map; empty: codes are items.
    """

    sender: str
    encoding: str = "gb18030"
    id_place: str = "3.1"
    id_strip: str = ""
    id_suffix: str = ""
    code_place: str = ""
    value_place: str = "4"
    query_place: str = "3.2"
    echo: str = ""
    query_rack: str = "4-6"
    qc_prefix: str = ""
    calibration_prefix: str = ""
    background_prefix: str = ""
    repeats: str = "replace-unreviewed"
    aspect_place: str = ""
    aspect_keep: str = "F"
    no_value: str = ""
    decimal_comma: str = ""
    orders_max: str = "100"
    push: str = ""
    items: tuple[Item, ...] = ()
    _by_channel: dict[str, Item] = field(init=False, repr=False, compare=False)
    _by_item: dict[str, Item] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = self.items[::-1]  # of several, the first row stands
        object.__setattr__(self, "_by_channel", {row.channel: row for row in rows})
        object.__setattr__(self, "_by_item", {row.item: row for row in rows})

    def channel(self, channel: str) -> Item | None:
        """The row of a channel; without a map, one that changes nothing."""
        if not self.items:
            return Item(channel=channel, item=channel)
        return self._by_channel.get(channel)

    def channel_of(self, item: str) -> str:
        """The channel to order an item by; empty if it is not mapped."""
        if not self.items:
            return item
        row = self._by_item.get(item)
        return "" if row is None else row.channel

    def stripped(self, ident: str) -> str:
        """A specimen id without its padding, and without the suffix of an aliquot."""
        if self.id_suffix and self.id_suffix in ident.strip()[1:]:
            ident = ident[: ident.rindex(self.id_suffix)]
        if self.id_strip == "blank":
            return ident.strip()
        return ident.strip().lstrip("0") if self.id_strip == "zero" else ident

    def kind_of(self, ident: str) -> str:
        """``patient``, or what the id marks: ``control``, ``calibration``, ``background``."""
        marks = (
            ("control", self.qc_prefix),
            ("calibration", self.calibration_prefix),
            ("background", self.background_prefix),
        )
        for kind, prefixes in marks:
            if ident.strip().startswith(tuple(filter(None, prefixes.split(",")))):
                return kind
        return "patient"


SETTINGS: Final = tuple(
    one.name for one in fields(Driver) if one.init and one.name not in {"sender", "items"}
)
"""Keys that ``configure_analyzer`` takes beside ``sender`` and ``items``."""


def load(store: Store, sender: str) -> Driver:
    """The configuration of an analyzer, or the one of a stranger."""
    rows = store.rows("SELECT settings FROM analyzer_driver WHERE sender = ?", (sender,))
    if not rows:
        return Driver(sender=sender)
    found = store.rows(
        "SELECT channel, item, factor, decimals, unit, texts FROM analyzer_item"
        " WHERE sender = ? ORDER BY position",
        (sender,),
    )
    items = [
        Item(**row | {"texts": tuple((one[0], one[1]) for one in json.loads(row["texts"]))})
        for row in found
    ]
    return Driver(sender=sender, items=tuple(items), **json.loads(rows[0]["settings"]))


def pushed_to(store: Store) -> list[Driver]:
    """The analyzers that orders are pushed to."""
    rows = store.rows("SELECT sender FROM analyzer_driver WHERE push = 1 ORDER BY sender")
    return [load(store, row["sender"]) for row in rows]


def configure(args: Mapping[str, Any]) -> list[Statement]:
    """The statements that replace the configuration of one analyzer.

    Raises:
        InputError: a key, value or row that cannot be used.
    """
    sender = str(args.get("sender", "")).strip()
    if not sender:
        raise InputError("an analyzer needs its sender name")
    unknown = sorted(set(args) - {"sender", "items", *SETTINGS})
    if unknown:
        raise InputError(f"a driver has no {', '.join(unknown)}", remedy=", ".join(SETTINGS))
    settings = {name: str(args[name]) for name in SETTINGS if name in args}
    settings["push"] = "1" if settings.get("push", "") in {"1", "true", "True", "yes"} else ""
    if settings.get("repeats", REPEATS[0]) not in REPEATS:
        raise InputError(f"repeats is none of {', '.join(REPEATS)}")
    given = args.get("items", [])
    rows = json.loads(given) if isinstance(given, str) else given
    row = {"sender": sender, "settings": json.dumps(settings, ensure_ascii=False),
           "push": 1 if settings["push"] else 0}  # fmt: skip
    return [
        upsert("analyzer_driver", ["sender"], row),
        ("DELETE FROM analyzer_item WHERE sender = ?", (sender,)),
        *(_item(sender, at, one) for at, one in enumerate(_checked(rows))),
    ]


def _checked(rows: Any) -> Sequence[Mapping[str, Any]]:
    usable = isinstance(rows, list) and all(isinstance(one, Mapping) for one in rows)
    if not usable or len(rows) > ITEMS_MAX or any(not one.get("channel") for one in rows):
        raise InputError("items is a list of rows with channel and item")
    return list(rows)


def _item(sender: str, position: int, row: Mapping[str, Any]) -> Statement:
    texts = row.get("texts") or {}
    pairs = list(texts.items()) if isinstance(texts, Mapping) else [list(one) for one in texts]
    kept = {
        name: "" if row.get(name) is None else str(row[name])  # 0 decimals are some
        for name in ("channel", "item", "decimals", "unit")
    }
    if kept["decimals"] and not kept["decimals"].isdecimal():
        raise InputError(f"decimals {kept['decimals']} is no number")
    kept["factor"] = str(row.get("factor") or "1")
    kept["texts"] = json.dumps(pairs, ensure_ascii=False)
    return insert("analyzer_item", {"sender": sender, "position": position} | kept)
