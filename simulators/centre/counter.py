"""What happens at the centre itself, with this hospital not asking.

A refund at its own counter is in the books like any other; the hospital hears of it only where it
compares (cause 7 of one-sided accounts). An account that is spent elsewhere between trial and
settlement makes the two differ (cause 16).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.wire.envelope import stamp14
from simulators.centre import persons
from simulators.centre.ledger import one
from simulators.centre.transaction import OK, Call

if TYPE_CHECKING:
    from simulators.centre.centre import Centre
    from simulators.centre.transaction import Statement

OFFICIAL: Final = "centre"
"""Operator of what is done there."""

INPATIENT: Final = "2304"


def refund(centre: Centre, psn_no: str) -> str:
    """Take back the latest settlement of a person; returns the id of the refund.

    Args:
        centre: whose counter.
        psn_no: of the person.

    Raises:
        HarnessError: there is nothing to take back, or the centre refuses.
    """
    row = one(
        centre.store,
        "SELECT * FROM settlements WHERE psn_no = ? AND vali_flag = '1' AND undone = '0'"
        " AND refd_setl_flag = '0' ORDER BY setl_time DESC, turn DESC",
        psn_no,
    )
    if row is None:
        raise HarnessError(f"the centre has no settlement of {psn_no} to take back")
    at = centre.time.wall()
    call = Call(
        infno="2305" if row["infno"] == INPATIENT else "2208",
        # A message of its own: the hospital never sent it, and its log does not have it.
        msgid=f"{centre.province.envelope.division_code}{stamp14(at)}{row['turn'] + 1:04d}",
        fixmedins_code=row["fixmedins_code"],
        opter=OFFICIAL,
        input={"data": {name: row[name] for name in ("setl_id", "mdtrt_id", "psn_no")}},
        at=at,
    )
    handled = centre.handlers[call.infno](call, centre.store)
    if handled.answer.infcode != OK:
        raise HarnessError(f"the centre refuses: {handled.answer.err_msg}")
    centre.store.commit(handled.statements)
    return str(handled.answer.output["setlinfo"]["setl_id"])


def arm(centre: Centre, psn_no: str, infno: str) -> None:
    """The account of a person will be spent elsewhere, right after the next such call for them.

    Args:
        centre: that keeps the account.
        psn_no: of the person.
        infno: after which transaction, such as a trial (2206).

    Raises:
        HarnessError: there is nothing to spend.
    """
    if not persons.balance(centre.store, psn_no):
        raise HarnessError(f"the account of {psn_no} is empty: nothing can be spent")
    centre.spent_after[psn_no] = infno


def spent(centre: Centre, call: Call) -> list[Statement]:
    """What changes in the books after this call, if it is the one that was waited for."""
    data = call.input.get("data")
    psn_no = str(data.get("psn_no", "")) if isinstance(data, Mapping) else ""
    if centre.spent_after.get(psn_no) != call.infno:
        return []
    del centre.spent_after[psn_no]
    return [("UPDATE accounts SET balc = 0 WHERE psn_no = ?", [psn_no])]
