"""Causes: each named by its evidence, and by nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest

from harness.clock import VirtualClock
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace
from harness.ledger.columns import CLASSES
from harness.ledger.explain_table import CAUSES, NOT_FROM_LEDGERS
from harness.ledger.report_causes import cause_name
from harness.link.tap import Connection
from harness.wire.http1_events import HttpRequest, HttpResponse
from tests.harness.ledger.desk import Desk, row, rows

CODE = "H43010019001"
AT = "2026-03-02 10:00:00"

slow = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def ask(infno, msgid, *, at=AT, opter="01", **data):
    """A request as the interface has it."""
    return {"infno": infno, "msgid": msgid, "inf_time": at, "opter": opter, "input": {"data": data}}


def told(code=0, error="", **setl):
    """An answer as the interface has it."""
    return {"infcode": code, "err_msg": error, "output": {"setlinfo": setl} if setl else {}}


def line(request, answer=None):
    """A line of an interface log with both."""
    return {"request": request, **({} if answer is None else {"response": answer})}


def log(desk, *lines):
    return desk.file(
        "log.jsonl", "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines)
    )


def test_every_cause_of_the_list_has_a_rule_or_a_reason():
    known = {one.number for one in CAUSES} | set(NOT_FROM_LEDGERS)
    assert set(range(1, 29)) <= known


def test_every_rule_names_known_classes_and_says_what_would_prove_it():
    for one in CAUSES:
        assert set(one.classes) <= set(CLASSES), one.code
        assert one.confidence in {"high", "medium", "low"}
        assert all(one.proof), one.code
        assert all(one.name), one.code
        assert cause_name(one.code) != one.code


SETTLE = ask("2207", "G00002", mdtrt_id="M2", psn_no="P2")
UNDO = ask("2601", "G90000", omsgid="G00002", oinfno="2207", psn_no="P2")
OTHER_DAY = ask("2207", "G88888", at="2026-03-05 09:00:00", mdtrt_id="M88")

CENTRE_ONLY = {
    "answer_lost": [line(SETTLE)],
    "his_rollback": [line(SETTLE, told(setl_id="S00002"))],
    "answer_unreadable": [line(SETTLE, "<html>502 Bad Gateway</html>")],
    "answered_refused_but_settled": [line(SETTLE, told(-1, "系统繁忙"))],
    "not_in_his_log": [line(ask("2207", "G77777", mdtrt_id="M77"), told(setl_id="S77"))],
    "reversal_2601_unknown": [line(SETTLE), line(UNDO)],
    "reversal_2601_refused": [line(SETTLE), line(UNDO, told(-1, "不允许冲正"))],
    "reversal_2601_no_effect": [line(SETTLE), line(UNDO, told())],
    "msgid_reused": [line(SETTLE), line(ask("2207", "G00002", mdtrt_id="M5"), told(setl_id="S5"))],
    "mobile_callback_lost": [line(ask("6202", "G60000", mdtrt_id="M2"), told())],
    "chain_broken": [
        line(SETTLE, told(setl_id="S00002")),
        line(ask("2402", "G61000", mdtrt_id="M2")),
    ],
    "unknown": [line(OTHER_DAY, told(setl_id="S88"))],
}


@slow
@pytest.mark.parametrize("cause", CENTRE_ONLY)
def test_why_the_centre_alone_has_it(desk, cause):
    path = log(desk, *CENTRE_ONLY[cause])

    assert desk.run(rows(0, 1), rows(0, 1, 2), "--log", path) == 1
    found = desk.open_rows("centre")["S00002"]
    assert (found["class"], found["cause"]) == ("centre_only", cause)
    assert bool(found["confidence"]) == (cause != "unknown")
    assert ("Proof: " in found["advice"]) == (cause != "unknown")


HIS_ONLY = {
    "request_lost": [line(SETTLE)],
    "booked_after_refusal": [line(SETTLE, told(-1, "基金余额不足"))],
    "not_signed_in": [line(SETTLE, told(-1, "操作员未签到"))],
    "interface_changed": [line(SETTLE, told(-1, "参数setl_way不能为空"))],
    "booked_unread": [line(SETTLE, "{infcode:")],
    "settled_by_log_only": [line(SETTLE, told(setl_id="S00002"))],
    "settled_offline": [line(ask("2207", "G77777", mdtrt_id="M77"), told())],
    "unknown": [line(OTHER_DAY, told())],
}


@slow
@pytest.mark.parametrize("cause", HIS_ONLY)
def test_why_the_hospital_alone_has_it(desk, cause):
    path = log(desk, *HIS_ONLY[cause])

    assert desk.run(rows(0, 1, 2), rows(0, 1), "--log", path) == 1
    found = desk.open_rows("his")["S00002"]
    assert (found["class"], found["cause"]) == ("his_only", cause)


@slow
def test_without_a_log_nothing_is_guessed(desk):
    assert desk.run(rows(0, 1, 3), rows(0, 1, 2)) == 1
    assert {one["cause"] for one in desk.verdicts() if one["class"] != "matched"} == {"unknown"}


@slow
def test_a_bill_without_a_msgid_was_settled_offline(desk):
    assert desk.run([*rows(0, 1), row(2, msgid="")], rows(0, 1)) == 1
    assert desk.open_rows("his")["S00002"]["cause"] == "settled_offline"


@slow
def test_a_category_that_the_other_side_lacks_is_a_filter(desk):
    foreign = [row(n, insutype="390") for n in range(10, 16)]

    assert desk.run(rows(0, 1), [*rows(0, 1), *foreign]) == 1
    assert {one["cause"] for one in desk.open_rows("centre").values()} == {"wrong_scope"}
    assert desk.run([*rows(0, 1), row(9, insutype="390")], [*rows(0, 1), *foreign]) == 1
    assert desk.open_rows("centre")["S00010"]["cause"] == "unknown"


MINUS = {"medfee_sumamt": "-101.00", "fund_pay_sumamt": "-60.00", "acct_pay": "-10.00",
         "psn_cash_pay": "-31.00", "refd_setl_flag": "1", "setl_time": "2026-03-02 11:00:00"}  # fmt: skip
BACK = row(1, setl_id="S90001", msgid="G90001", **MINUS) | {"init_setl_id": "S00001"}
CANCEL = ask("2208", "G90001", setl_id="S00001", mdtrt_id="M1")

REFUND_AT_THE_CENTRE = {
    "reversal_answer_lost": [line(CANCEL)],
    "reversal_not_booked": [line(CANCEL, told(setl_id="S90001"))],
    "already_reversed": [line(CANCEL, told(-1, "该结算已撤销"))],
    "refund_outside_his": [line(ask("2207", "G77777", mdtrt_id="M77"), told())],
    "unknown": [line(OTHER_DAY, told())],
}


@slow
@pytest.mark.parametrize("cause", REFUND_AT_THE_CENTRE)
def test_why_the_refund_stands_at_the_centre_alone(desk, cause):
    path = log(desk, *REFUND_AT_THE_CENTRE[cause])

    assert desk.run(rows(0, 1), [*rows(0, 1), BACK], "--log", path) == 1
    found = desk.open_rows("centre")["S90001"]
    assert (found["class"], found["cause"]) == ("refund_unmatched", cause)


@slow
@pytest.mark.parametrize("answer", [None, told(-1, "已清算")], ids=["lost", "refused"])
def test_why_the_refund_stands_in_the_hospital_alone(desk, answer):
    assert desk.run([*rows(0, 1), BACK], rows(0, 1), "--log", log(desk, line(CANCEL, answer))) == 1
    assert desk.open_rows("his")["S90001"]["cause"] == "reversal_failed"


@slow
def test_a_refund_of_an_earlier_period_names_an_original_that_nobody_has(desk):
    late = BACK | {"init_setl_id": "S2025120001", "mdtrt_id": "M77", "psn_no": "P77"}

    assert desk.run(rows(0), [*rows(0), late]) == 1
    assert desk.open_rows("centre")["S90001"]["cause"] == "reversal_of_earlier_period"


@slow
@pytest.mark.parametrize(
    ("msgid", "lines", "cause"),
    [
        ("G00001", [], "post_repeated"),
        ("G00009", [], "pressed_twice"),
        ("G00009", [line(ask("2207", "G00001", mdtrt_id="M1")),
                    line(ask("2207", "G00009", mdtrt_id="M1"), told())], "retry_after_no_answer"),
    ],
)  # fmt: skip
def test_why_the_centre_settled_twice(desk, msgid, lines, cause):
    twice = row(1, setl_id="S00099", msgid=msgid, setl_time="2026-03-02 10:00:20")
    more = ["--log", log(desk, *lines)] if lines else []

    assert desk.run(rows(0, 1), [*rows(0, 1), twice], *more) == 1
    found = desk.open_rows("centre")["S00099"]
    assert (found["class"], found["cause"]) == ("duplicate_centre", cause)


@slow
def test_pressed_twice_in_the_hospital_by_one_operator(desk):
    his = [row(0) | {"opter_name": "甲"}, row(1) | {"opter_name": "甲"}]
    again = row(1, setl_time="2026-03-02 10:00:09") | {"opter_name": "甲"}

    assert desk.run([*his, again], rows(0, 1)) == 1
    assert desk.open_rows("his")["S00001"]["cause"] == "pressed_twice"
    assert desk.run([*his, again | {"opter_name": "乙"}], rows(0, 1)) == 1
    assert desk.open_rows("his")["S00001"]["cause"] == "unknown"


def settled(**amounts):
    return told(setl_id="S00001", **amounts)


@slow
@pytest.mark.parametrize(
    ("changes", "lines", "cause"),
    [
        ({"fund_pay_sumamt": "60.01", "psn_cash_pay": "30.99"}, [], "rounding"),
        ({"fund_pay_sumamt": "50.00", "psn_cash_pay": "41.00"}, [], "unknown"),
        ({"fund_pay_sumamt": "50.00", "psn_cash_pay": "41.00"},
         [line(ask("2206", "G40000", mdtrt_id="M1"),
               told(medfee_sumamt=101, fund_pay_sumamt="50.00", acct_pay=10)),
          line(ask("2207", "G00001", mdtrt_id="M1"),
               settled(medfee_sumamt=101, fund_pay_sumamt=60, acct_pay=10))],
         "trial_amounts_booked"),
        ({"fund_pay_sumamt": "50.00", "psn_cash_pay": "41.00"},
         [line(ask("2207", "G00001", mdtrt_id="M1"),
               settled(medfee_sumamt=101, fund_pay_sumamt=60, acct_pay=10))],
         "not_as_answered"),
        ({"fund_pay_sumamt": "50.00", "psn_cash_pay": "41.00"},
         [line(ask("2204", "G41000", mdtrt_id="M1"), told(-1, "ORA-00001: 违反唯一约束"))],
         "leftover_lines"),
    ],
)  # fmt: skip
def test_why_amounts_differ(desk, changes, lines, cause):
    more = ["--log", log(desk, *lines)] if lines else []

    assert desk.run([row(0), row(1, **changes)], rows(0, 1), *more) == 1
    assert desk.open_rows("his")["S00001"]["cause"] == cause
    assert desk.open_rows("centre")["S00001"]["cause"] == cause


@slow
@pytest.mark.parametrize(
    ("changes", "lines", "cause"),
    [
        ({"clr_type": "21"}, [], "category_mapping"),
        ({"clr_optins": "439900"}, [], "other_place"),
        ({"clr_type": "21"},
         [line(ask("2207", "G00001", mdtrt_id="M1"), settled(clr_type="11"))],
         "category_as_answered"),
    ],
)  # fmt: skip
def test_why_the_category_differs(desk, changes, lines, cause):
    more = ["--log", log(desk, *lines)] if lines else []

    assert desk.run([row(0), row(1, **changes)], rows(0, 1), *more) == 1
    assert desk.open_rows("his")["S00001"]["cause"] == cause


@slow
@pytest.mark.parametrize(
    ("ours", "theirs", "cause"),
    [
        ("2026-03-02 23:59:58", "2026-03-03 00:00:02", "day_cut"),
        ("2026-03-02 10:00:00", "2026-03-02 10:20:00", "clock_offset"),
    ],
)
def test_why_the_time_differs(desk, ours, theirs, cause):
    assert desk.run([row(0), row(1, setl_time=ours)], [row(0), row(1, setl_time=theirs)]) == 0
    assert desk.open_rows("his")["S00001"]["cause"] == cause


def trace(desk, *records, sealed=True):
    """A trace as ``medharness run`` writes it, with HTTP messages on two connections."""
    folder = desk.folder / "run" / "traces"
    folder.mkdir(parents=True)
    body = [{"kind": "open", "format": 1, "scenario": "x", "seed": 1}, *records]
    text = ""
    for number, one in enumerate(body, 1):
        head = {"n": number, "t": float(number), "w": "2026-03-02T10:00:00.000+08:00"}
        text += json.dumps(head | one, ensure_ascii=False) + "\n"
    (folder / "x.jsonl").write_text(text, encoding="utf-8")
    return folder.parent


def message(payload, conn, frm="his"):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {"kind": "message", "protocol": "http", "conn": conn, "frm": frm, "link": "yb",
            "raw": base64.b64encode(raw).decode()}  # fmt: skip


def closed(conn):
    return {"kind": "link", "event": "closed", "conn": conn, "link": "yb", "reason": "reset"}


@slow
def test_the_trace_of_a_run_is_evidence(desk):
    run = trace(
        desk,
        message(ask("2207", "G00002", mdtrt_id="M2"), "yb#1"),
        {"kind": "fault", "event": "fired", "id": "f1", "fault_class": "F3", "conn": "yb#1"},
        closed("yb#1"),
        message(ask("2207", "G00003", mdtrt_id="M3"), "yb#2"),
        message(told(setl_id="S00003"), "yb#2", frm="centre"),
        message(ask("2207", "G00004", mdtrt_id="M4"), "yb#3"),
        message(b"<html>504</html>", "yb#3", frm="centre"),
    )
    assert desk.run(rows(0, 1), rows(0, 1, 2, 3, 4), "--trace", run) == 1
    causes = {name: one["cause"] for name, one in desk.open_rows("centre").items()}
    assert causes == {
        "S00002": "answer_lost", "S00003": "his_rollback", "S00004": "answer_unreadable",
    }  # fmt: skip


@slow
def test_an_answer_on_another_connection_is_not_taken_for_this_one(desk):
    run = trace(
        desk,
        message(ask("2207", "G00002", mdtrt_id="M2"), "yb#1"),
        closed("yb#1"),
        message(told(setl_id="S00002"), "yb#1", frm="centre"),
    )
    assert desk.run(rows(0, 1), rows(0, 1, 2), "--trace", run) == 1
    assert desk.open_rows("centre")["S00002"]["cause"] == "answer_lost"


@slow
def test_payloads_in_blobs_and_in_gbk_are_read(desk):
    run = trace(desk)
    request = json.dumps(
        ask("2207", "G00002", mdtrt_id="M2", opter_name="张三"), ensure_ascii=False
    )
    raw = request.encode("gb18030")
    digest = hashlib.sha256(raw).hexdigest()
    (run / "traces" / "blobs").mkdir()
    (run / "traces" / "blobs" / digest).write_bytes(raw)
    record = message(b"", "yb#1") | {"blob": digest, "size": len(raw)}
    with (run / "traces" / "x.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(
            json.dumps({"n": 2, "t": 2.0, "w": "2026-03-02T10:00:00.000+08:00"} | record) + "\n"
        )

    assert desk.run(rows(0, 1), rows(0, 1, 2), "--trace", run) == 1
    assert desk.open_rows("centre")["S00002"]["cause"] == "answer_lost"


@slow
def test_a_log_without_any_call_is_refused(desk):
    assert desk.run(rows(0), rows(0), "--log", desk.file("x.jsonl", '{"a": 1}\nnonsense\n')) == 2
    assert desk.run(rows(0), rows(0), "--log", desk.folder / "nowhere") == 2


@slow
def test_a_trace_written_by_the_recorder_itself_is_evidence(desk):
    """The run's own journal: both ends of a connection, an answer that was cut, a sealed file."""
    clock = VirtualClock(datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    folder = desk.folder / "run"
    journal = Trace(clock=clock, path=folder / "traces" / "x.jsonl")
    journal.add("open", format=1, scenario="x", seed=1)
    recorder = Recorder(trace=journal)

    def end(number, *, client):
        local, peer = ("HIS", "centre") if client else ("centre", "HIS")
        return Connection(id=f"yb#{number}", link="yb", interface="insurance", local=local,
                          peer=peer, client=client)  # fmt: skip

    for number, answer in ((2, None), (3, told(setl_id="S00003"))):
        request = HttpRequest(
            payload=json.dumps(ask("2207", f"G0000{number}", mdtrt_id=f"M{number}")).encode()
        )
        recorder.event(end(number, client=True), "http", request, sent=True)
        recorder.event(end(number, client=False), "http", request, sent=False)
        clock.advance_to(number)
        if answer is not None:
            response = HttpResponse(status=200, payload=json.dumps(answer).encode())
            recorder.event(end(number, client=False), "http", response, sent=True)
        recorder.link(end(number, client=True), "closed", "reset")
    journal.seal("fail")

    assert desk.run(rows(0, 1), rows(0, 1, 2, 3), "--trace", folder) == 1
    causes = {name: one["cause"] for name, one in desk.open_rows("centre").items()}
    assert causes == {"S00002": "answer_lost", "S00003": "his_rollback"}


BILL = "outTradeNo,cashAmt,tradeTime\nB0,3000,2026-03-02 10:00:02\nB1,3100,2026-03-02 10:00:03\n"
GIVEN_BACK = "B1,-3100,2026-03-02 11:00:03\n"


@slow
@pytest.mark.parametrize(
    ("told_of", "cause"),
    [
        ({"ordStas": "11"}, "mobile_refund_partial"),
        ({"ordStas": "16"}, "mobile_refund_partial"),
        ({"ordStas": "7", "refStatus": "EXP"}, "mobile_refund_partial"),
        ({"ordStas": "6"}, "unknown"),
    ],
)
def test_a_mobile_refund_that_was_done_by_half(desk, told_of, cause):
    path = log(desk, line(ask("6301", "G63010", mdtrt_id="M1"), told(**told_of)))
    names = desk.file("names.toml", '[channel_bill]\nbase = "platform"\n')
    more = ("--log", path, "--columns", names, "--channel")

    # The channel gave the money back, insurance and hospital did not.
    bill = desk.file("platform.csv", BILL + GIVEN_BACK)
    assert desk.run(rows(0, 1), rows(0, 1), *more, bill) == 1
    (found,) = [one for one in desk.verdicts("channel") if one["class"] != "matched"]
    assert (found["class"], found["cause"]) == ("channel_only", cause)

    # The other way round: of the bill there is nothing in the channel any more.
    bill = desk.file("platform.csv", BILL[: BILL.index("B1")])
    assert desk.run(rows(0, 1), rows(0, 1), *more, bill) == 1
    assert desk.verdicts("his")[1]["class"] == "channel_missing"
    assert desk.verdicts("his")[1]["cause"] == cause


@slow
@pytest.mark.parametrize(
    ("at_centre", "cause"),
    [("2026-04-01 00:00:20", "reversal_next_month"), ("2026-03-31 23:59:59", "")],
)
def test_a_reversal_over_the_end_of_the_month(desk, at_centre, cause):
    minus = {"medfee_sumamt": "-101.00", "fund_pay_sumamt": "-60.00", "acct_pay": "-10.00",
             "psn_cash_pay": "-31.00", "refd_setl_flag": "1"}  # fmt: skip
    late = {"setl_time": "2026-03-31 23:59:50"}
    his = [row(0, **late), row(1, **minus, **late)]
    centre = [row(0, **late), row(1, **minus, setl_time=at_centre)]

    assert desk.run(his, centre) == 0
    assert desk.verdicts("his")[1]["cause"] == cause
    assert desk.verdicts("his")[1]["class"] == ("cross_day" if cause else "matched")


@slow
def test_a_bill_over_midnight_is_no_reversal(desk):
    one, other = "2026-03-31 23:59:50", "2026-04-01 00:00:20"
    assert desk.run([row(0), row(1, setl_time=one)], [row(0), row(1, setl_time=other)]) == 0
    assert desk.verdicts("his")[1]["cause"] == "day_cut"


@slow
@pytest.mark.parametrize("wrong", ["800123456O", "008001234560", "8001234561"])
def test_an_id_that_was_damaged_on_its_way(desk, wrong):
    true = row(7, setl_id="8001234560", msgid="GA", mdtrt_id="MA")
    his = row(7, setl_id=wrong, msgid="GB", mdtrt_id="MB")

    assert desk.run([row(0), his], [row(0), true]) == 1
    found = desk.verdicts("his")[1]
    assert (found["class"], found["cause"]) == ("id_suspect", "id_damaged")
    assert found["partner"] == "centre:2"
