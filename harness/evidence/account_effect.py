"""What probes showed of a message: rows that carry its key and say what it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.wire.hl7 import Hl7Message

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ORU": ("item", "value"),
    "OUL": ("item", "value"),
    "astm result": ("item", "value"),
    "OML": ("placer", "item"),
    "ORM": ("placer", "item"),
    "ADT": ("patient_id", "name"),
}
"""By type of message, the columns in which its effect would stand; other types leave none."""

KEYS = (("barcode", ("barcode", "lot")), ("patient", ("patient_id",)))
"""Key of a message, and the columns that hold it: the first key that it has counts."""

NAMED_FOR = {"value": "result", "placer": "order", "name": "patient"}
"""A column, and what stands in the name of a probe that shows it."""

SIGNS = re.compile(r"[|^~\\&\r\n]")
"""The usual signs between the parts of a message; only whole parts are found again."""

BOOKKEEPING = frozenset({"version", "id"})
"""Columns in which two rows of one matter differ by nature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What was seen of a message behind the interface.

    Attributes:
        looked: a probe of the receiver that could show it answered after it was sent, and before
            another message about the same matter that may have taken its place.
        seen_at: number of the first answer that shows it; 0 if none does.
        times: how often it stands in one answer, at most.
    """

    looked: bool = False
    seen_at: int = 0
    times: int = 0


def effect_of(message: Record, records: Sequence[Record]) -> Effect:
    """The effect of a message, from the answers after its first sending."""
    columns = next(
        (names for kind, names in COLUMNS.items() if message["type"].startswith(kind)), ()
    )
    key, holders = _key(message)
    if not columns or not key:
        return Effect()
    parts = _parts(message)
    looked, seen_at, times, replaced = False, 0, 0, False
    for record in records:
        replaced = replaced or _replaces(record, message)
        if not _could_show(record, message, key, columns):
            continue
        looked = looked or not replaced
        showing = [
            tuple(sorted((name, value) for name, value in row.items() if name not in BOOKKEEPING))
            for row in record["rows"]
            if any(row.get(name) == key for name in holders)
            and all(str(row.get(name)) in parts for name in columns)
        ]
        if showing:
            seen_at = seen_at or record["n"]
            times = max(times, *Counter(showing).values())
    return Effect(looked=looked, seen_at=seen_at, times=times)


def _replaces(record: Record, message: Record) -> bool:
    """Another message of that kind about the same matter, sent later the same way."""
    if record["kind"] != "message" or record["n"] <= message["n"]:
        return False
    same = all(record[name] == message[name] for name in ("link", "frm", "type"))
    return bool(same and _key(record) == _key(message) and record["raw"] != message["raw"])


def _key(message: Record) -> tuple[str, tuple[str, ...]]:
    for name, holders in KEYS:
        if message["corr"].get(name):
            return message["corr"][name], holders
    return "", ()


def _could_show(record: Record, message: Record, key: str, columns: Sequence[str]) -> bool:
    """A good answer of a probe at the receiver, asked about this key.

    An answer without rows shows no columns; then the name of the probe tells what it looks at.
    """
    if record["kind"] != "probe" or record["n"] < message["n"]:
        return False
    asked = record["role"] == message["to"] and key in record["args"].values()
    rows = record["rows"]
    shows = all(name in rows[0] for name in columns) if rows else _named_for(record, message)
    return bool(asked and shows and record["outcome"] == "ok")


def _named_for(record: Record, message: Record) -> bool:
    """The probe is named for what the message brings."""
    wanted = next(names for kind, names in COLUMNS.items() if message["type"].startswith(kind))
    return any(NAMED_FOR[name] in record["probe"] for name in wanted if name in NAMED_FOR)


def _parts(message: Record) -> frozenset[str]:
    payload = unpack(message["raw"])
    if message["protocol"] == "hl7":
        encoding = Hl7Message.parse(payload).encoding
    else:
        encoding = message.get("encoding") or "utf-8"
    return frozenset(SIGNS.split(payload.decode(encoding, errors="replace")))
