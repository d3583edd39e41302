"""What a settlement and its reversal did at the centre, and whether its amounts add up.

Own arithmetic over the answers on the wire, in exact decimals; which amounts belong together is
typed from the rules of settlement (the worked visit of the interface's rules), not from the code
that settles.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from harness.input_files import DAMAGED_ZIP
from harness.selfcheck.wire_yb_look import (
    REVERSING,
    SETTLING,
    UNDO,
    Call,
    Talk,
    number,
)

CENT: Final = Decimal("0.01")
NOT_FUNDS: Final = ("310200", "630100", "640100", "999900", "999996")
"""Kinds of payment among ``setldetail`` that are no fund: accounts, and the hospital's own part."""

BASIC: Final = ("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay",
                "oth_pay")  # fmt: skip
"""The funds that make up ``fund_pay_sumamt``."""

PARTS: Final = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")


def off_by_a_cent(call: Call) -> bool:
    """Some sum in the answer of a settlement misses by exactly a cent, or a balance does."""
    row = call.answer.node("setlinfo")
    found = _differences(row, call.answer.output.get("setldetail"))
    return bool(row) and CENT in {abs(one) for one in found}


def _differences(row: Mapping[str, Any], detail: object) -> list[Decimal]:
    def amount(name: str) -> Decimal:
        return number(row.get(name)) or Decimal()

    total = amount("medfee_sumamt")
    found = [
        total - amount("fund_pay_sumamt") - amount("hosp_part_amt") - amount("psn_part_amt"),
        amount("psn_part_amt") - amount("acct_pay") - amount("psn_cash_pay"),
        amount("fund_pay_sumamt") - sum((amount(name) for name in BASIC), Decimal()),
        total - sum((amount(name) for name in PARTS), Decimal()),
    ]
    if isinstance(detail, list):
        funds = [
            number(one.get("fund_payamt")) or Decimal()
            for one in detail
            if isinstance(one, dict) and one.get("fund_pay_type") not in NOT_FUNDS
        ]
        found.append(amount("fund_pay_sumamt") - sum(funds, Decimal()))
    return found


# -- what became of a call -------------------------------------------------------------------------


def booked(talk: Talk, call: Call) -> bool:
    """The centre carried it out: its ledger has it, or a later answer rests on it."""
    if call.infno in SETTLING:
        return _in_books(talk, call) or _undone(talk, call) or _named_later(talk, call)
    if call.infno in REVERSING:
        return _in_books(talk, call) or _named_later(talk, call)
    return call.infno != UNDO and _undone(talk, call)


def missing(talk: Talk, call: Call) -> bool:
    """The centre did not carry it out, and somebody looked."""
    if call.infno in SETTLING:
        return (_looked(talk, call) or _denied(talk, call)) and not booked(talk, call)
    if call.infno in REVERSING:
        return _looked(talk, call) and not _in_books(talk, call)
    return False


def _looked(talk: Talk, call: Call) -> bool:
    psn_no = call.text("psn_no")
    return talk.seen_by(psn_no)


def _denied(talk: Talk, call: Call) -> bool:
    """The file of a comparison lists the settlement, without a message and without amounts."""
    setl_id = str(call.answer.node("setlinfo").get("setl_id"))
    return any(
        cells[2:4] == [setl_id, "null"] and {*cells[7:]} == {"null"}
        for one in talk.of("9102")
        for cells in file_rows(one.answer.body)
    )


def file_rows(body: bytes) -> list[list[str]]:
    """Lines of a downloaded file, cut at tabs; none where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            texts = [archive.read(name).decode("utf-8") for name in archive.namelist()]
    except DAMAGED_ZIP:
        return []
    return [line.split("\t") for text in texts for line in text.splitlines()]


def _in_books(talk: Talk, call: Call) -> bool:
    return any(one.get("medins_setl_id") == call.msgid for one in talk.books)


def _undone(talk: Talk, call: Call) -> bool:
    """2601 took it back: that it had been booked is what the answer rests on."""
    hollow = talk.hit("F15")
    return any(
        one.text("omsgid") == call.msgid and one.answer.done
        for one in talk.of(UNDO)
        if one not in hollow
    )


def _named_later(talk: Talk, call: Call) -> bool:
    """A later answer of the centre lists it: its message id stands in it.

    Not so the file of a comparison, which lists what the hospital alone has too.
    """
    return any(
        call.msgid.encode() in one.answer.body
        for one in talk.calls
        if one.n > call.n and one.infno not in {UNDO, "9102", call.infno}
    )
