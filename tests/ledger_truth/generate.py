"""Two ledgers whose differences are known: the truth is fixed by row id before any noise.

Imports nothing of the reconciler. Every kind builds its own people, visits and ids, so that no two
kinds touch but those of ``_together``, which share a visit; the class of each row stands beside it
before rows are shuffled, columns reordered or ids rewritten.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

HEADER = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "psn_cash_pay",
    "setl_time",
    "refd_setl_flag",
    "clr_type",
    "insutype",
    "clr_optins",
    "medins_setl_id",
    "msgid",
)


@dataclass(frozen=True)
class Row:
    setl_id: str
    mdtrt_id: str
    psn_no: str
    fee: int
    fund: int
    acct: int
    at: datetime
    refund: int
    clr_type: str
    insutype: str
    bill: str
    msgid: str
    truth: str = "matched"
    cash: int | None = None

    def cells(self) -> dict[str, str]:
        cash = self.fee - self.fund - self.acct if self.cash is None else self.cash
        return {
            "setl_id": self.setl_id,
            "mdtrt_id": self.mdtrt_id,
            "psn_no": self.psn_no,
            "medfee_sumamt": text(self.fee),
            "fund_pay_sumamt": text(self.fund),
            "acct_pay": text(self.acct),
            "psn_cash_pay": text(cash),
            "setl_time": self.at.strftime("%Y-%m-%d %H:%M:%S"),
            "refd_setl_flag": str(self.refund),
            "clr_type": self.clr_type,
            "insutype": self.insutype,
            "clr_optins": "430100",
            "medins_setl_id": self.bill,
            "msgid": self.msgid,
        }


def text(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


@dataclass
class Ledgers:
    seed: int
    his: list[Row] = field(default_factory=list)
    centre: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.count = 0

    def settle(self) -> Row:
        self.count += 1
        n = self.count
        fee = self.random.randrange(1_000, 900_000)
        fund = self.random.randrange(0, fee // 2)
        acct = self.random.randrange(1, fee // 4)
        if acct == fund:
            acct += 1
        minute = self.random.randrange(8 * 60, 17 * 60)
        at = datetime(2026, 3, 1 + n % 5) + timedelta(minutes=minute, seconds=n % 60)  # noqa: DTZ001
        return Row(
            setl_id=f"4300{self.random.randrange(10**9, 10**10)}{n:06d}",
            mdtrt_id=f"MDT{n:07d}",
            psn_no=f"43{n:012d}",
            fee=fee,
            fund=fund,
            acct=acct,
            at=at,
            refund=0,
            clr_type=self.random.choice(("11", "14", "21")),
            insutype=self.random.choice(("310", "390")),
            bill=f"BILL{n:07d}",
            msgid=f"H43{n:027d}",
        )

    def again(self, row: Row, **changes: object) -> Row:
        """Another settlement of the same visit, with ids of its own."""
        other = self.settle()
        own = {"setl_id": other.setl_id, "bill": other.bill, "msgid": other.msgid}
        return replace(row, **(own | changes))

    def add(self, truth: str, his: list[Row], centre: list[Row]) -> None:
        self.his += [replace(row, truth=truth) for row in his]
        self.centre += [replace(row, truth=truth) for row in centre]


def minus(row: Row, fee: int | None = None) -> Row:
    if fee is None:
        return replace(
            row,
            fee=-row.fee,
            fund=-row.fund,
            acct=-row.acct,
            refund=1,
            at=row.at + timedelta(hours=1),
        )
    fund, acct = row.fund * fee // row.fee, row.acct * fee // row.fee
    return replace(row, fee=-fee, fund=-fund, acct=-acct, refund=1, at=row.at + timedelta(hours=1))


def _harmless(book: Ledgers) -> None:
    row = book.settle()
    book.add("matched", [row], [row])
    # Blanks around an id are how fixed-width columns come out of a database.
    book.add("matched", [replace(row2 := book.settle(), setl_id=row2.setl_id + "  ")], [row2])
    row = book.settle()
    book.add("time_skew", [row], [replace(row, at=row.at + timedelta(minutes=7))])
    row = replace(book.settle(), at=datetime(2026, 3, 3, 23, 59, 58))  # noqa: DTZ001
    book.add("cross_day", [row], [replace(row, at=datetime(2026, 3, 4, 0, 0, 2))])  # noqa: DTZ001
    row = book.settle()
    book.add("refund_pair", [row, minus(row)], [row, minus(row)])
    row = book.settle()
    part = minus(row, row.fee // 3)
    book.add("partial_refund", [row, part], [row, part])
    row = book.settle()
    rest = book.again(row, fee=row.fee - 700, fund=row.fund, acct=row.acct)
    # The hospital books the difference, the centre undoes and settles anew.
    diff = replace(row, fee=-700, fund=0, acct=0, refund=1)
    book.add("partial_refund", [diff], [minus(row), rest])
    book.add("matched", [row], [row])
    # The same of a bill of which the patient paid less in cash than he gets back.
    row = replace(book.settle(), fee=1_310, fund=545, acct=192)
    rest = book.again(row, fee=610)
    diff = replace(row, fee=-700, fund=0, acct=0, refund=1)
    book.add("partial_refund", [diff], [minus(row), rest])
    book.add("matched", [row], [row])
    row = book.settle()
    twin = book.again(row, at=row.at + timedelta(minutes=4), mdtrt_id=book.settle().mdtrt_id)
    book.add("same_person_twice", [row, twin], [row, twin])


def _one_sided(book: Ledgers) -> None:
    book.add("his_only", [book.settle()], [])
    book.add("centre_only", [], [book.settle()])
    row = book.settle()
    book.add("matched", [row], [row])
    book.add("refund_unmatched", [minus(row)], [])
    row = book.settle()
    book.add("matched", [row], [row])
    book.add("refund_unmatched", [], [minus(row)])
    row = book.settle()
    book.add("refund_pair_one_side", [row, minus(row)], [])
    row = book.settle()
    book.add("refund_pair_one_side", [], [row, minus(row)])
    row = book.settle()
    book.add("matched", [row], [row])
    twin = book.again(row, at=row.at + timedelta(minutes=3), mdtrt_id=book.settle().mdtrt_id)
    book.add("same_person_twice_his_only", [twin], [])
    row = book.settle()
    book.add("matched", [row], [row])
    book.add("duplicate_his", [replace(row, at=row.at + timedelta(seconds=4))], [])
    row = book.settle()
    book.add("matched", [row], [row])
    book.add("duplicate_centre", [], [replace(row, at=row.at + timedelta(seconds=9))])
    row = book.settle()
    book.add("matched", [row], [row])
    # A double commit: one visit, one amount, another id and msgid.
    book.add("duplicate_centre", [], [book.again(row, at=row.at + timedelta(minutes=2))])


def _pairs(book: Ledgers) -> None:
    row = book.settle()
    book.add("amount_mismatch", [row], [replace(row, fee=row.fee + 1)])
    row = book.settle()
    book.add("amount_mismatch", [row], [replace(row, fund=row.fund + 500)])
    row = book.settle()
    book.add("swapped_parts", [row], [replace(row, fund=row.acct, acct=row.fund)])
    row = book.settle()
    book.add("matched", [row], [row])
    book.add("partial_refund_differs", [minus(row, row.fee // 3)], [minus(row, row.fee // 4)])
    row = book.settle()
    typo = row.setl_id[:6] + ("7" if row.setl_id[6] != "7" else "3") + row.setl_id[7:]
    book.add("id_suspect", [replace(row, setl_id=typo)], [row])
    row = book.settle()
    book.add("id_suspect", [replace(row, setl_id=row.setl_id.replace("0", "O"))], [row])
    row = book.settle()
    lost = replace(row, setl_id="", msgid="", bill="")
    book.add("id_suspect", [lost], [row])
    row = book.settle()
    book.add("id_suspect", [replace(lost2 := row, setl_id="null", mdtrt_id="")], [lost2])
    row = replace(book.settle(), setl_id=f"00{book.count + 10_000_000}43")
    bare = replace(row, setl_id=row.setl_id.lstrip("0"), msgid="", mdtrt_id="", psn_no="")
    book.add("id_suspect", [bare], [row])
    row = book.settle()
    book.add("state_differs", [row], [replace(row, refund=1)])
    row = book.settle()
    book.add("other_person", [row], [replace(row, psn_no=book.settle().psn_no)])
    row = book.settle()
    book.add("wrong_category", [row], [replace(row, clr_type="99")])
    row = book.settle()
    book.add("wrong_category", [row], [replace(row, insutype="510")])
    row = book.settle()
    blank = replace(row, setl_id="", mdtrt_id="", msgid="", bill="")
    other = book.again(row, mdtrt_id=book.settle().mdtrt_id)
    book.add("ambiguous", [blank], [row, other])
    row = book.settle()
    whole = replace(row, fee=3000, fund=900, acct=600)
    pieces = [book.again(row, fee=1000, fund=300, acct=200) for _ in range(3)]
    book.add("group", pieces, [whole])


def _together(book: Ledgers) -> None:
    """Differences of one visit that add up to nothing, and are differences for all that."""
    row = book.settle()
    less = replace(row, fee=row.fee - 100)
    book.add("amount_mismatch", [row, minus(row)], [less, minus(less)])
    row = book.settle()
    late = {"at": row.at + timedelta(days=1)}
    less = replace(row, fee=row.fee - 100)
    book.add("amount_mismatch", [row, replace(minus(row), **late)],
             [less, replace(minus(less), **late)])  # fmt: skip
    # The bills are equal, their parts are not, neither of the charge nor of what undoes it.
    row = replace(book.settle(), fee=90_000, fund=30_000, acct=5_000)
    other = replace(row, fund=29_000)
    book.add("amount_mismatch", [row, minus(row)], [other, minus(other)])
    # Two of one visit, as mother and child: what one gets back is not the other's.
    row = book.settle()
    other = book.again(row, psn_no=book.settle().psn_no)
    book.add("amount_mismatch", [row], [replace(row, fee=row.fee - 700)])
    book.add("refund_unmatched", [replace(other, fee=-700, fund=0, acct=0, refund=1)], [])
    # Two bills of one visit, one too much and one too little.
    row = book.settle()
    second = book.again(row, fee=row.fee + 5_000)
    book.add("amount_mismatch", [row, second],
             [replace(row, fee=row.fee - 300), replace(second, fee=second.fee + 300)])  # fmt: skip
    part = minus(row := book.settle(), row.fee // 3)
    book.add("partial_refund", [row, part], [row, part])


def generate(seed: int, *, rounds: int = 3, healthy: int = 40) -> Ledgers:
    """Every kind ``rounds`` times among healthy bills."""
    book = Ledgers(seed)
    for _ in range(rounds):
        _harmless(book)
        _one_sided(book)
        _pairs(book)
        _together(book)
    for _ in range(healthy):
        row = book.settle()
        book.add("matched", [row], [row])
    # What a side writes for a refund is a habit; with negative rows a flag alone is a state.
    return book


def write(
    rows: list[Row],
    path: Path,
    *,
    seed: int = 0,
    shuffle: bool = False,
    columns: bool = False,
    encoding: str = "utf-8",
    prefix: str = "",
) -> list[str]:
    """Write one ledger; returns the truth line by line, in file order."""
    luck = random.Random(seed)
    rows = list(rows)
    header = list(HEADER)
    if shuffle:
        luck.shuffle(rows)
    if columns:
        luck.shuffle(header)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, [*header, "opter_name"], lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            cells = row.cells() | {"opter_name": "收费员甲"}
            if prefix and cells["setl_id"] not in {"", "null"}:
                cells["setl_id"] = prefix + cells["setl_id"]
            writer.writerow(cells)
    return [row.truth for row in rows]
