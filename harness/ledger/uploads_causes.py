"""Cause and advice of a difference between uploads, from the rows and the interface log.

Numbers are those of the list of causes (interface notes, 4.2): 27 a registration undone in the HIS
only, 1 an answer that was lost, 7 what was done at the centre by hand. Without evidence the cause
is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.i18n import tr
from harness.ledger.class_words import word
from harness.ledger.evidence import Exchange

UPLOAD_CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "visit_settled": ("登记上已有结算", "the registration has a settlement"),
    "undone_in_his_only": ("只在医院取消，没有撤销中心登记", "undone in HIS only"),
    "undo_no_answer": ("撤销登记无应答", "the call to undo it got no answer"),
    "undo_refused": ("中心拒绝撤销登记", "the centre refused to undo it"),
    "registration_answer_lost": ("登记的应答丢失", "the answer to the registration was lost"),
    "undone_at_centre_only": ("只在中心撤销", "undone at the centre only"),
    "box_refused": ("中心拒收这一盒", "the centre refused the box"),
    "box_not_sent": ("医院检查未过，没有上传", "not sent: it failed the checks in HIS"),
    "sale_answer_lost": ("追溯码上传的应答丢失", "the answer to the upload of the code was lost"),
    "row_result_ignored": ("医院记为已传，中心没有", "HIS noted it as sent, the centre has none"),
    "returned_at_centre_only": ("只在中心退货", "returned at the centre only"),
    "return_not_sent": ("退费后没有退追溯码", "the return of the box was not sent"),
    "code_scanned_twice": ("同一就诊扫了两次", "scanned twice within one visit"),
    "code_of_another_visit": ("同一码卖给两次就诊", "the code was sold to two visits"),
    "split_unmarked": ("拆零标志不同", "the mark of a split pack differs"),
    "list_never_sent": ("清单从未上传", "the list was never sent"),
    "list_answer_lost": ("清单上传的应答丢失", "the answer to the list was lost"),
    "list_believed_sent": ("医院记为已传，中心没有清单", "HIS noted it as sent, there is none"),
    "list_refused_by_centre": ("中心拒收清单", "the centre refused the list"),
    "list_sent_back": ("清单审核退回", "the review sent the list back"),
    "settlement_taken_back": ("结算撤销后清单未跟进",
                              "the settlement was taken back and the list left"),
    "submit_no_answer": ("提交清单无应答", "the call to submit it got no answer"),
    "submit_refused": ("中心拒绝提交清单", "the centre refused the submission"),
    "never_submitted": ("清单没有提交", "nobody submitted it"),
    "list_amounts": ("清单金额不是结算应答的金额", "the list does not carry the settlement's sums"),
}  # fmt: skip
"""Causes in words, Chinese and English."""

Found = tuple[str, str]
"""Cause and confidence."""

UNKNOWN: Final[Found] = ("unknown", "low")
_LOST: Final = frozenset({"no_answer", "unreadable"})
_HOUSE: Final = frozenset({"repeated", "miscounted", "malformed", "unsent", "未传"})
"""Notes of boxes that the house itself held back."""


@dataclass(slots=True)
class Calls:
    """The interface log by what its calls are about."""

    given: bool
    by_msgid: dict[str, Exchange] = field(default_factory=dict)
    by_visit: dict[tuple[str, str], Exchange] = field(default_factory=dict)
    by_settlement: dict[tuple[str, str], Exchange] = field(default_factory=dict)

    @classmethod
    def of(cls, log: Sequence[Exchange]) -> Calls:
        """Index a log; the last call on the same matter counts."""
        calls = cls(given=bool(log))
        for one in sorted(log, key=lambda each: (each.at, each.msgid)):
            calls.by_msgid[one.msgid.upper()] = one
            if one.mdtrt_id:
                calls.by_visit[one.infno, one.mdtrt_id.upper()] = one
            if one.setl_id:
                calls.by_settlement[one.infno, one.setl_id.upper()] = one
        return calls

    def undo(self, visit: str) -> Exchange | None:
        """The call that takes a registration back: 2202, of a stay 2404."""
        return self.by_visit.get(("2202", visit)) or self.by_visit.get(("2404", visit))

    def of_list(self, infno: str, settlement: str) -> Exchange | None:
        """4101 or 4102 of a settlement."""
        return self.by_settlement.get((infno, settlement))


def cause(code: str, field: str, row: Mapping[str, Any], calls: Calls) -> Found:
    """Cause and confidence of one difference.

    Args:
        code: its class.
        field: columns that differ, joined by ``+``.
        row: both sides' cells: ``h_...`` and ``c_...``, and of the settlement ``gone``, ``held``.
        calls: the log.
    """
    if code.startswith("registration"):
        return _visit(code, row, calls)
    if code.startswith("trace"):
        return _box(code, field, row)
    if code.startswith("list"):
        return _list(code, field, row, calls)
    return UNKNOWN


def _visit(code: str, row: Mapping[str, Any], calls: Calls) -> Found:
    visit = str(row["c_key"] or row["h_key"] or "")
    undo = calls.undo(visit)
    if code == "registration_missing":
        done = undo is not None and undo.state in {"success", *_LOST}
        if row["c_state"] == "void":
            return "undone_at_centre_only", "high" if done else "medium"
        return UNKNOWN
    if row["held"]:
        return "visit_settled", "high"
    if undo is not None and undo.state in _LOST:
        return "undo_no_answer", "high"
    if undo is not None and undo.state == "refused":
        return "undo_refused", "high"
    asked = calls.by_msgid.get(str(row["c_msgid"] or ""))
    if asked is not None and asked.state in _LOST and not row["h_key"]:
        return "registration_answer_lost", "high"
    if row["h_state"] == "void" and undo is None:
        return "undone_in_his_only", "high" if calls.given else "medium"
    return UNKNOWN


def _box(code: str, field: str, row: Mapping[str, Any]) -> Found:
    note = str(row["h_note"] or "")
    if code == "trace_code_twice":
        same = row["twin_visit"] is not None and row["twin_visit"] == (row["h_m"] or row["c_m"])
        return ("code_scanned_twice" if same else "code_of_another_visit"), "high"
    if code == "trace_not_returned":
        return "return_not_sent", "medium"
    if code == "trace_state_differs":
        split = field == "trdn_flag"
        return ("split_unmarked", "high") if split else ("sale_answer_lost", "medium")
    if code != "trace_code_missing":
        return UNKNOWN
    if row["c_state"] == "returned":
        return "returned_at_centre_only", "medium"
    if row["h_state"] == "sold":
        return "row_result_ignored", "medium"
    if note in _HOUSE:
        return "box_not_sent", "high"
    return ("sale_answer_lost", "medium") if note == "sending" else ("box_refused", "high")


def _list(code: str, field: str, row: Mapping[str, Any], calls: Calls) -> Found:
    settlement = str(row["h_key"] or row["c_key"] or "")
    sent, submitted = calls.of_list("4101", settlement), calls.of_list("4102", settlement)
    match code:
        case "list_stale":
            return "settlement_taken_back", "high" if row["gone"] else "medium"
        case "list_refused":
            back = row["c_state"] == "rejected"
            return ("list_sent_back" if back else "list_refused_by_centre"), "high"
        case "list_not_submitted":
            if submitted is None:
                return "never_submitted", "high" if calls.given else "medium"
            lost = submitted.state in _LOST
            if lost or submitted.state == "refused":
                return ("submit_no_answer" if lost else "submit_refused"), "high"
        case "list_missing":
            if sent is not None and sent.state in _LOST:
                return "list_answer_lost", "high"
            if row["h_state"] in {"due", None} and sent is None:
                return "list_never_sent", "high" if calls.given else "medium"
            if row["h_state"] in {"submitted", "approved", "uploaded"}:
                return "list_believed_sent", "medium"
        case "list_differs":
            if field != "stas_type":
                return "list_amounts", "medium"
            if sent is not None and sent.state in _LOST:
                return "list_answer_lost", "high"
    return UNKNOWN


def advice(code: str, why: str) -> str:
    """First step, second step and never, in the language of the run."""
    words = word(code)
    first, second = words.say(words.first), words.say(words.second)
    if why == "visit_settled":
        first = tr("work off the one-sided settlement of this registration first")
        second = tr("only when no settlement is left: 2202 or 2404")
    return tr(
        "First: {first}. Then: {second}. Never: {never}.",
        first=first,
        second=second,
        never=words.say(words.never).removeprefix("不得"),
    )
