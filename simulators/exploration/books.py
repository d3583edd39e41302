"""Whether two ledgers agree, what explains a row that is on one side only, and what a person does.

The comparison reads both stores by SQL of its own. It asks neither the cashier nor the centre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulators.centre.registration import CANCELLED
from simulators.store import Store

OURS: Final = (
    "SELECT medins_setl_id, setl_id, mdtrt_id, psn_no, refd_setl_flag, medfee_fen, fund_fen,"
    " acct_fen, cash_fen, setl_time, clr_type, insutype, clr_optins FROM yb_settlement"
)
THEIRS: Final = (
    "SELECT medins_setl_id, setl_id, mdtrt_id, psn_no, refd_setl_flag,"
    " medfee_sumamt AS medfee_fen, fund_pay_sumamt AS fund_fen, acct_pay AS acct_fen,"
    " psn_cash_pay AS cash_fen, setl_time, clr_type, insutype, clr_optins"
    " FROM settlements WHERE vali_flag = '1'"
)

AT_WORK: Final = ("settling", "unknown", "refunding", "ordering")
"""States in which a flow must be running; at rest no bill has one."""

BALANCED: Final = "0"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """A row that the other side does not have, or not so.

    Attributes:
        side: ``his`` or ``centre``.
        row: as that side has it.
    """

    side: str
    row: Row

    @property
    def told(self) -> str:
        """In one line."""
        row = self.row
        amount = f"{row['medfee_fen'] / 100:.2f}"
        return f"{self.side}: {row['setl_id'] or '-'} {amount} {row['setl_time']}"


def loose(his: Store, centre: Store) -> list[Loose]:
    """Every row without its equal, field by field, on the other side."""
    ours, theirs = his.rows(OURS), centre.rows(THEIRS)
    left = Counter(tuple(row.values()) for row in theirs)
    found = []
    for row in ours:
        key = tuple(row.values())
        if left[key]:
            left[key] -= 1
        else:
            found.append(Loose(side="his", row=row))
    for row in theirs:
        key = tuple(row.values())
        if left[key]:
            left[key] -= 1
            found.append(Loose(side="centre", row=row))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A row that the day end lists.

    Attributes:
        kind: its class.
        cause: read from the log of messages, never from what was planned.
        repair: what was done, or ``manual``.
        setl_id, msgid: whose.
    """

    kind: str
    cause: str
    repair: str
    setl_id: str
    msgid: str


def named(his: Store) -> list[Named]:
    """What the day ends so far have listed."""
    return [
        Named(
            kind=row["class"],
            cause=_cause(his, row),
            repair=row["repair"],
            setl_id=row["setl_id"],
            msgid=row["msgid"],
        )
        for row in his.rows("SELECT * FROM yb_difference ORDER BY id")
    ]


def _cause(his: Store, row: Row) -> str:
    """What the log says about the message of a row."""
    if row["class"] == "hospital_more":
        return "answered as done, and the centre has nothing"
    if row["class"] == "visit":
        return "carried out twice, or its answer was lost or could not be read"
    states = {
        one["state"]
        for one in his.rows("SELECT state FROM yb_log WHERE msgid = ?", (row["msgid"],))
    }
    if not states:
        return "no message of ours"
    if "SUCCESS" in states:
        return "answered as done, and not booked as answered"
    if "FAIL" in states:
        return "answered as failed, and the centre had committed"
    return "the answer was lost"


def explains(one: Named, row: Loose) -> bool:
    """Whether a listed row is about a loose one."""
    same_id = bool(one.setl_id) and one.setl_id == row.row["setl_id"]
    same_message = bool(one.msgid) and one.msgid == row.row["medins_setl_id"]
    return bool(one.kind and one.repair) and (same_id or same_message)


def broken(his: Store, centre: Store) -> list[str]:
    """What must never be at rest, whatever the ledgers say; nothing where all is well."""
    found = []
    for bill in his.rows("SELECT * FROM yb_bill ORDER BY bill_no"):
        number = bill["bill_no"]
        rows = his.rows("SELECT * FROM yb_settlement WHERE bill_no = ?", (number,))
        stands = sum(1 if row["refd_setl_flag"] == "0" else -1 for row in rows)
        wanted = 1 if bill["state"] == "settled" else 0
        if bill["state"] in AT_WORK:
            found.append(f"{number} rests as {bill['state']}")
        elif bill["state"] != "manual" and stands != wanted:
            found.append(f"{number} is {bill['state']} with {stands} settlements")
        total = sum(row["medfee_fen"] for row in rows)
        if stands == 1 and total != bill["total_fen"]:
            found.append(f"{number} comes to {bill['total_fen']} fen and is settled for {total}")
    twice = centre.rows(
        "SELECT v.ipt_otp_no AS bill_no, COUNT(*) AS n FROM settlements AS s"
        " JOIN visits AS v ON v.mdtrt_id = s.mdtrt_id WHERE s.vali_flag = '1'"
        " AND s.undone = '0' AND s.refd_setl_flag = '0' GROUP BY v.ipt_otp_no HAVING COUNT(*) > 1"
    )
    return [*found, *(f"{row['bill_no']} stands {row['n']} times" for row in twice)]


def visits_left(his: Store, centre: Store) -> list[str]:
    """Registrations and admissions at the centre that no bill of ours knows; they move no money."""
    known = {row["mdtrt_id"] for row in his.rows("SELECT mdtrt_id FROM yb_bill")}
    rows = centre.rows(
        "SELECT mdtrt_id, ipt_otp_no FROM visits WHERE state <> ? ORDER BY mdtrt_id", (CANCELLED,)
    )
    return [
        f"{row['ipt_otp_no']}: {row['mdtrt_id']}" for row in rows if row["mdtrt_id"] not in known
    ]


def unbalanced(his: Store) -> list[str]:
    """Buckets whose latest totals the centre does not confirm."""
    rows = his.rows(
        "SELECT day, insutype, clr_type, clr_optins, stmt_rslt FROM yb_day AS d WHERE id ="
        " (SELECT MAX(id) FROM yb_day WHERE day = d.day AND insutype = d.insutype"
        " AND clr_type = d.clr_type AND clr_optins = d.clr_optins)"
    )
    return [
        f"{row['day']} {row['insutype']} {row['clr_type']}"
        for row in rows
        if row["stmt_rslt"] != BALANCED
    ]


Reverse = Callable[[str, str], Mapping[str, Any]]
"""Takes a settlement back at the centre: number of the bill, ``setl_id``; its ``setlinfo``."""


def by_hand(
    his: Store, rows: Sequence[Loose], listed: Sequence[Named], reverse: Reverse
) -> Sequence[str]:
    """Do what the day end leaves to a person; what came of it: ``done`` or ``refused`` a row.

    A settlement that only the HIS has is struck out together with its refund, if there is one. A
    refund that only the HIS has is carried out at the centre, whose id and time its row then gets;
    the centre refuses that while a later settlement of the stay stands.
    """
    results = []
    for loose_row in rows:
        found = next((one for one in listed if explains(one, loose_row)), None)
        if found is None or found.repair != "manual" or found.kind != "hospital_more":
            continue
        key = (loose_row.row["setl_id"], loose_row.row["medins_setl_id"])
        own = his.rows("SELECT * FROM yb_settlement WHERE setl_id = ? AND medins_setl_id = ?", key)
        for row in own:
            back = row["refd_setl_flag"] == "1"
            results.append(_reversed(his, row, reverse) if back else _struck_out(his, row))
    return results


def _struck_out(his: Store, row: Row) -> str:
    later = his.rows(
        "SELECT id, refd_setl_flag FROM yb_settlement WHERE bill_no = ? AND id > ? ORDER BY id",
        (row["bill_no"], row["id"]),
    )
    refund = later[:1] if later and later[0]["refd_setl_flag"] == "1" else []
    statements: list[tuple[str, Sequence[Any]]] = [
        ("DELETE FROM yb_settlement WHERE id = ?", (one["id"],)) for one in (row, *refund)
    ]
    if len(later) == len(refund):  # nothing was settled since
        statements.append(
            ("UPDATE yb_bill SET state = 'failed' WHERE bill_no = ?", (row["bill_no"],))
        )
    his.commit(statements)
    return "done"


def _reversed(his: Store, row: Row, reverse: Reverse) -> str:
    """The settlement before a refund of the HIS is the one that it takes back."""
    before = his.rows(
        "SELECT setl_id FROM yb_settlement WHERE bill_no = ? AND id < ? ORDER BY id DESC LIMIT 1",
        (row["bill_no"], row["id"]),
    )
    info = reverse(row["bill_no"], before[0]["setl_id"])
    if not info:
        return "refused"
    sql = "UPDATE yb_settlement SET setl_id = ?, setl_time = ?, medins_setl_id = ? WHERE id = ?"
    latest = [str(info.get(name, "")) for name in ("setl_id", "setl_time", "medins_setl_id")]
    his.commit([(sql, (*latest, row["id"]))])
    return "done"
