"""All transactions that the centre carries out, by number.

``handlers`` makes them for a province; ``HANDLERS`` are those of the default policy. Around every
one stand the same three things: a refusal becomes an answer that changes nothing, a message that
was carried out before is treated as the province says, and a message that changes the books is
noted with them, in the same transaction, so that 2601 can find what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.wire.json_exact import Written, dumps, loads
from simulators.centre import (
    catalogue,
    credential,
    files,
    inpatient,
    mapping,
    mobile,
    outpatient,
    persons,
    queries,
    reconcile,
    registration,
    reversal,
    reversal_undo,
    settlement_list,
    trace_codes,
)
from simulators.centre.calc_benefits import Benefits, example
from simulators.centre.ledger import Row
from simulators.centre.rules import Desk, Policy, Refusal, stamp, wording
from simulators.centre.transaction import (
    Answer,
    Books,
    Call,
    Handled,
    Handler,
    Statement,
    refused,
)
from simulators.store import insert

Clerk = Callable[[Desk, Call, Books], Handled]
"""Carries out one transaction; refuses by raising ``Refusal``."""

CLERKS: Mapping[str, Clerk] = MappingProxyType(
    {
        "1101": persons.get_person,
        "1201": persons.get_hospital,
        "2001": persons.check_entitlement,
        **dict.fromkeys(
            ("1301", "1302", "1303", "1305", "1306", "1307", "1308", "1309", "1310", "1311"),
            catalogue.download,
        ),
        "1304": catalogue.query_items,
        "1312": catalogue.query_items,
        "1316": catalogue.query_matches,
        "1317": catalogue.query_mappings,
        "1318": catalogue.query_limits,
        "1319": catalogue.query_ratios,
        "2201": registration.register,
        "2202": registration.cancel,
        "2203": registration.upload_visit,
        "2203A": registration.upload_visit,
        "2204": outpatient.upload,
        "2205": outpatient.withdraw,
        "2206": outpatient.trial,
        "2207": outpatient.settle_visit,
        "2208": reversal.reverse_outpatient,
        "2301": inpatient.upload,
        "2302": inpatient.withdraw,
        "2303": inpatient.trial,
        "2304": inpatient.settle_stay,
        "2305": reversal.reverse_inpatient,
        "2401": inpatient.admit,
        "2402": inpatient.discharge,
        "2403": inpatient.change,
        "2404": inpatient.cancel_admission,
        "2405": inpatient.cancel_discharge,
        "2601": reversal_undo.undo,
        "3201": reconcile.compare_totals,
        "3202": reconcile.compare_details,
        "3203": reconcile.apply_clearing,
        "3204": reconcile.withdraw_clearing,
        "1901": queries.dictionary,
        "3301": mapping.upload,
        "3302": mapping.withdraw,
        **dict.fromkeys(("3503", "3504", "3505", "3506", "3507"), trace_codes.move),
        **dict.fromkeys(("3503A", "3504A", "3505A", "3506A", "3507A"), trace_codes.move_each),
        "3512": trace_codes.query,
        "3513": trace_codes.query,
        "3592B": trace_codes.virtual_code,
        "4101": settlement_list.upload,
        "4101A": settlement_list.upload,
        "4102": settlement_list.change_state,
        "4103": settlement_list.query,
        "4261": settlement_list.upload_own,
        "4262": settlement_list.reconcile_own,
        "4263": settlement_list.differing_own,
        "5201": queries.visits,
        "5202": queries.diagnoses,
        "5203": queries.settlements,
        "5204": queries.fee_rows,
        "5205": queries.chronic_fees,
        "5206": queries.cumulations,
        "5301": queries.chronic,
        "5303": queries.in_hospital,
        "6101": credential.read_code,
        "6201": mobile.upload,
        "6202": mobile.pay,
        "6203": mobile.refund,
        "6204": mobile.cash_paid,
        "6301": mobile.result,
        "6401": mobile.withdraw,
        "9601": credential.recognise,
        "9602": credential.register_special,
        "9603": credential.build_model,
        "9101": files.upload,
        "9102": files.download,
    }
)
"""Every transaction with behaviour of its own."""

NOTED = frozenset(
    {
        "2201", "2202", "2203", "2203A", "2204", "2205", "2207", "2208",
        "2301", "2302", "2304", "2305", "2401", "2402", "2403", "2404", "2405",
        "2601", "3203", "3204", "6201", "6202", "6203", "6401",
    }
)  # fmt: skip
"""Transactions that change money or visits: noted by msgid, guarded against a second delivery."""


def handlers(
    policy: Policy,
    *,
    seed: int = 0,
    benefits: Benefits | None = None,
    broken: str = "",
) -> Mapping[str, Handler]:
    """The transactions of one centre.

    Args:
        policy: of the province.
        seed: from which ids are made.
        benefits: who pays what; the example plan if not said.
        broken: name of one identity that answers are to break (``rules_identities.BREAKABLE``).
    """
    desk = Desk(policy=policy, benefits=benefits or example(), seed=seed, broken=broken)
    return MappingProxyType({infno: _guarded(desk, clerk) for infno, clerk in CLERKS.items()})


def _guarded(desk: Desk, clerk: Clerk) -> Handler:
    def handle(call: Call, books: Books) -> Handled:
        try:
            if call.infno not in NOTED:
                credential.require(call, books)
                return clerk(desk, call, books)
            before = _before(call, books)
            again = _again(desk, call, before)
            if again is not None:
                return again
            credential.require(call, books)
            handled = clerk(desk, call, books)
        except Refusal as refusal:
            return refused(wording(desk.policy, refusal))
        written = dumps(handled.answer.output)
        note = _note(call, handled, written, nth=len(before))
        done = handled.answer
        answer = Answer(
            infcode=done.infcode,
            err_msg=done.err_msg,
            output=done.output,
            modelled=done.modelled,
            file=done.file,
            written=Written(written, done.output),
        )
        return Handled(answer=answer, statements=[*handled.statements, note])

    return handle


def _before(call: Call, books: Books) -> list[Row]:
    return books.rows(
        "SELECT undone, answer FROM calls"
        " WHERE fixmedins_code = ? AND msgid = ? AND infno = ? ORDER BY nth",
        (call.fixmedins_code, call.msgid, call.infno),
    )


def _again(desk: Desk, call: Call, before: list[Row]) -> Handled | None:
    """What a second delivery of a message gets, or None if it is to be carried out."""
    if not before or desk.policy.duplicate_msgid == "process":
        return None
    if desk.policy.duplicate_msgid == "refuse":
        raise Refusal("duplicate_msgid", msgid=call.msgid, infno=call.infno)
    last = before[-1]
    if last["undone"] == "1":
        return None
    return Handled(answer=Answer(output=loads(last["answer"])))


def _note(call: Call, handled: Handled, written: str, *, nth: int) -> Statement:
    output = handled.answer.output
    return insert(
        "calls",
        {
            "fixmedins_code": call.fixmedins_code,
            "msgid": call.msgid,
            "infno": call.infno,
            "nth": nth,
            "psn_no": _search(call.input, "psn_no"),
            "ref_id": _search(output, "setl_id") or _search(output, "mdtrt_id"),
            "undone": "0",
            "call_time": stamp(call),
            "answer": written,
        },
    )


def _search(value: object, name: str) -> str:
    """The first value of a field in a node or in the first row of one."""
    if not isinstance(value, dict | Mapping):
        return ""
    for node in value.values():
        row = node[0] if isinstance(node, list) and node else node
        if isinstance(row, dict | Mapping) and row.get(name):
            return str(row[name])
    return ""


HANDLERS: Mapping[str, Handler] = handlers(Policy())
"""The transactions under the default policy."""
