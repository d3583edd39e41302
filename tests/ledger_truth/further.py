"""Ledgers with a third one, fee lines, days that go on and rows that nobody can read.

As in ``generate``: the truth is fixed by row before any noise, and nothing of the reconciler is
imported.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from generate import HEADER, Ledgers, Row, minus, text

LAST_DAY = datetime(2026, 3, 6, 16, 30)  # noqa: DTZ001 - civil time, as ledgers have it
LINE_HEAD = (
    "setl_id", "mdtrt_id", "feedetl_sn", "medins_list_codg", "cnt", "pric", "det_item_fee_sumamt",
)  # fmt: skip


@dataclass
class Books:
    """Two ledgers, what the payment channel took, and the fee lines of both sides.

    Args:
        book: the two ledgers.
        paid: order, fen and truth of each row of the channel.
        lines: by side the fee lines.
        unreadable: by bill the column and the text that nobody can read.
    """

    book: Ledgers
    paid: list[tuple[str, int, str]] = field(default_factory=list)
    lines: dict[str, list[dict[str, str]]] = field(
        default_factory=lambda: {"his": [], "centre": []}
    )
    unreadable: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, truth: str, his: list[Row], centre: list[Row], paid: str = "matched") -> None:
        """Rows of a kind; the channel took the cash part of what the hospital has."""
        self.book.add(truth, his, centre)
        if paid:
            self.paid += [(row.bill, cash(row), paid) for row in his]

    def fee_lines(self, side: str, row: Row, code: str, cnt: int) -> None:
        """Two lines of a bill: one that is always alike, and one of this item and quantity."""
        for number, (item, count, fen) in enumerate((("A", 1, 100), (code, cnt, row.fee - 100)), 1):
            self.lines[side].append({
                "setl_id": row.setl_id, "mdtrt_id": row.mdtrt_id,
                "feedetl_sn": f"{row.bill}-{number}", "medins_list_codg": item, "cnt": str(count),
                "pric": text(fen // count), "det_item_fee_sumamt": text(fen),
            })  # fmt: skip


def cash(row: Row) -> int:
    return row.fee - row.fund - row.acct


def further(seed: int, rounds: int = 4) -> Books:
    """Every kind ``rounds`` times."""
    books = Books(Ledgers(seed))
    for _ in range(rounds):
        _paid(books)
        _itemised(books)
        _later(books)
        _unread(books)
    for _ in range(20):
        row = books.book.settle()
        books.add("matched", [row], [row])
    return books


def _paid(books: Books) -> None:
    book = books.book
    row = book.settle()
    books.add("channel_missing", [row], [], "")
    book.his[-1] = replace(row, truth="channel_missing")
    book.centre.append(replace(row, truth="matched"))
    row = book.settle()
    books.add("matched", [row], [row], "")
    books.paid.append((row.bill, cash(row) + 1, "amount_mismatch"))
    row = book.settle()
    books.add("matched", [row], [row], "")
    half = cash(row) // 2
    books.paid += [(row.bill, half, "matched"), (row.bill, cash(row) - half, "matched")]
    # Paid and settled, and HIS knows nothing; paid for nothing; paid and given back.
    row = book.settle()
    books.add("centre_only", [], [row])
    books.paid.append((row.bill, cash(row), "channel_only"))
    books.paid.append((book.settle().bill, 4_200, "channel_only"))
    gone = book.settle().bill
    books.paid += [(gone, 900, "refund_pair_one_side"), (gone, -900, "refund_pair_one_side")]
    row = book.settle()
    books.add("refund_pair", [row, minus(row)], [row, minus(row)])
    row = book.settle()
    books.add("his_only", [row], [])


def _itemised(books: Books) -> None:
    book = books.book
    for truth, (code, cnt) in (("matched", ("B", 2)), ("detail_differs", ("C", 2)),
                               ("detail_differs", ("B", 1))):  # fmt: skip
        row = book.settle()
        row = replace(row, fee=row.fee // 2 * 2 + 100)
        row = replace(row, fund=row.fee // 4, acct=row.fee // 8)
        books.add(truth, [row], [row])
        books.fee_lines("his", row, "B", 2)
        books.fee_lines("centre", row, code, cnt)
    # A bill of which one side alone has its lines says nothing.
    row = book.settle()
    books.add("matched", [row], [row])
    books.fee_lines("his", row, "B", 1)


def _later(books: Books) -> None:
    row = replace(books.book.settle(), at=LAST_DAY)
    books.add("matched", [row], [row])
    row = replace(books.book.settle(), at=LAST_DAY)
    books.add("carried", [row], [])
    books.add("carried", [], [replace(books.book.settle(), at=LAST_DAY)])


def _unread(books: Books) -> None:
    for column, wrong in (("medfee_sumamt", "1e3"), ("setl_time", "2026-13-40 10:00:00")):
        row = books.book.settle()
        books.add("rejected", [row], [row], "")
        books.unreadable[row.bill] = (column, wrong)
        books.paid.append((row.bill, cash(row), "channel_only"))


def write(books: Books, folder: Path, *, shuffle: bool) -> dict[str, list[str]]:
    """Write all five files; the truth line by line of each ledger, in file order."""
    luck = random.Random(books.book.seed)
    truth = {}
    for side, rows in (("his", books.book.his), ("centre", books.book.centre)):
        if shuffle:
            luck.shuffle(rows)
        cells = [row.cells() | dict([books.unreadable.get(row.bill, ("truth", ""))])
                 for row in rows]  # fmt: skip
        _table(folder / f"{side}.csv", HEADER, cells)
        truth[side] = [row.truth for row in rows]
        lines = list(books.lines[side])
        if shuffle:
            luck.shuffle(lines)
        _table(folder / f"{side}-lines.csv", LINE_HEAD, lines)
    if shuffle:
        luck.shuffle(books.paid)
    paid = [{"setl_id": order, "psn_cash_pay": text(fen)} for order, fen, _ in books.paid]
    _table(folder / "channel.csv", ("setl_id", "psn_cash_pay"), paid)
    return truth | {"channel": [truth for _, _, truth in books.paid]}


def _table(path: Path, header: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="gb18030", newline="") as stream:
        writer = csv.DictWriter(stream, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
