"""Bills of payment channels as ledgers: WeChat, Alipay, a bank, the hospital's own platform.

Each channel writes its own heads, marks and sums; they stand in ``fixtures/ledger/channels`` with
what is a guess, and a site gives its own in the table ``[channel_bill]`` of ``--columns``. A bill
comes out as a ledger with the hospital's order number, the amount with the sign of the movement,
and the time; lines keep their numbers, so messages name the line of the bill. The bill's own sums
are checked here: rows that do not add up to them make the run INCOMPLETE.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness import input_files, resources
from harness.digits import whole_number
from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money, sniff
from harness.ledger.columns import COLUMNS_MAX, LINE_CHARS_MAX
from harness.ledger.control import Incomplete
from harness.ledger.sources import Feed

HEAD_LINES_MAX: Final = 20
"""Lines in which the heads are looked for."""

HEADS: Final = (
    "medins_setl_id", "psn_cash_pay", "setl_time", "refd_setl_flag", "channel", "channel_trade_no",
    "channel_refund_no", "channel_state", "channel_fee",
)  # fmt: skip
"""What a bill becomes: the first four are the interface's, the others are carried through."""

LINE_BY_LINE: Final = "#\n"
"""A closing line of no meaning, at which the reader leaves the engine's own way, which would not
count blank lines, and keeps the number of each line."""

_NAME: Final = re.compile(r"\w{1,40}")
_DELIMITERS: Final = (",", "\t", "|", ";")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """How one channel writes its bills; see the TOML files for the meaning of each."""

    name: str
    title: str
    detect: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    refunds: frozenset[str]
    unit: str = "yuan"
    comment: str = ""
    skip: tuple[str, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    summary_required: bool = False
    footer: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Sums:
    """What the rows of a bill come to, in fen; refunds as positive amounts."""

    paid: int = 0
    refunded: int = 0
    paid_rows: int = 0
    refund_rows: int = 0
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """As a file says it."""

    columns: dict[str, str | list[str]] = field(default_factory=dict)
    name: str = "own"
    title: str = ""
    detect: list[str] = field(default_factory=list)
    refund: dict[str, list[str]] = field(default_factory=dict)
    unit: str = "yuan"
    comment: str = ""
    skip: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    summary_required: bool = False
    footer: dict[str, str] = field(default_factory=dict)


def bills(own: Mapping[str, Any] | None = None) -> list[Bill]:
    """The kinds of bill that are known; the site's own first.

    Raises:
        InputError: the site's table cannot be used.
    """
    found = []
    if own:
        base = str(own.get("base", ""))
        shipped = _load(base) if base else {}
        found.append(_bill({**shipped, **own, "detect": own.get("detect", [])}, "[channel_bill]"))
    folder = resources.fixture("ledger", "channels")
    return found + [_bill(_load(path.stem), path.name) for path in sorted(folder.glob("*.toml"))]


def _load(name: str) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise InputError(tr("no such bill layout: {name}", name=name[:40]))
    path = resources.fixture("ledger", "channels", f"{name}.toml")
    with path.open("rb") as stream:
        return tomllib.load(stream)


def _bill(data: Mapping[str, Any], where: str) -> Bill:
    told = input_files.shaped(_Told, data, where)
    if not {"amount", "medins_setl_id"} <= set(told.columns):
        raise InputError(tr("columns need amount and medins_setl_id"), where=where)
    if told.unit not in {"yuan", "fen"}:
        raise InputError(tr("unit is yuan or fen"), where=where)
    return Bill(
        name=told.name,
        title=told.title,
        detect=tuple(told.detect),
        columns={
            name: (heads,) if isinstance(heads, str) else tuple(heads)
            for name, heads in told.columns.items()
        },
        refunds=frozenset(told.refund.get("states", [])),
        unit=told.unit,
        comment=told.comment,
        skip=tuple(told.skip),
        summary=told.summary,
        summary_required=told.summary_required,
        footer=told.footer,
    )


def prepare(feeds: list[Feed], own: Mapping[str, Any] | None, work: Path) -> list[Feed]:
    """The channel's files, bills among them written again as ledgers.

    Raises:
        InputError: a bill without the columns that it needs.
        Incomplete: a bill that does not add up to its own sums, or was cut off.
    """
    kinds = bills(own)
    found: list[Feed] = []
    for number, feed in enumerate(feeds):
        lines = [] if feed.parquet else _rows(feed)
        if lines and _is_summary(lines, kinds):
            continue
        place = _heads(lines, kinds, own=bool(own))
        if place is None:
            found.append(feed)
            continue
        target = work / f"bill.{number}.csv"
        _rewrite(feed, lines, place, target)
        found.append(replace(feed, path=target))
    if not found:
        raise InputError(tr("the archive has no bill with rows, only sums"))
    return found


def _rows(feed: Feed) -> list[list[str]]:
    """Every line as cells; a bill of a month has some ten thousand."""
    encoding, _ = sniff.encoding_of(feed.path)
    csv.field_size_limit(LINE_CHARS_MAX)
    with feed.path.open(encoding=encoding, errors="replace", newline="") as stream:
        head = stream.readline(LINE_CHARS_MAX + 1)
        if len(head) > LINE_CHARS_MAX:
            return []  # the reader says that this is no ledger
        for _ in range(HEAD_LINES_MAX):
            head += stream.readline(LINE_CHARS_MAX)
        delimiter = max(_DELIMITERS, key=head.count)
        stream.seek(0)
        try:
            rows = []
            for text in stream:
                line = text.rstrip("\r\n")
                cells = next(csv.reader([line], delimiter=delimiter), [])
                rows.append([_cell(one) for one in cells])
        except csv.Error:
            return []
    return rows


def _cell(text: str) -> str:
    """Without the marks that channels put before a field so that spreadsheets keep its digits."""
    return text.lstrip("\ufeff").strip(" \t").lstrip("`").strip(" \t")


def _is_summary(lines: Sequence[Sequence[str]], kinds: Sequence[Bill]) -> bool:
    """The second file of an archive, which has sums by shop and no order."""
    return any(
        kind.skip and set(kind.skip) <= set(row) and not set(kind.detect) <= set(row)
        for row in lines[:HEAD_LINES_MAX]
        for kind in kinds
    )


def _heads(
    lines: Sequence[Sequence[str]], kinds: Sequence[Bill], *, own: bool
) -> tuple[Bill, int] | None:
    """Which channel wrote it, and on which line (0 = first) its heads stand."""
    for at, row in enumerate(lines[:HEAD_LINES_MAX]):
        if len(row) > COLUMNS_MAX:
            return None
        for kind in kinds:
            if kind.detect and set(kind.detect) <= set(row):
                return kind, at
    if own and lines:
        wanted = (kinds[0].columns["amount"], kinds[0].columns["medins_setl_id"])
        for at, row in enumerate(lines[:HEAD_LINES_MAX]):
            if all(any(one in row for one in names) for names in wanted):
                return kinds[0], at
    return None


def _rewrite(
    feed: Feed, lines: Sequence[Sequence[str]], place: tuple[Bill, int], target: Path
) -> None:
    kind, head = place
    at = {
        name: next((lines[head].index(one) for one in heads if one in lines[head]), -1)
        for name, heads in kind.columns.items()
    }
    for name in ("amount", "medins_setl_id"):
        if at[name] < 0:
            raise InputError(
                tr("column {name} is missing", name=kind.columns[name][0]),
                where=f"{feed.label}:{head + 1}",
                remedy=tr("name the columns of this bill in [channel_bill] of --columns"),
            )
    sums, body = _Sums(), []
    summed = False
    for row in lines[head + 1 :]:
        text = ",".join(row)
        if kind.comment and text.lstrip().startswith(kind.comment):
            sums.lines.append(text)
        elif kind.summary and row and row[0] == kind.summary["head"]:
            summed = True
            sums.lines.append("")
            sums.lines += ["\t".join(one) for one in lines[lines.index(row) :]]
            break
        elif any(row):
            body.append(_row(kind, row, at, sums))
            continue
        body.append([])
    _check(feed, kind, sums, summed=summed)
    _write(target, head, body, whole=summed or bool(sums.lines) or _ended(feed.path))


def _ended(path: Path) -> bool:
    """Whether the last line has its end; without it the reader looks whether it was cut off."""
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) in b"\n\r"


def _write(target: Path, head: int, body: Sequence[list[str]], *, whole: bool) -> None:
    """Heads on the first line, every order on the line that it has in the bill."""
    while body and not body[-1]:
        body = body[:-1]
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADS)
        stream.write("\n" * head)
        for cells in body[:-1]:
            writer.writerow(cells) if cells else stream.write("\n")
        for cells in body[-1:]:
            csv.writer(stream, lineterminator="\n" if whole else "").writerow(cells)
        if whole and (head or not all(body)):
            stream.write(LINE_BY_LINE)


def _row(kind: Bill, row: Sequence[str], at: Mapping[str, int], sums: _Sums) -> list[str]:
    def cell(name: str) -> str:
        place = at.get(name, -1)
        return row[place] if 0 <= place < len(row) else ""

    refund = cell("state") in kind.refunds
    text = cell("amount")
    if refund and at.get("refund_amount", -1) >= 0 and money.fen(cell("refund_amount")):
        text = cell("refund_amount")
    amount = _fen(kind, text)
    if amount is None:
        shown = text
    else:
        refund = refund or amount < 0
        size = abs(amount)
        shown = money.yuan(-size if refund else size)
        if refund:
            sums.refunded, sums.refund_rows = sums.refunded + size, sums.refund_rows + 1
        else:
            sums.paid, sums.paid_rows = sums.paid + size, sums.paid_rows + 1
    return [
        cell("medins_setl_id"), shown, cell("setl_time"), "1" if refund else "0", kind.name,
        cell("trade_no"), cell("refund_no"), cell("state"), cell("fee"),
    ]  # fmt: skip


def _fen(kind: Bill, text: str) -> int | None:
    if kind.unit == "yuan":
        return money.fen(text)
    plain = money.tidy(text)
    return int(plain) if re.fullmatch(r"[+-]?\d{1,16}", plain) else None


def _check(feed: Feed, kind: Bill, sums: _Sums, *, summed: bool) -> None:
    """The bill against its own sums.

    Raises:
        Incomplete: they do not hold, or are not there though this channel always writes them.
    """
    problem = ""
    if kind.summary and summed:
        problem = _against_summary(kind, sums)
    elif kind.summary_required or (kind.comment and kind.footer and not sums.lines):
        problem = tr("the lines with the sums of the bill are missing: it was cut off")
    for name, pattern in kind.footer.items():
        found = re.search(pattern, "\n".join(sums.lines))
        if found is None:
            continue
        rows, total = (
            (sums.paid_rows, sums.paid) if name == "paid" else (sums.refund_rows, sums.refunded)
        )
        declared = money.fen(found[2])
        if int(found[1]) != rows or declared is None or abs(declared) != total:
            problem = _differs(found[1], rows, found[2], total)
    if problem:
        raise Incomplete(f"{feed.label}: {problem}", where=feed.label)


def _against_summary(kind: Bill, sums: _Sums) -> str:
    """WeChat: a row of heads and a row of sums behind the last order."""
    block = [line.split("\t") for line in sums.lines if line]
    if len(block) < 2 or len(block[1]) < len(block[0]):
        return tr("the lines with the sums of the bill are missing: it was cut off")
    told = dict(zip(block[0], block[1], strict=False))
    rows = sums.paid_rows + sums.refund_rows
    count = told.get(str(kind.summary["count"]), "")
    if whole_number(count) != rows:
        return _differs(count, rows, "", sums.paid)
    for name, total in (("amount", sums.paid), ("refund_amount", sums.refunded)):
        text = next((told[one] for one in kind.summary[name] if one in told), None)
        if text is not None and money.fen(text) != total:
            return _differs(count, rows, text, total)
    return ""


def _differs(count: str, rows: int, declared: str, total: int) -> str:
    return tr(
        "the bill states {count} rows, {declared} yuan; its rows are {rows}, {total} yuan",
        count=count,
        declared=declared or "?",
        rows=rows,
        total=money.yuan(total),
    )
