"""Defects of the built-in HIS's cashier.

``source`` names the anti-pattern (``yb-ap``) or the cause of one-sided accounts (``yb-NN``: row of
the list of causes) that it was taken from. A defect shows in the HIS's own tables (``sql``) or in
what the centre was made to do by a transaction (``http``).
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_LEDGER = "HIS-YB sql yb_settlement"
_BILL = "HIS-YB sql yb_bill.state"
_LOG = "HIS-YB sql yb_log"
_DAY = "HIS-YB sql yb_day.stmt_rslt"
_DIFFERENCE = "HIS-YB sql yb_difference"
_SETTLE = "HIS-YB http 2207"

DEFECTS = (
    _defect("his-yb-books-before-answer", "yb-ap", "REQ-YB-003",
            "a settlement is booked before the centre answered", _LEDGER),
    _defect("his-yb-timeout-is-failure", "yb-1", "REQ-YB-003",
            "a settlement without an answer counts as failed", _BILL, _LEDGER),
    _defect("his-yb-timeout-is-success", "yb-ap", "REQ-YB-003",
            "a settlement without an answer counts as done", _LEDGER, _SETTLE),
    _defect("his-yb-resends-as-new", "yb-4", "REQ-YB-003",
            "a settlement without an answer is sent again under a new id", _BILL, _LEDGER),
    _defect("his-yb-status-is-failure", "yb-ap", "REQ-YB-003",
            "an HTTP status other than 200 counts as a refusal", _BILL, _LEDGER),
    _defect("his-yb-no-infcode-is-success", "yb-ap", "REQ-YB-003",
            "an answer of the gateway without infcode counts as done", _LEDGER, _SETTLE),
    _defect("his-yb-takes-any-answer", "yb-20", "REQ-YB-003",
            "an answer is booked whose message it is not", _LEDGER, f"{_LEDGER}.setl_id"),
    _defect("his-yb-uploads-again-blindly", "yb-15", "REQ-YB-003",
            "rows without an answer are uploaded again on top", _BILL, _SETTLE),
    _defect("his-yb-no-log", "yb-3", "REQ-YB-002",
            "nothing is written before a message is sent", _LOG, _BILL, _LEDGER,
            "HIS-YB sql yb_log.msgid"),
    _defect("his-yb-msgid-without-sequence", "yb-21", "REQ-YB-002",
            "two messages in one second have the same id", f"{_LOG}.msgid"),
    _defect("his-yb-drops-2601-answer", "yb-8", "REQ-YB-004",
            "nobody looks whether 2601 was carried out", _BILL, _LEDGER),
    _defect("his-yb-blind-second-2601", "yb-8", "REQ-YB-004",
            "2601 is sent twice without a question in between", _LOG, _LEDGER, _SETTLE),
    _defect("his-yb-trusts-amounts", "yb-17", "REQ-YB-005",
            "amounts that do not add up are booked", f"{_LEDGER}.cash_fen"),
    _defect("his-yb-float-money", "yb-17", "REQ-YB-005",
            "amounts pass through binary fractions and lose a cent", f"{_LEDGER}.medfee_fen",
            f"{_LEDGER}.fund_fen", f"{_LEDGER}.acct_fen", f"{_LEDGER}.cash_fen"),
    _defect("his-yb-rounds-per-line", "yb-17", "REQ-YB-005",
            "the fund's part is rounded line by line", f"{_LEDGER}.fund_fen"),
    _defect("his-yb-drops-other-funds", "yb-17", "REQ-YB-005",
            "only the basic fund is booked", f"{_LEDGER}.fund_fen"),
    _defect("his-yb-account-as-cash", "yb-17", "REQ-YB-005",
            "the account's part is booked as cash", f"{_LEDGER}.acct_fen", f"{_LEDGER}.cash_fen"),
    _defect("his-yb-books-rounded-cash", "yb-17", "REQ-YB-005",
            "cash is booked as it was rounded at the window", f"{_LEDGER}.cash_fen"),
    _defect("his-yb-own-clr-type", "yb-12", "REQ-YB-006",
            "the clearing type is computed and not taken from the answer", f"{_LEDGER}.clr_type"),
    _defect("his-yb-own-clock", "yb-9", "REQ-YB-013",
            "the HIS's own time is booked as time of settlement", f"{_LEDGER}.setl_time"),
    _defect("his-yb-cuts-setl-id", "yb-ap", "REQ-YB-006",
            "the id of a settlement is cut", f"{_LEDGER}.setl_id"),
    _defect("his-yb-visit-as-setl-id", "yb-ap", "REQ-YB-006",
            "the id of the visit is booked as that of the settlement", f"{_LEDGER}.setl_id"),
    _defect("his-yb-expired-mapping", "yb-14", "REQ-YB-007",
            "an item is charged by a mapping that has run out", "HIS-YB sql yb_line.med_code"),
    _defect("his-yb-employee-for-all", "yb-12", "REQ-YB-014",
            "everybody is taken for insured as an employee", "HIS-YB sql yb_bill.insutype", _BILL),
    _defect("his-yb-uploads-first-line-only", "yb-18", "REQ-YB-001",
            "only the first line of a bill is uploaded", _BILL, _SETTLE),
    _defect("his-yb-double-click", "yb-4", "REQ-YB-008",
            "a second click settles a second time", _SETTLE, _LEDGER),
    _defect("his-yb-guards-by-channel", "yb-4", "REQ-YB-008",
            "window and bedside settle the same bill twice", _SETTLE, _LEDGER),
    _defect("his-yb-refund-unchecked", "yb-5", "REQ-YB-009",
            "a refund is booked whatever 2208 was answered", _BILL, _LEDGER),
    _defect("his-yb-lost-refund-is-none", "yb-5", "REQ-YB-009",
            "a refund without an answer counts as not done", _BILL, _LEDGER),
    _defect("his-yb-refunds-in-house-only", "yb-ap", "REQ-YB-009",
            "a refund is booked and never sent", "HIS-YB http 2208", _SETTLE, _LEDGER),
    _defect("his-yb-refund-positive", "yb-ap", "REQ-YB-009",
            "a refund is booked with positive amounts", f"{_LEDGER}.medfee_fen"),
    _defect("his-yb-books-difference-only", "yb-13", "REQ-YB-010",
            "of a partial refund only the difference is booked", _BILL, _LEDGER, _SETTLE),
    _defect("his-yb-forgets-the-rest", "yb-13", "REQ-YB-010",
            "after a partial refund the rest is not settled anew", _BILL, _SETTLE),
    _defect("his-yb-3201-without-refunds", "yb-10", "REQ-YB-012",
            "refunds are missing in the totals of the day", _DAY),
    _defect("his-yb-counts-pairs-once", "yb-10", "REQ-YB-012",
            "a settlement and its refund are counted once", _DAY),
    _defect("his-yb-one-bucket", "yb-11", "REQ-YB-012",
            "all insurances go into one total", _DAY, "HIS-YB sql yb_day"),
    _defect("his-yb-ignores-3201", "yb-ap", "REQ-YB-012",
            "a day that does not balance is closed", _DIFFERENCE),
    _defect("his-yb-day-by-booking", "yb-9", "REQ-YB-013",
            "a day is that of booking and not that of settlement", _DAY, "HIS-YB sql yb_day"),
)  # fmt: skip
