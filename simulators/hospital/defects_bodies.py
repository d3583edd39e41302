"""Defects of the cashier in reading what a centre or a local bridge writes, and in calling one.

``source`` names the row of the list of representation faults (``yb-6.3``) or of local bridges
(``yb-1.4``) that it was taken from. What cannot be read counts as unknown, so each shows in what
the HIS then asks and takes back.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_LOG = "HIS-YB sql yb_log"
_LEDGER = "HIS-YB sql yb_settlement"
_BILL = "HIS-YB sql yb_bill.state"
_SETTLE = "HIS-YB http 2207"

DEFECTS = (
    _defect("his-yb-answer-utf8-only", "yb-6.3 yb-F7", "REQ-YB-041",
            "an answer in GBK cannot be read", _LOG, _BILL, _LEDGER),
    _defect("his-yb-null-unread", "yb-6.3", "REQ-YB-041",
            "an answer with null cannot be read", _LOG, _BILL, _LEDGER),
    _defect("his-yb-text-amount-unread", "yb-6.3 yb-F7", "REQ-YB-041",
            "an amount that is written as text is no amount", _LOG, _BILL, _LEDGER),
    _defect("his-yb-list-unread", "yb-6.3", "REQ-YB-041",
            "a list of one row is not read", _LOG, _BILL, _LEDGER,
            f"{_LEDGER}.setl_id"),
    _defect("his-yb-text-output-unread", "yb-6.3", "REQ-YB-041",
            "output that is a JSON text is not read", _LOG, _BILL, _LEDGER),
    _defect("his-yb-text-code-is-failure", "yb-6.3", "REQ-YB-041",
            "infcode as text counts as a refusal", _LOG, _BILL, _LEDGER, _SETTLE),
    _defect("his-yb-bridge-one-unwrap", "yb-1.4", "REQ-YB-042",
            "the string inside the bridge's string is not read", _LOG, _BILL, _LEDGER),
    _defect("his-yb-bridge-escapes-twice", "yb-1.4", "REQ-YB-042",
            "input is escaped twice on its way to the bridge", _BILL, _LEDGER, _SETTLE),
    _defect("his-yb-bridge-error-is-failure", "yb-1.4", "REQ-YB-042",
            "an error of the bridge counts as a refusal of the centre", _BILL, _LEDGER, _LOG),
)  # fmt: skip
