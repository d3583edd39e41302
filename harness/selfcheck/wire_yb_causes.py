"""Causes of one-sided accounts as the wire shows them (rows ``yb-1`` to ``yb-28``).

Each function looks for one cause in the calls between HIS and centre, or in what users did;
whoever set it up. Causes that lie within a HIS alone cannot be seen here, and the catalogue asks
for no such sight.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from harness.evidence.trace import Record
from harness.selfcheck.wire_yb_faults import callback_astray, written_otherwise
from harness.selfcheck.wire_yb_look import REVERSING, SETTLING, UNDO, Call, Talk, number
from harness.selfcheck.wire_yb_money import booked, off_by_a_cent

FEES: Final = ("2204", "2301")
FEES_BACK: Final = ("2205", "2302")
TRIALS: Final = ("2206", "2303")
CHAIN: Final = ("2402", "2405")
MOBILE_REFUND: Final = "6203"
USUAL_INSURANCE: Final = "310"
USUAL_CLEARING: Final[Mapping[str, str]] = {"2207": "11", "2304": "21"}

_FIELD = re.compile(r"\](?:第\d+行)?[a-z_]\w*\(")
"""A refusal that names a field of the request."""


def _some(*infnos: str, that: Callable[[Talk, Call], bool]) -> Callable[[Talk], bool]:
    return lambda talk: any(that(talk, call) for call in talk.of(*infnos))


def _lost(talk: Talk, call: Call) -> bool:
    return call.unanswered and booked(talk, call)


def forgotten_answer(talk: Talk) -> bool:
    """A HIS that lost its power takes back what had been answered to it as done, and readably."""
    cut = any(
        one["kind"] == "fault" and one["event"] == "fired" and one.get("layer") == "process"
        for one in talk.records
    )
    done = {
        call.msgid
        for call in talk.of(*SETTLING)
        if call.answer.done and not written_otherwise(talk, call)
    }
    return cut and any(call.text("omsgid") in done for call in talk.of(UNDO))


def clicked_again(talk: Talk) -> bool:
    """The same bill settled by users twice, with nothing of theirs in between."""
    asked = [one for one in talk.commands if str(one["name"]).startswith("yb-")]
    return any(_same_bill(one, two) for one, two in pairwise(asked))


def _same_bill(one: Record, two: Record) -> bool:
    names = {one["name"], two["name"]}
    return names == {"yb-settle"} and one["args"].get("bill_no") == two["args"].get("bill_no")


def repeated_reversal(talk: Talk) -> bool:
    """A reversal is refused as done before."""
    return any(call.answer.refused and "已撤销" in call.answer.said for call in talk.of(*REVERSING))


def reversed_elsewhere(talk: Talk) -> bool:
    """The ledger holds a reversal that nobody asked for on the wire."""
    asked = {call.msgid for call in talk.calls}
    reversing = talk.of(*REVERSING, MOBILE_REFUND, UNDO)
    return not reversing and any(
        one.get("refd_setl_flag") == "1" and one.get("medins_setl_id") not in asked
        for one in talk.books
    )


def undo_in_doubt(talk: Talk) -> bool:
    """2601 refused, or without an answer."""
    return any(call.answer.refused or call.unanswered for call in talk.of(UNDO))


def days_differ(talk: Talk) -> bool:
    """The day of a settlement is not the day on which it was asked for."""
    return any(
        _time(call)[:10] not in {"", str(call.value.get("inf_time"))[:10]}
        for call in talk.of(*SETTLING, *REVERSING)
    )


def _time(call: Call) -> str:
    return str(call.answer.node("setlinfo").get("setl_time") or "")


def later_month(talk: Talk) -> bool:
    """What is reversed was settled in another month, or its month is closed."""
    months = {
        str(call.answer.node("setlinfo").get("setl_id")): _time(call)[:7]
        for call in talk.of(*SETTLING)
    }
    return any(
        months.get(call.text("setl_id"), "") not in {"", (_time(call) or _asked(call))[:7]}
        for call in talk.of(*REVERSING)
    )


def _asked(call: Call) -> str:
    return str(call.value.get("inf_time"))


def elsewhere_insured(talk: Talk) -> bool:
    """A settlement of somebody insured in another city or province."""
    return any(
        call.answer.done
        and str(call.value.get("insuplc_admdvs"))[:4] != str(call.value.get("mdtrtarea_admvs"))[:4]
        for call in talk.of(*SETTLING)
    )


def other_category(talk: Talk) -> bool:
    """A settlement is cleared, or insured, otherwise than most are."""
    return any(
        str(call.answer.node("setlinfo").get("clr_type")) != USUAL_CLEARING[call.infno]
        or call.text("insutype") != USUAL_INSURANCE
        for call in talk.of(*USUAL_CLEARING)
        if call.answer.done
    )


def settled_for_less(talk: Talk) -> bool:
    """A visit is settled, reversed, and settled anew for less."""
    totals: defaultdict[str, list[Any]] = defaultdict(list)
    for call in talk.of(*SETTLING):
        total = number(call.answer.node("setlinfo").get("medfee_sumamt"))
        if call.answer.done and total is not None:
            totals[call.text("psn_no")].append((call.n, total))
    return any(
        before[1] > after[1] and any(before[0] < one.n < after[0] for one in talk.of(*REVERSING))
        for settled in totals.values()
        for before, after in pairwise(settled)
    )


def other_level(talk: Talk) -> bool:
    """One item of the hospital goes up under two codes, or a code wholly at the patient's cost."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for call in talk.of(*FEES):
        for row in call.rows("feedetail"):
            codes[str(row.get("medins_list_codg"))].add(str(row.get("med_list_codg")))
    return any(len(some) > 1 for some in codes.values()) or any(
        number(row.get("fulamt_ownpay_amt")) for call in talk.of(*FEES) for row in _results(call)
    )


def _results(call: Call) -> list[Mapping[str, Any]]:
    found = call.answer.output.get("result")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def rows_left(talk: Talk) -> bool:
    """Rows went up without an answer, and the centre had them: they were taken back, or met."""
    for lost in (call for call in talk.of(*FEES) if call.unanswered):
        visit = _visit(lost)
        after = [one for one in talk.calls if one.n > lost.n and visit == _visit(one)]
        if any(one.answer.done for one in after if one.infno in FEES_BACK):
            return True
        if any(one.answer.refused for one in after if one.infno in FEES):
            return True
    return False


def _visit(call: Call) -> str:
    return call.text("mdtrt_id")


def trial_differs(talk: Talk) -> bool:
    """Trial and settlement of one visit and one total are paid otherwise."""
    said = ("fund_pay_sumamt", "acct_pay", "psn_cash_pay")
    for trial in talk.of(*TRIALS):
        for call in talk.of(*SETTLING):
            before, after = trial.answer.node("setlinfo"), call.answer.node("setlinfo")
            same = call.n > trial.n and _visit(call) == _visit(trial) and before and after
            if not same or before.get("medfee_sumamt") != after.get("medfee_sumamt"):
                continue
            if not off_by_a_cent(call) and any(
                before.get(name) != after.get(name) for name in said
            ):
                return True
    return False


def unreadable_success(talk: Talk) -> bool:
    """Done, booked, and not in the form that the interface describes."""
    return any(
        call.answer.done and written_otherwise(talk, call)
        for call in talk.of(*SETTLING, *REVERSING)
    )


def callback_failed(talk: Talk) -> bool:
    """The call about a mobile payment did not come once and in time."""
    return any(callback_astray(talk, call) for call in talk.hit("F20"))


def half_refund(talk: Talk) -> bool:
    """A mobile refund without an answer, and the order says later that money went back."""
    return any(
        call.unanswered
        and any(later.n > call.n and later.answer.done for later in talk.of("6301"))
        and any(one.get("refd_setl_flag") == "1" for one in talk.books)
        for call in talk.of(MOBILE_REFUND)
    )


def not_signed_in(talk: Talk) -> bool:
    """Refused because the operator has not signed in."""
    return any(call.answer.refused and "未签到" in call.answer.said for call in talk.calls)


def field_refused(talk: Talk) -> bool:
    """Refused for one field of the request, which is named."""
    return any(call.answer.refused and _FIELD.search(call.answer.said) for call in talk.calls)


def chain_broken(talk: Talk) -> bool:
    """Discharge, or its undoing, has no answer or a refusal."""
    return any(call.answer.refused or call.unanswered for call in talk.of(*CHAIN))


def repeated_by_proxy(talk: Talk) -> bool:
    """Refused although booked, and the asker had sent it once: it went in twice on the way."""
    ids = [call.msgid for call in talk.calls]
    return any(
        ids.count(call.msgid) == 1 and call.answer.refused and booked(talk, call)
        for call in talk.hit("F10")
    )


CLASSES: Final[Mapping[str, Callable[[Talk], bool]]] = {
    "yb-1": _some(*SETTLING, that=_lost),
    "yb-2": forgotten_answer,
    "yb-4": clicked_again,
    "yb-5": _some(*REVERSING, that=_lost),
    "yb-6": repeated_reversal,
    "yb-7": reversed_elsewhere,
    "yb-8": undo_in_doubt,
    "yb-9": days_differ,
    "yb-10": later_month,
    "yb-11": elsewhere_insured,
    "yb-12": other_category,
    "yb-13": settled_for_less,
    "yb-14": other_level,
    "yb-15": rows_left,
    "yb-16": trial_differs,
    "yb-20": unreadable_success,
    "yb-22": callback_failed,
    "yb-23": half_refund,
    "yb-24": not_signed_in,
    "yb-25": field_refused,
    "yb-26": chain_broken,
    "yb-28": repeated_by_proxy,
}
"""How each row shows itself."""


def shown(talk: Talk) -> list[str]:
    """Rows that a trace shows."""
    return [row for row, shows in CLASSES.items() if shows(talk)]
