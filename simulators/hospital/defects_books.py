"""Defects of the books that the built-in HIS gives to the finance office, and of its repairs.

``source`` names the pitfall of hospital totals that it was taken from (``rec-36``: the list of
where real programs go wrong, 3.6 of the interface notes), a class of one-sided accounts
(``rec-41``) or a line of the decision table (``rec-44``). A defect shows in the list that the HIS
exports, so in the column of the reconciled ledgers (``ledger``) that it spoils.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_ROWS = "YB-BOOKS ledger rows"
_LISTED = "YB-BOOKS ledger differences"


def _column(name: str) -> str:
    return f"YB-BOOKS ledger {name}"


DEFECTS = (
    _defect("his-books-unsigned-refunds", "rec-36", "REQ-REC-007",
            "refunds are exported with positive amounts and without their flag",
            _column("class"), _ROWS),
    _defect("his-books-without-refunded", "rec-36", "REQ-REC-007",
            "what was refunded is left out of the list together with its refund", _ROWS),
    _defect("his-books-without-refund-rows", "rec-36", "REQ-REC-007",
            "the list has settlements and no refunds", _ROWS),
    _defect("his-books-without-zero-fund", "rec-36", "REQ-REC-010",
            "settlements to which the fund paid nothing are left out of the list", _ROWS),
    _defect("his-books-cuts-last", "rec-36", "REQ-REC-010",
            "the list ends one row before the cut-off", _ROWS),
    _defect("his-books-derives-fund", "rec-36", "REQ-REC-010",
            "the fund's part is exported as total less cash", _column("fund_pay_sumamt")),
    _defect("his-books-one-decimal", "rec-36", "REQ-REC-010",
            "cash is exported with one decimal", _column("psn_cash_pay")),
    _defect("his-books-thousands", "rec-36", "REQ-REC-010",
            "amounts are exported with commas between thousands, which split the line",
            _column("partner"), _ROWS),
    _defect("his-books-ids-as-numbers", "rec-41", "REQ-REC-010",
            "the settlement's id passes through a number of a spreadsheet", _column("setl_id"),
            _ROWS),
    _defect("his-books-one-insurance", "rec-36", "REQ-REC-010",
            "every row is exported as insurance of employees", _column("insutype")),
    _defect("his-books-day-by-charge", "rec-36", "REQ-REC-008",
            "the list of a day is cut by the hospital's own time", _ROWS),
    _defect("his-books-one-batch", "rec-36", "REQ-REC-014",
            "every row is exported with the day-close batch of the first till",
            _column("class"), _LISTED, _ROWS),
    _defect("his-books-visits-without-cancelled", "rec-41", "REQ-REC-011",
            "the list of registrations leaves out those that were cancelled", _LISTED, _ROWS),
    _defect("his-books-boxes-sold-only", "rec-41", "REQ-REC-012",
            "the list of trace codes has only those that the centre took", _LISTED, _ROWS),
    _defect("his-books-lists-without-void", "rec-41", "REQ-REC-013",
            "the list of settlement lists leaves out those of refunded settlements",
            _LISTED, _ROWS),
    _defect("his-repair-books-again", "rec-44", "REQ-REC-001",
            "a settlement that stands in the books is booked a second time", _ROWS),
    _defect("his-repair-drops-refund", "rec-44", "REQ-REC-001",
            "a settlement is reversed at the centre and the refund not booked", _ROWS),
)  # fmt: skip
