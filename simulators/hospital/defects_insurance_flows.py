"""Defects of the built-in HIS around a settlement: trace codes, lists, credentials, orders.

``source`` names the row of the list of causes (``yb-NN``), an anti-pattern (``yb-ap``), or the flow
that it belongs to (``yb-trace``, ``yb-list``, ``yb-cred``, ``yb-face``, ``yb-pay``).
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_TRACE = "HIS-YB sql yb_trace"
_LIST = "HIS-YB sql yb_list"
_OWN = "HIS-YB sql yb_ownpay"
_CRED = "HIS-YB sql yb_credential"
_FACE = "HIS-YB sql yb_face"
_ORDER = "HIS-YB sql yb_order"
_BILL = "HIS-YB sql yb_bill.state"
_LEDGER = "HIS-YB sql yb_settlement"
_SETTLE = "HIS-YB http 2207"

DEFECTS = (
    _defect("his-yb-trace-outer-only", "yb-trace", "REQ-YB-015",
            "of a trace code upload only infcode is read, and no row", f"{_TRACE}.state", _TRACE),
    _defect("his-yb-trace-keeps-after-refund", "yb-trace", "REQ-YB-016",
            "a refund does not give the boxes back", _TRACE, f"{_TRACE}.state"),
    _defect("his-yb-trace-resends-blindly", "yb-trace", "REQ-YB-017",
            "a trace code upload without an answer is sent again unasked", f"{_TRACE}.state",
            _TRACE, "HIS-YB sql yb_log"),
    _defect("his-yb-trace-uncounted", "yb-trace", "REQ-YB-018",
            "boxes are uploaded whatever their number", f"{_TRACE}.state", _TRACE),
    _defect("his-yb-trace-any-code", "yb-trace", "REQ-YB-018",
            "a code is uploaded whatever its form", f"{_TRACE}.state", _TRACE),
    _defect("his-yb-list-by-bill", "yb-list", "REQ-YB-021",
            "a list counts for a bill and not for its settlement", _LIST, f"{_LIST}.state"),
    _defect("his-yb-list-first-fund-only", "yb-list", "REQ-YB-020",
            "of several funds only the first stands in the list", f"{_LIST}.state", _LIST),
    _defect("his-yb-list-cuts-refusal", "yb-list", "REQ-YB-020",
            "of a refused list the reasons are cut off", f"{_LIST}.note"),
    _defect("his-yb-list-repeat-is-done", "yb-ap", "REQ-YB-019",
            "a list that the centre will not take again counts as submitted", f"{_LIST}.state",
            f"{_LIST}.bill_code"),
    _defect("his-yb-list-lost-is-refused", "yb-list", "REQ-YB-019",
            "a submission without an answer counts as refused", _LIST, f"{_LIST}.state"),
    _defect("his-yb-ownpay-first-line-only", "yb-18", "REQ-YB-022",
            "of who pays alone only the first line is uploaded", f"{_OWN}.state", _OWN),
    _defect("his-yb-ownpay-unchecked", "yb-ap", "REQ-YB-022",
            "nobody reads what 4262 compared", _OWN, f"{_OWN}.state"),
    _defect("his-yb-token-of-anyone", "yb-cred", "REQ-YB-023",
            "nobody compares whose electronic credential was scanned", _BILL, f"{_CRED}.state",
            _LEDGER, _SETTLE),
    _defect("his-yb-token-of-before", "yb-cred", "REQ-YB-023",
            "where a scan fails the credential of the patient before is used", f"{_CRED}.state",
            f"{_CRED}.note", _BILL),
    _defect("his-yb-face-outer-only", "yb-face", "REQ-YB-024",
            "a face counts as recognised when its message succeeds", f"{_FACE}.state", _BILL,
            _LEDGER, _SETTLE),
    _defect("his-yb-face-skips-registration", "yb-face", "REQ-YB-024",
            "a face that needs a special registration gets none", "HIS-YB http 9602"),
    _defect("his-yb-hides-refusal", "yb-25", "REQ-YB-026",
            "nobody is told why the centre refused", "HIS-YB sql yb_bill.note"),
    _defect("his-yb-mobile-lost-is-failure", "yb-22", "REQ-YB-025",
            "a mobile payment without an answer counts as failed", _BILL, _LEDGER,
            f"{_ORDER}.state"),
    _defect("his-yb-callback-is-truth", "yb-22 yb-F20", "REQ-YB-025",
            "what a callback says is booked, as often as it comes", _LEDGER,
            f"{_LEDGER}.setl_id"),
    _defect("his-yb-mobile-forgets-cash", "yb-22", "REQ-YB-025",
            "nobody tells the centre that the cash was paid", f"{_ORDER}.ord_stas",
            "HIS-YB http 6204"),
    _defect("his-yb-mobile-refund-lost-is-none", "yb-23", "REQ-YB-025",
            "a mobile refund without an answer counts as not done", f"{_ORDER}.state", _BILL,
            _LEDGER),
)  # fmt: skip
