"""The sequence of a scenario as rows between lifelines, ready to be drawn.

One lifeline a role; messages as arrows, faults on the arrow that they hit, probe answers as notes,
link events small, sentences as bands, silence folded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.report.text import cut
from harness.report.words import link_event

ROWS_MAX: Final = 120
"""Rows of one ladder: five A4 pages; a person follows no more."""

ROLES_MAX: Final = 8
"""Lifelines of one ladder; on A4 the text of more could not be read."""

GAP_S: Final = 1.0
"""A silence above this is folded and told."""

NEAR_S: Final = 1.0
"""A fault lies on the arrow of its connection that is nearest, within this."""

LABEL_COLUMNS: Final = 120
"""Longest label kept; the drawing cuts to the room it has."""

_RANK: Final = {
    "analyzer": 0,
    "modality": 0,
    "device": 0,
    "feed": 1,
    "relay": 2,
    "lis": 3,
    "pacs": 4,
    "ris": 4,
    "his": 6,
    "bridge": 6,
    "emr": 6,
    "centre": 7,
}
"""Order from left to right, as samples and results travel; unknown roles stand before the HIS."""

_RANK_UNKNOWN: Final = 5

_KEYS: Final = ("barcode", "accession", "placer", "setl_id", "patient", "acknowledges")
"""Which correlation names an arrow: the narrowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the ladder.

    Attributes:
        kind: ``message``, ``fault`` (no arrow of its own survived), ``probe``, ``link``,
            ``violation``, ``note``, ``step``, ``gap`` or ``more``.
        n: number of the record; 0 for rows that no record stands behind.
        t: seconds on the clock of the trace.
        clock: civil time, ``HH:MM:SS.mmm``.
        frm: role on the left end of an arrow; the lifeline of a note.
        to: role at its point.
        label: what stands on it.
        light: an acknowledgement or a small event.
        broken: it never arrived.
        bolts: faults drawn on it, as label.
        faults: records of these faults.
    """

    kind: str
    n: int = 0
    t: float = 0.0
    clock: str = ""
    frm: str = ""
    to: str = ""
    label: str = ""
    light: bool = False
    broken: bool = False
    bolts: tuple[str, ...] = ()
    faults: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Lifelines from left to right, and rows from top to bottom; ``dropped`` rows are left out."""

    roles: tuple[str, ...]
    rows: tuple[Row, ...]
    dropped: int = 0


def lay_out(records: Sequence[Record], *, hide: Callable[[str], str] = str) -> Ladder:
    """The ladder of one trace; of whatever it holds, at most ``ROWS_MAX`` records are shown.

    Args:
        records: the trace.
        hide: takes out of a label what must not be shown.
    """
    roles = _roles(records)
    left_out = set(roles[ROLES_MAX:])
    rows = [
        replace(row, label=cut(hide(row.label), LABEL_COLUMNS))
        for record in records
        if (row := _row(record)) is not None
    ]
    drawn = [row for row in rows if not {row.frm, row.to} & left_out]
    bounded, dropped = _bounded(_strike(_fold_probes(drawn), records))
    return Ladder(
        roles=tuple(roles[:ROLES_MAX]),
        rows=tuple(_gaps(bounded)),
        dropped=dropped + len(rows) - len(drawn),
    )


def rank(role: str) -> int:
    """Where a role stands from left to right."""
    name = role.lower()
    return next((at for key, at in _RANK.items() if name.startswith(key)), _RANK_UNKNOWN)


def _roles(records: Sequence[Record]) -> list[str]:
    seen: dict[str, None] = {}
    for record in records:
        if record["kind"] in {"message", "violation", "link", "fault"}:
            seen.update(dict.fromkeys([_text(record, "frm"), _text(record, "to")]))
        elif record["kind"] == "probe":
            seen[_text(record, "role")] = None
    return sorted((role for role in seen if role), key=rank)


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value)


def _base(record: Record, kind: str, label: str) -> Row:
    return Row(
        kind=kind,
        n=int(record["n"]),
        t=float(record["t"]),
        clock=_text(record, "w")[11:23],
        frm=_text(record, "frm") or _text(record, "role"),
        to=_text(record, "to"),
        label=label,
    )


def _row(record: Record) -> Row | None:
    kind = record["kind"]
    if kind == "message":
        light = _text(record, "type").startswith("ACK") or "code" in _corr(record)
        return replace(_base(record, "message", _message_label(record)), light=light)
    if kind == "probe":
        return _base(record, "probe", _probe_label(record))
    if kind == "violation":
        label = f"{_text(record, 'code')} {_text(record, 'clause')}".strip()
        return _base(record, "violation", label)
    if kind == "link":
        event = link_event(_text(record, "event"))
        parts = [_text(record, "link"), event, _text(record, "reason")]
        return replace(_base(record, "link", " ".join(part for part in parts if part)), light=True)
    if kind == "step":
        label = f"{_text(record, 'keyword')} {_text(record, 'text')}".strip()
        return _base(record, "step", label)
    if kind == "fault" and record.get("event") == "fired":
        return replace(_base(record, "fault", _fault_label(record)), broken=True)
    if kind == "fault" and record.get("event") == "healed" and not record.get("conn"):
        return _base(record, "note", tr("fault {id} healed", id=_text(record, "id")))
    if kind == "command" and record.get("outcome"):
        parts = [_text(record, name) for name in ("role", "name", "outcome")]
        return _base(record, "note", " · ".join(part for part in parts if part))
    if kind == "note" and record.get("text"):
        return _base(record, "note", _text(record, "text"))
    return None


def _corr(record: Record) -> dict[str, str]:
    corr = record.get("corr")
    return corr if isinstance(corr, dict) else {}


def _message_label(record: Record) -> str:
    corr = _corr(record)
    kind = _text(record, "type") or _text(record, "protocol")
    key = next((str(corr[name]) for name in _KEYS if corr.get(name)), _text(record, "id"))
    return " ".join(part for part in (kind, str(corr.get("code", "")), key) if part)


def _probe_label(record: Record) -> str:
    name = _text(record, "probe")
    if record.get("outcome") != "ok":
        return tr("probe {name}: {outcome}", name=name, outcome=_text(record, "outcome"))
    return tr("probe {name}: {count} rows", name=name, count=len(record.get("rows") or ()))


def _fault_label(record: Record) -> str:
    parts = [_text(record, "fault_class"), _text(record, "action") or _text(record, "id")]
    return " ".join(part for part in parts if part)


def _fold_probes(rows: Sequence[Row]) -> list[Row]:
    """A probe that is asked again and answers the same is one note, with how often."""
    folded: list[tuple[Row, int]] = []
    for row in rows:
        last = folded[-1] if folded else None
        if last and row.kind == "probe" and (row.label, row.frm) == (last[0].label, last[0].frm):
            folded[-1] = (row, last[1] + 1)
        else:
            folded.append((row, 1))
    return [
        replace(row, label=f"{row.label} ×{count}") if count > 1 else row for row, count in folded
    ]


def _strike(rows: Sequence[Row], records: Sequence[Record]) -> list[Row]:
    """Draw each fault on the arrow that it hit; a fault without one keeps a row of its own."""
    by_number = {record["n"]: record for record in records}
    placed = list(rows)
    for fault in [row for row in rows if row.kind == "fault"]:
        at = _hit(fault, placed, by_number)
        if at < 0:
            placed[placed.index(fault)] = replace(fault, faults=(fault.n,))
            continue
        arrow = placed[at]
        lost = arrow.broken or not by_number[fault.n].get("after")
        placed[at] = replace(
            arrow,
            bolts=(*arrow.bolts, fault.label),
            faults=(*arrow.faults, fault.n),
            broken=lost and bool(by_number[fault.n].get("before")),
        )
        placed.remove(fault)
    return placed


def _hit(fault: Row, rows: Sequence[Row], by_number: dict[int, Record]) -> int:
    """Index of the arrow that a fault hit, or -1."""
    record = by_number[fault.n]
    near = [
        at
        for at, row in enumerate(rows)
        if row.kind == "message"
        and by_number[row.n].get("conn") == record.get("conn")
        and (row.frm, row.to) == (fault.frm, fault.to)
        and abs(row.t - fault.t) <= NEAR_S
    ]
    near.sort(key=lambda at: abs(rows[at].n - fault.n))
    same = [at for at in near if _carries(record, by_number[rows[at].n])]
    if same:
        return same[0]
    # Dropped bytes are on no other arrow than their own.
    return near[0] if near and record.get("after") else -1


_FRAMING: Final = bytes(range(0x20)) + b"\x7f"
"""Characters around a payload in MLLP and LIS01-A2 frames."""


_FRAME_MIN: Final = 8
"""A frame with three characters of text; fewer would be found in any message."""


def _carries(fault: Record, message: Record) -> bool:
    """Whether the fault's bytes hold the message, or a frame of it."""
    payload = unpack(_text(message, "raw")).strip(_FRAMING)
    sides = [unpack(_text(fault, name)).strip(_FRAMING) for name in ("before", "after")]
    if not payload:
        return False
    # A LIS01-A2 frame is one digit, text, CR, ETX or ETB, two hex digits; its text is the message.
    return any(
        payload in side or (len(side) > _FRAME_MIN and side[1:-4] in payload) for side in sides
    )


def _bounded(rows: list[Row]) -> tuple[list[Row], int]:
    """Keep what a reader needs: faults and violations first, then the start and the end."""
    if len(rows) <= ROWS_MAX:
        return rows, 0
    telling = [
        at
        for at, row in enumerate(rows)
        if row.bolts or row.broken or row.kind in {"fault", "violation"}
    ]
    keep = set(telling[: ROWS_MAX // 2])
    room = ROWS_MAX - len(keep)
    keep |= set(range(room // 2)) | set(range(len(rows) - room // 2, len(rows)))
    bounded: list[Row] = []
    skipped = 0
    for at, row in enumerate(rows):
        if at not in keep:
            skipped += 1
            continue
        if skipped:
            bounded.append(Row(kind="more", label=tr("… {count} more", count=skipped), t=row.t))
            skipped = 0
        bounded.append(row)
    return bounded, len(rows) - len(keep)


def _gaps(rows: Sequence[Row]) -> list[Row]:
    """A row that tells the silence, where one is longer than ``GAP_S``."""
    spaced: list[Row] = []
    for row in rows:
        if spaced and row.t - spaced[-1].t > GAP_S and "more" not in {row.kind, spaced[-1].kind}:
            silence = row.t - spaced[-1].t
            label = tr("{seconds} s nothing", seconds=f"{silence:.1f}")
            spaced.append(Row(kind="gap", t=row.t, label=label))
        spaced.append(row)
    return spaced
